"""Proving contracts: one engine, any number of streams."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from contractline.clickhouse.ddl import stream_columns
from contractline.clickhouse.sql import Statement
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.clients.clickhouse import ClickHouseAway, Warehouse
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.model import Contract
from contractline.errors import ContractsInvalid, ServiceUnavailable, SettingInvalid
from contractline.finding import Effect, Finding
from contractline.project import Project
from contractline.proof.findings import (
    findings_of,
    tables_refused,
    unmapped,
    verdict_of,
)
from contractline.proof.ids import Ids
from contractline.proof.process import engine_process
from contractline.proof.sandbox import TablesRefused, sandbox
from contractline.proof.server import ProofServer, errors_table, fetches, sweep
from contractline.proof.trial import Trial, TrialPlan, Writing, planned
from contractline.rules.clickhouse_verdict import verdict
from contractline.settings import Endpoints

RECORDS = 100
"""Random records of each version, beside the edges."""


@dataclass(frozen=True, slots=True)
class StreamProof:
    """What came of one stream.

    Attributes:
        stream: the stream.
        records: how many records of each version were tried.
        verdict: what its tables make of them.
        findings: where they go wrong.
        seconds: how long it took.
        unmappable: why the contract has no tables as it is now, so that those of the base were
            used; empty where it has.
    """

    stream: str
    records: Mapping[str, int]
    verdict: Effect
    findings: tuple[Finding, ...]
    seconds: float
    unmappable: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a proof.

    Attributes:
        engine: the version of ClickHouse that read the records.
        deployed: the version that the tables run on; None where it is not known.
        streams: the streams.
        seconds: how long it took, the engine's start included.
    """

    engine: str
    deployed: str | None
    streams: tuple[StreamProof, ...]
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found."""
        return tuple(finding for stream in self.streams for finding in stream.findings)

    @property
    def warning(self) -> str:
        """What to say where the tables run on another release; empty where they don't."""
        return release_warning(self.engine, self.deployed)


def release_warning(engine: str, deployed: str | None) -> str:
    """Return what to say where the tables run on another release than the one that read records.

    Args:
        engine: the version that read the records.
        deployed: the version that the tables run on, where it is known.
    """
    if deployed is None or _release(deployed) == _release(engine):
        return ""
    hint = "prove on it: `contractline prove --clickhouse URL`"
    return f"warning: the tables run on ClickHouse {deployed}; {hint}"


class Prover:
    """Proves streams on one engine.

    Attributes:
        version: the engine's version.
    """

    def __init__(self, warehouse: Warehouse, ids: Ids, errors: Statement) -> None:
        self._ids = ids
        self.version = str(warehouse.rows("SELECT version()")[0][0])
        self._server = ProofServer(warehouse, ids.url, errors, fetches(warehouse, ids))

    def prove(
        self, change: StreamChange, *, records: int = RECORDS, seed: int = 0
    ) -> StreamProof | None:
        """Prove a contract as it is now; None for a stream without a sink.

        Where the contract can't be mapped to tables any more, the tables as they are read what its
        new versions write: those of the base, or of the released versions.

        Args:
            change: the contract, and how it was at the base where there is one.
            records: how many random records of each version.
            seed: decides the random ones.

        Raises:
            ContractsInvalid: the contract can't be read.
            SchemaUnmappable: it can't be mapped, and neither can the base, or there is none.
            ServiceUnavailable: the engine did not answer.
        """
        draft = change.after
        contract = _read(draft)
        if draft is None or contract is None or contract.sink is None:
            return None
        after = planned(contract)
        try:
            stream_columns(after)
        except SchemaUnmappable as problem:
            base = _base(change, contract)
            if base is None:
                raise
            plan = TrialPlan(base, _new(after, base), records, seed)
            return self._proved(change, draft, plan, str(problem))
        return self._proved(change, draft, TrialPlan(after, _writings(after), records, seed))

    def _proved(
        self, change: StreamChange, draft: Draft, plan: TrialPlan, unmappable: str = ""
    ) -> StreamProof:
        began = time.monotonic()
        first = (unmapped(draft, unmappable),) if unmappable else ()
        try:
            with sandbox(self._server, plan.contract) as tables:
                outcome = Trial(plan, tables, self._ids).run()
        except TablesRefused as refusal:
            found = (*first, tables_refused(draft, refusal.problem))
            took = time.monotonic() - began
            return StreamProof(draft.name, {}, Effect.BREAKS, found, took, unmappable)
        whose = "the tables as they are" if unmappable else "the tables"
        said = verdict(change) if outcome.is_wrong else None
        return StreamProof(
            draft.name,
            outcome.tried,
            verdict_of(outcome),
            (*first, *findings_of(outcome, draft, whose, said.foreseen if said else {})),
            time.monotonic() - began,
            unmappable,
        )


def prove(
    changes: Sequence[StreamChange],
    project: Project,
    *,
    clickhouse: str | None = None,
    deployed: str | None = None,
    records: int = RECORDS,
    seed: int = 0,
) -> Proof:
    """Prove contracts.

    Args:
        changes: the contracts, and how they were at the base where there is one.
        project: the checkout.
        clickhouse: the URL of a server to prove on; without it an engine of its own is started.
        deployed: the version that the tables run on, where it is known.
        records: how many random records of each version.
        seed: decides the random ones.

    Raises:
        ContractsInvalid: a contract can't be read.
        EngineFailed: the engine does not start, or ends in the middle.
        ServiceUnavailable: the server did not answer.
    """
    began = time.monotonic()
    with prover(project, clickhouse) as one:
        proofs = [one.prove(change, records=records, seed=seed) for change in changes]
        streams = tuple(proof for proof in proofs if proof is not None)
    return Proof(one.version, deployed, streams, time.monotonic() - began)


@contextmanager
def prover(project: Project, clickhouse: str | None = None) -> Iterator[Prover]:
    """Return what proves, on a server or on an engine of its own.

    Args:
        project: the checkout; its clickhouse_ddl holds the table of errors.
        clickhouse: the URL of a server.

    Raises:
        EngineFailed: the engine does not start, or ends while it is used.
        SettingInvalid: the URL is none.
        ServiceUnavailable: the server did not answer.
    """
    errors = errors_table(project)
    if clickhouse is not None:
        _refuse_odd(clickhouse)
        try:
            with _prover_at(clickhouse, errors) as one:
                yield one
        except ClickHouseAway as problem:
            hint = "`--clickhouse URL` names ClickHouse's HTTP interface; is it up?"
            raise ServiceUnavailable(
                problem.service, problem.where, problem.problem, hint=hint
            ) from problem
        return
    with engine_process() as engine:
        try:
            with _prover_at(engine.url, errors) as one:
                yield one
        except ClickHouseAway as problem:
            raise engine.failure() from problem


def _refuse_odd(url: str) -> None:
    """Refuse what is not a URL: the driver would turn to this machine's default port."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        hint = "write it as http://user:password@host:8123"
        raise SettingInvalid(
            "--clickhouse", "is not a URL of ClickHouse's HTTP interface", hint=hint
        )


@contextmanager
def _prover_at(url: str, errors: Statement) -> Iterator[Prover]:
    with closing(Warehouse(Endpoints(clickhouse_url=url))) as warehouse, Ids() as ids:
        sweep(warehouse)
        yield Prover(warehouse, ids, errors)


def deployed_version(endpoints: Endpoints) -> str | None:
    """Return the version of the ClickHouse that the tables run on; None where none answers.

    Nothing else is asked of it.
    """
    if endpoints.clickhouse_url is None:
        return None
    try:
        with closing(Warehouse(endpoints)) as warehouse:
            return str(warehouse.rows("SELECT version()")[0][0])
    except ServiceUnavailable:
        return None


def _release(version: str) -> list[str]:
    """Return year, month and patch: what comes after tells who built it."""
    return version.split(".")[:3]


def _read(draft: Draft | None) -> Contract | None:
    if draft is None:
        return None
    if draft.findings:
        raise ContractsInvalid(draft.findings)
    return draft.complete


def _base(change: StreamChange, contract: Contract) -> Contract | None:
    """Return the contract that the tables as they are follow from; None where there are none."""
    before = _read(change.before)
    if before is not None and before.sink is not None:
        return planned(before)
    return contract if contract.values else None


def _new(contract: Contract, base: Contract) -> tuple[Writing, ...]:
    """Return the versions that the base does not have."""
    known = {version.schema for version in base.values}
    return tuple(one for one in _writings(contract) if one.schema not in known)


def _writings(contract: Contract) -> tuple[Writing, ...]:
    """Return every version; the last one is the working schema where that is not released."""
    return tuple(
        Writing(
            f"v{version.number}"
            + (" (not released)" if version.file == contract.folder / "value.avsc" else ""),
            version.schema,
        )
        for version in contract.values
    )
