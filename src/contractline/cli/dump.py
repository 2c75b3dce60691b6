"""``contractline dump``: what a running system holds, as files of the checkout."""

from __future__ import annotations

from pathlib import Path

import click

from contractline.cli import Invocation


@click.command()
@click.option(
    "--registry",
    "url",
    is_flag=False,
    flag_value="",
    default="",
    metavar="[URL]",
    help="Where its Confluent API is (default: SCHEMA_REGISTRY_URL).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the new contracts, such as contracts.",
)
@click.option(
    "--metabase",
    "from_metabase",
    is_flag=True,
    help="Write what was changed by hand in Metabase into the questions of reports/ instead.",
)
@click.pass_obj
def command(invocation: Invocation, url: str, output: Path | None, from_metabase: bool) -> int:
    """Write the subjects of a registry as contracts: all versions, the level, the key.

    A pair <topic>-value, <topic>-key becomes a folder, with a number where two topics would have
    one name (shop.orders and shop_orders). Nothing is overwritten. What no registry
    knows, such as the owner, is left out, and `contractline check` names it. Exit code 0 when all
    subjects are under contract then, 1 when some were skipped.

    With --metabase, questions of reports/ that people changed in Metabase get the new title,
    description and SQL. Exit code 1 when a change can't be written into a file; it is named.
    """
    if from_metabase:
        return _dump_metabase(invocation)
    if output is None:
        raise click.UsageError("Missing option '--output'.")
    from contractline.clients.registry import Registry
    from contractline.contracts.load import load_drafts
    from contractline.scaffold.from_registry import Adopted, adopt
    from contractline.settings import Endpoints

    project = invocation.project
    where = url or Endpoints.load(project).need("schema_registry_url")
    written = skipped = 0
    with Registry(where) as registry:
        for one in adopt(registry, load_drafts(project), output):
            if isinstance(one, Adopted):
                written += 1
                count = f"{one.versions} version{'' if one.versions == 1 else 's'}"
                click.echo(f"wrote {one.folder}: {one.topic}, {count}")
                for note in one.notes:
                    click.echo(f"  {note}")
            else:
                skipped += "under contract already" not in one.reason
                click.secho(f"skipped {one.subject}: {one.reason}", fg="yellow")
    click.echo(f"{written} contracts written")
    if written:
        click.echo("next: `contractline check` names what a registry does not know")
    return 1 if skipped else 0


def _dump_metabase(invocation: Invocation) -> int:
    from contractline.metabase.target import MetabaseReports
    from contractline.settings import Endpoints

    project = invocation.project
    exports = MetabaseReports(project, (), Endpoints.load(project)).exported()
    for export in exports:
        for file, text in export.files.items():
            file.write_text(text, encoding="utf-8")
            click.echo(f"wrote {file.relative_to(project.root)}")
        for words in export.left:
            click.secho(f"left {export.question}: {words} was changed too", fg="yellow")
    if not exports:
        click.echo("no question was changed by hand in Metabase")
    else:
        click.echo("next: `contractline check reports`, then `contractline apply reports`")
    return 1 if any(export.left for export in exports) else 0
