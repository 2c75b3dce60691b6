"""The replay proof inside a check: the streams that changed, on the real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.change import StreamChange
from contractline.finding import Finding
from contractline.project import Project
from contractline.proof.proof import (
    Prover,
    StreamProof,
    deployed_version,
    prover,
    release_warning,
)
from contractline.settings import Endpoints


@dataclass(frozen=True, slots=True)
class Proving:
    """What came of the proof.

    Attributes:
        findings: where tables do not read what was written.
        lines: what was tried on which engine, in words.
    """

    findings: tuple[Finding, ...]
    lines: tuple[str, ...]


def proving(project: Project, changes: Sequence[StreamChange]) -> Proving:
    """Prove streams; one that can't be read or mapped is left out and named.

    Raises:
        ServiceUnavailable: the engine does not start, or ends in the middle.
    """
    findings: list[Finding] = []
    lines: list[str] = []
    with prover(project) as engine:
        for change in changes:
            proof = _proof(engine, change)
            if isinstance(proof, StreamProof):
                findings += proof.findings
            lines.append(f"{change.name}: {_words(proof)}")
        lines += _engine(engine.version, deployed_version(Endpoints.load(project)))
    return Proving(tuple(findings), tuple(lines))


def _proof(engine: Prover, change: StreamChange) -> StreamProof | str | None:
    """Return a stream's proof; None for one without tables, or why it was not tried."""
    if change.after is None or change.after.findings:
        return "not tried, the contract can't be read"
    try:
        return engine.prove(change)
    except SchemaUnmappable as problem:
        return f"not tried, it has no tables: {problem}"


def _words(proof: StreamProof | str | None) -> str:
    if proof is None:
        return "ClickHouse does not read it"
    if isinstance(proof, str):
        return proof
    tried = ", ".join(f"{count} of {label}" for label, count in proof.records.items())
    return f"{proof.verdict}; records: {tried or 'none'}"


def _engine(version: str, deployed: str | None) -> Iterator[str]:
    yield f"read by ClickHouse {version}"
    if warning := release_warning(version, deployed):
        yield warning
