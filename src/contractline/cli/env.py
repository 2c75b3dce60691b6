"""``contractline env``: the variables by which clients find the services."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Print export lines for a shell, credentials included: eval "$(contractline env)"."""
    from contractline.settings import environment
    from contractline.stack.control import Stack

    click.echo(render(Stack(invocation.project, environment()).exports()), nl=False)


def render(variables: Mapping[str, str]) -> str:
    """Return export lines that a shell reads back as the same values."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
