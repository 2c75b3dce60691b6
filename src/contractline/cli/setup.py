"""``contractline setup``: bring what the local stack needs."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Fetch everything that the local stack needs, verify it, and repair what is damaged."""
    from contractline.cli._progress import provide
    from contractline.settings import environment
    from contractline.stack.control import Stack
    from contractline.stack.recording import record

    project = invocation.project
    artefacts = Stack(project, environment()).artefacts
    artefacts.verify()
    provide(artefacts)
    record(
        project,
        environment(),
        lambda event: None,
        lambda: click.echo("recording Java's start-up caches (once, about 20 s)"),
    )
    click.echo(f"all artefacts are there and verified: {artefacts.runtime}")
