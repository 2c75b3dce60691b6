"""``contractline check``: whether what the checkout declares keeps the rules."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.argument("what", type=click.Choice(["contracts"]), required=False)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@click.pass_obj
def command(invocation: Invocation, what: str | None, output: str) -> int:
    """Check the contracts, offline; everything that can be checked, without a name.

    Each mistake is reported with its rule, file, line, path and what to do. Exit code 0 when
    there is none (warnings aside), 1 when there is one, 2 when the check could not be made.
    """
    from contractline.cli._findings import as_json, counted, errors, show
    from contractline.contracts.load import load_drafts
    from contractline.rules.check import findings_of

    project = invocation.project
    drafts = load_drafts(project)
    findings = findings_of(drafts)
    if output == "json":
        click.echo(as_json(findings, project.root))
    else:
        show(findings, project.root)
        click.echo(f"{len(drafts)} contracts: {counted(findings)}")
    return 1 if errors(findings) else 0
