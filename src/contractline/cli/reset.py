"""``contractline reset``: stop the local stack and remove its data."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from contractline.cli import Invocation
from contractline.errors import ContractlineError


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(invocation: Invocation, yes: bool) -> int:
    """Stop the local stack and remove its data, logs and passwords.

    Downloads and settings stay. Exit code 0 when they are removed, 1 when they are not since you
    said no, 2 when nobody could be asked.
    """
    from contractline.cli._progress import telling
    from contractline.settings import environment
    from contractline.stack.control import Stack

    project = invocation.project
    if not yes and not _is_agreed(project.root):
        click.echo("nothing was removed")
        return 1
    with telling() as tell:
        Stack(project, environment()).reset(tell)
    click.echo(f"removed {project.state}")
    return 0


class NobodyToAsk(ContractlineError):
    """When a question can't be asked, since there is no terminal."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"this removes all data of the stack in {root}, and there is no terminal to ask at;"
            " nothing was removed",
            hint="`make reset YES=1`, or `contractline reset --yes`, does it without a question",
        )


def _is_agreed(root: Path) -> bool:
    try:
        return click.confirm(f"Remove all data of the stack in {root}?")
    except click.Abort as abort:
        if sys.stdin.isatty():
            raise
        raise NobodyToAsk(root) from abort
