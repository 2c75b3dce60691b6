"""``contractline generate``: write what follows from the contracts into files that are committed."""

from __future__ import annotations

from pathlib import Path

import click

from contractline.cli import Invocation


@click.command()
@click.argument("what", type=click.Choice(["tables"]), default="tables")
@click.option("--check", is_flag=True, help="Write nothing; say which files differ.")
@click.pass_obj
def command(invocation: Invocation, what: str, check: bool) -> int:
    """Write clickhouse_ddl/streams from the contracts.

    With --check exit code 0 when the files are as the contracts want them, 1 when one differs, 2
    when it could not be told.
    """
    from contractline.contracts.load import load_contracts
    from contractline.mapping.ddl import STREAMS, stream_files

    project = invocation.project
    wanted = stream_files(project, load_contracts(project))
    present = {file: file.read_text(encoding="utf-8") for file in _files(project.ddl / STREAMS)}
    differing = sorted(
        file for file in wanted.keys() | present.keys() if wanted.get(file) != present.get(file)
    )
    for file in differing:
        name = file.relative_to(project.root)
        if check:
            click.echo(f"{name}: {_difference(wanted.get(file), present.get(file))}")
        elif file in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
            click.echo(f"wrote {name}")
        else:
            file.unlink()
            click.echo(f"removed {name}: no contract gives it")
    if not differing:
        click.echo(f"{len(wanted)} files are as the contracts want them")
    elif check:
        click.echo("`contractline generate tables` writes them", err=True)
    return 1 if check and differing else 0


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))


def _difference(wanted: str | None, present: str | None) -> str:
    if wanted is None:
        return "no contract gives it"
    if present is None:
        return "is missing"
    lines = zip(wanted.splitlines(), present.splitlines(), strict=False)
    first = next((n for n, (a, b) in enumerate(lines, 1) if a != b), None)
    at = first or min(wanted.count("\n"), present.count("\n")) + 1
    return f"differs from line {at} on"
