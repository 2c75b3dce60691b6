"""``contractline generate``: write what follows from the contracts and rules into committed files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from contractline.cli import Invocation
from contractline.project import Project


@click.command()
@click.argument(
    "what", type=click.Choice(["tables", "rules", "catalog", "reports", "cdc"]), required=False
)
@click.option("--check", is_flag=True, help="Write nothing; say which files differ.")
@click.pass_obj
def command(invocation: Invocation, what: str | None, check: bool) -> int:
    """Write the committed files that follow from others; all but cdc, without a name.

    tables: clickhouse_ddl/streams, from the contracts. rules: docs/rules, from the rules. catalog:
    docs/catalog.md, from the contracts and from what reads their tables. reports: reports/schemas,
    by which editors complete questions and dashboards. cdc: connect/captured, what Debezium makes
    of connect/postgres; PostgreSQL, Kafka, Connect and Debezium are started for it, beside
    everything else, and removed again (about 20 s).

    With --check exit code 0 when the files are as they should be, 1 when one differs, 2 when it
    could not be told.
    """
    project = invocation.project
    number, differing = 0, []
    for name in (what,) if what else _QUICK:
        wanted, present = _KINDS[name](project)
        number += len(wanted)
        if wanted != present:
            differing.append(name)
            _settle(project, wanted, present, write=not check)
    if not differing:
        click.echo(f"{number} files are as they should be")
    elif check:
        for name in differing:
            click.echo(f"`contractline generate {name}` writes them", err=True)
    return 1 if check and differing else 0


Files = Mapping[Path, str]


def _tables(project: Project) -> tuple[Files, Files]:
    from contractline.clickhouse.ddl import STREAMS, stream_files
    from contractline.contracts.load import load_contracts

    return stream_files(project, load_contracts(project)), _read(project.ddl / STREAMS, "*.sql")


def _rules(project: Project) -> tuple[Files, Files]:
    from contractline.rules.by_id import RULES
    from contractline.rules.pages import FOLDER, page_files

    return page_files(project, RULES), _read(project.docs / FOLDER, "*.md")


def _catalog(project: Project) -> tuple[Files, Files]:
    from contractline.catalog.pages import catalog
    from contractline.catalog.render import NAME, markdown

    return {project.docs / NAME: markdown(catalog(project))}, _read(project.docs, NAME)


def _reports(project: Project) -> tuple[Files, Files]:
    from contractline.reports.schemas import schema_files

    wanted = schema_files(project)
    return wanted, _read(project.reports / "schemas", "*.json")


def _cdc(project: Project) -> tuple[Files, Files]:
    from contractline.cli._capture import captured
    from contractline.contracts.load import load_contracts
    from contractline.debezium.capture import contract_keys

    wanted = captured(project, contract_keys(load_contracts(project))).files
    return wanted, _read(project.captured, "*")


_KINDS = {"tables": _tables, "rules": _rules, "catalog": _catalog, "reports": _reports, "cdc": _cdc}
"""What is generated: the files as they should be, and as they are."""

_QUICK = ("tables", "rules", "catalog", "reports")
"""What is generated without a name, in this order: what needs no service."""


def _read(folder: Path, pattern: str) -> Files:
    from contractline.avro.files import as_text

    return {file: as_text(file) for file in sorted(folder.glob(pattern))}


def _settle(project: Project, wanted: Files, present: Files, *, write: bool) -> None:
    """Name each file that is not as it should be, or make it so."""
    for file in sorted(wanted.keys() | present.keys()):
        if wanted.get(file) == present.get(file):
            continue
        name = file.relative_to(project.root)
        if not write:
            click.echo(f"{name}: {_difference(wanted.get(file), present.get(file))}")
        elif file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists() and not (file.is_file() or file.is_dir()):
                file.unlink()  # writing into a pipe would wait for a reader
            file.write_text(wanted[file], encoding="utf-8")
            click.echo(f"wrote {name}")
        else:
            file.unlink()
            click.echo(f"removed {name}: nothing gives it")


def _difference(wanted: str | None, present: str | None) -> str:
    if wanted is None:
        return "nothing gives it"
    if present is None:
        return "is missing"
    lines = zip(wanted.splitlines(), present.splitlines(), strict=False)
    first = next((n for n, (a, b) in enumerate(lines, 1) if a != b), None)
    at = first or min(wanted.count("\n"), present.count("\n")) + 1
    return f"differs from line {at} on"
