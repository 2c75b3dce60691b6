"""``contractline retire``: take a stream out of the systems and out of the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.contracts.model import Contract
    from contractline.project import Project
    from contractline.scaffold.retire import Removal

_KEEP = "keep"


@click.command()
@click.argument("stream")
@click.option(
    "--tables",
    type=click.Choice([_KEEP, "drop"]),
    default=_KEEP,
    show_default=True,
    help="What becomes of its tables in ClickHouse.",
)
@click.option(
    "--topic",
    type=click.Choice([_KEEP, "delete"]),
    default=_KEEP,
    show_default=True,
    help="What becomes of its topic.",
)
@click.option(
    "--subjects",
    type=click.Choice([_KEEP, "delete"]),
    help="What becomes of its schemas in the registry (default: as the topic).",
)
@click.option(
    "--to",
    "aside",
    type=click.Path(path_type=Path),
    help="The folder that its files move to (default: retired/STREAM).",
)
@click.option("--yes", is_flag=True, help="Do it, instead of saying what would be done.")
@click.pass_obj
def command(
    invocation: Invocation,
    stream: str,
    tables: str,
    topic: str,
    subjects: str | None,
    aside: Path | None,
    yes: bool,
) -> int:
    """Retire STREAM: nothing writes it, reads it or declares it any more.

    Says everything that it would do, and does it with --yes: the connector reads its table no more,
    the publication drops it; the queue and the views in ClickHouse go; tables, topic and schemas
    stay or go as you choose; contract and generated files move aside. The table in PostgreSQL stays.
    Run it again should it break off. Stop the producers of the stream first.

    Exit code 0 when the stream is retired, 1 when it is not since --yes was not given, 2 when it
    could not be done.
    """
    from contractline.cli._targets import show_findings, show_plan, show_rest, show_step
    from contractline.cli.new import author
    from contractline.contracts.load import contract_named, load_contracts
    from contractline.contracts.model import SystemSource
    from contractline.scaffold.retire import NotRetirable, PlaceTaken, refuse_read, removal
    from contractline.settings import Endpoints
    from contractline.targets import Outcome, applied
    from contractline.targets.retire import Leaving, RetireChoice, retirement

    project = invocation.project
    contracts = load_contracts(project)
    contract = contract_named(contracts, stream)
    if isinstance(contract.source, SystemSource):
        raise NotRetirable(stream)
    subjects = subjects or topic
    if topic == _KEEP and subjects != _KEEP:
        words = "the messages in the topic need them; `--topic delete` as well, or keep both"
        raise click.BadParameter(words, param_hint="--subjects")
    refuse_read(project, contract)
    aside = aside or project.root / "retired" / stream
    if aside.exists():
        raise PlaceTaken(aside)
    who = author(project, contract.owner)
    choice = RetireChoice(tables != _KEEP, topic != _KEEP, subjects != _KEEP, who)
    left = [one for one in contracts if one.name != stream]
    leaving = Leaving(project, contract, left, Endpoints.load(project), choice)
    parts = retirement(leaving)
    files = removal(project, contract, contracts)
    if not yes:
        for part in parts:
            show_plan(part.plan(), with_detail=True)
        _say_files(project, files, aside)
        click.echo("nothing was changed; `--yes` does it")
        return 1
    for part in parts:
        outcome: Outcome = applied(
            part, on_plan=show_findings, on_step=lambda _, step: show_step(step)
        )
        show_rest(outcome)
        if outcome.exit_code:
            click.echo(f"{stream} is not retired yet: run it again once that is mended")
            return outcome.exit_code
    _move(project, contract, files, aside, who)
    return 0


def _say_files(project: Project, files: Removal, aside: Path) -> None:
    from contractline.finding import shown_path

    click.secho("files", bold=True)
    for path in files.moved:
        click.echo(f"  move {shown_path(path, project.root)} to {shown_path(aside, project.root)}")
    for path in files.written:
        click.echo(f"  write {shown_path(path, project.root)} without it")


def _move(project: Project, contract: Contract, files: Removal, aside: Path, who: str) -> None:
    from datetime import UTC, datetime

    from contractline.catalog.pages import catalog
    from contractline.catalog.render import NAME, markdown
    from contractline.finding import shown_path
    from contractline.scaffold.retire import agree, carry_out, is_released
    from contractline.settings import environment

    released = [c for c in files.contracts if is_released(project, c.name, environment())]
    place = shown_path(aside, project.root)
    click.secho("files", bold=True)
    for path, _ in carry_out(project, files, aside):
        click.echo(f"  moved {shown_path(path, project.root)} to {place}")
    written = list(files.written)
    today = datetime.now(UTC).date()
    written += [agree(one, who, today, moved_to=place) for one in released]
    page = project.docs / NAME
    if page.is_file():
        page.write_text(markdown(catalog(project)), encoding="utf-8")
        written.append(page)
    for path in written:
        click.echo(f"  wrote {shown_path(path, project.root)}")
    click.echo(f"{contract.name} is retired; look through what is written, `contractline check`,")
    click.echo("commit it; `contractline plan` names what was kept")
