"""``contractline env``: the variables by which clients find the services."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import click

from contractline.cli import Invocation


@click.command()
@click.option("--compose", is_flag=True, help="Of the containers of compose/ instead.")
@click.pass_obj
def command(invocation: Invocation, compose: bool) -> None:
    """Print export lines for a shell, credentials included: eval "$(contractline env)"."""
    project = invocation.project
    if compose:
        from contractline.cli._compose import endpoints

        variables = endpoints(project.root)
    else:
        from contractline.settings import environment
        from contractline.stack.control import Stack

        variables = Stack(project, environment()).exports()
    click.echo(render(variables), nl=False)


def render(variables: Mapping[str, str]) -> str:
    """Return export lines that a shell reads back as the same values."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
