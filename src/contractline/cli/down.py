"""``contractline down``: stop the local stack."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Stop every service of the local stack; the data stays."""
    from contractline.cli._progress import telling
    from contractline.settings import environment
    from contractline.stack.control import Stack

    with telling() as tell:
        ran = Stack(invocation.project, environment()).down(tell)
    if not ran:
        click.echo("no stack is running in this checkout")
