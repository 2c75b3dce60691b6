"""``contractline dump``: what a running registry holds, as contracts."""

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
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the new contracts, such as contracts.",
)
@click.pass_obj
def command(invocation: Invocation, url: str, output: Path) -> int:
    """Write the subjects of a registry as contracts: all versions, the level, the key.

    A pair <topic>-value, <topic>-key becomes a folder. Nothing is overwritten. What no registry
    knows, such as the owner, is left out, and `contractline check` names it. Exit code 0 when all
    subjects are under contract then, 1 when some were skipped.
    """
    from contractline.contracts.load import load_drafts
    from contractline.gate.streams.adopt import Adopted, adopt
    from contractline.kafka.registry import Registry
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
