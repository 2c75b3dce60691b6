"""``contractline catalog``: every stream on one page."""

from __future__ import annotations

from pathlib import Path

import click

from contractline.cli import Invocation
from contractline.errors import ContractlineError


class CatalogNotWritten(ContractlineError):
    """When the catalog's files can't be written."""

    def __init__(self, file: Path, problem: OSError) -> None:
        self.file = file
        super().__init__(
            f"{file}: {problem.strerror or problem}", hint="name a folder that can be written to"
        )


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to (default: .contractline/catalog).",
)
@click.pass_obj
def command(invocation: Invocation, output: Path | None) -> None:
    """Write the catalog of all streams: index.html and catalog.md.

    Fields with their meaning and readers, owners, promises, personal data, versions and what
    changed, and the way from source to reader as a picture. The page needs nothing else and works
    offline. docs/catalog.md is the same, committed: `contractline generate catalog`.
    """
    from contractline.catalog.pages import catalog
    from contractline.catalog.render import NAME, html, markdown

    project = invocation.project
    folder = project.state / "catalog" if output is None else output
    found = catalog(project)
    for name, text in {"index.html": html(found), NAME: markdown(found)}.items():
        file = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise CatalogNotWritten(file, problem) from problem
        click.echo(f"wrote {file}")
