"""``contractline restart``: stop and start again."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.argument("service", required=False)
@click.pass_obj
def command(invocation: Invocation, service: str | None) -> None:
    """Stop SERVICE and start it again; without a name, the whole stack."""
    from contractline.cli._progress import provide, say
    from contractline.settings import environment
    from contractline.stack.control import Stack

    stack = Stack(invocation.project, environment())
    if service:
        stack.restart(service, say)
        return
    stack.down(say)
    provide(stack.artefacts)
    stack.up(say)
