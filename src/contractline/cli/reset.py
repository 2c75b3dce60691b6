"""``contractline reset``: stop the local stack and remove its data."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(invocation: Invocation, yes: bool) -> int:
    """Stop the local stack and remove its data, logs and passwords.

    Downloads and settings stay.
    """
    from contractline.cli._progress import telling
    from contractline.settings import environment
    from contractline.stack.control import Stack

    project = invocation.project
    if not yes and not click.confirm(f"Remove all data of the stack in {project.root}?"):
        click.echo("nothing was removed")
        return 1
    with telling() as tell:
        Stack(project, environment()).reset(tell)
    click.echo(f"removed {project.state}")
    return 0
