"""``contractline prove``: try every version's records on the real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.signals import sigterm_interrupts

if TYPE_CHECKING:
    from contractline.contracts.change import StreamChange
    from contractline.project import Project
    from contractline.proof.proof import Proof


@click.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option(
    "--against",
    "base",
    metavar="BASE",
    help="A git ref or a folder: its tables read what the contract can't map any more.",
)
@click.option(
    "--clickhouse",
    metavar="URL",
    help="Prove on this server, in databases of the proof's own, and not on the packaged engine.",
)
@click.option(
    "--records",
    type=click.IntRange(0, 100_000),
    default=100,
    show_default=True,
    help="Random records of each version, beside the edges of every type.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the random records.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    streams: tuple[str, ...],
    base: str | None,
    clickhouse: str | None,
    records: int,
    seed: int,
    output: str,
) -> int:
    """Read generated records of every version through the real engine; all streams without a name.

    Each column of the stream's tables must hold what Avro's own resolution gives. Needs no stack.
    Exit code 0 when all do, 1 when one does not, 2 when it could not be told.
    """
    from contractline.cli._fetching import provide_library
    from contractline.finding import errors
    from contractline.proof.proof import deployed_version, prove
    from contractline.settings import Endpoints

    project = invocation.project
    if clickhouse is None:
        provide_library()
    deployed = None if clickhouse else deployed_version(Endpoints.load(project))
    with sigterm_interrupts(), _changes(project, streams, base) as changes:
        proof = prove(
            changes,
            project,
            clickhouse=clickhouse,
            deployed=deployed,
            records=records,
            seed=seed,
        )
    if output == "json":
        click.echo(_as_json(proof, project.root))
    else:
        _show(proof, project.root)
    return 1 if errors(proof.findings) else 0


@contextmanager
def _changes(
    project: Project, streams: Sequence[str], against: str | None
) -> Iterator[tuple[StreamChange, ...]]:
    """Give the streams that are named, all without a name, beside what they were at the base."""
    from contractline.contracts.change import changes
    from contractline.contracts.load import ContractUnknown, load_drafts
    from contractline.gate.base import Base, opened_base
    from contractline.settings import environment

    drafts = load_drafts(project)
    known = [draft.name for draft in drafts]
    for name in streams:
        if name not in known:
            raise ContractUnknown(name, known)
    with opened_base(project, drafts, against, environment()) as base:
        before = base.drafts if isinstance(base, Base) else ()
        pairs = changes(before, drafts)
        yield tuple(one for one in pairs if one.after and (not streams or one.name in streams))


def _show(proof: Proof, root: Path) -> None:
    from contractline.cli._findings import show
    from contractline.finding import counted

    for stream in proof.streams:
        tried = ", ".join(f"{count} of {label}" for label, count in stream.records.items())
        click.echo(f"{stream.stream}: {stream.verdict}; records: {tried} ({stream.seconds:.1f} s)")
        show(stream.findings, root)
    total = sum(count for stream in proof.streams for count in stream.records.values())
    click.echo(
        f"ClickHouse {proof.engine} read {total} records of {len(proof.streams)} streams"
        f" in {proof.seconds:.1f} s: {counted(proof.findings)}"
    )
    if proof.warning:
        click.echo(proof.warning)


def _as_json(proof: Proof, root: Path) -> str:
    import json

    from contractline.finding import values

    streams = [
        {
            "stream": one.stream,
            "verdict": one.verdict,
            "records": dict(one.records),
            "seconds": round(one.seconds, 3),
            "unmappable": one.unmappable or None,
            "findings": [values(finding, root) for finding in one.findings],
        }
        for one in proof.streams
    ]
    whole = {
        "engine": proof.engine,
        "deployed": proof.deployed,
        "seconds": round(proof.seconds, 3),
        "streams": streams,
    }
    return json.dumps(whole, ensure_ascii=False, indent=2, default=str)
