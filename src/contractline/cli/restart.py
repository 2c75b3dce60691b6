"""``contractline restart``: stop and start again."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.argument("service", required=False)
@click.pass_obj
def command(invocation: Invocation, service: str | None) -> None:
    """Stop SERVICE and start it again; without a name, the whole stack."""
    from contractline.cli._progress import provide, telling
    from contractline.settings import environment
    from contractline.stack.control import Stack

    stack = Stack(invocation.project, environment())
    provide(stack.artefacts)
    with telling() as tell:
        if service:
            stack.restart(service, tell)
        else:
            stack.down(tell)
            stack.up(tell)
