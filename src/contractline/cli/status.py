"""``contractline status``: how each service of the local stack is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from contractline.stack.control import ServiceStatus

COLUMNS = ("service", "state", "version", "pid", "memory", "uptime", "url")
NUMBERS = ("pid", "memory", "uptime")
WIDE = 200
COLOURS = {"running": "green", "external": "cyan", "failed": "red", "stopped": "dim"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> int:
    """Show state, version, process, memory and address of each service.

    Exit code 0 when all run, 1 when one does not.
    """
    from contractline.settings import environment
    from contractline.stack.control import Stack

    services = Stack(invocation.project, environment()).status()
    if as_json:
        click.echo(json.dumps({"services": {s.name: s.to_json() for s in services}}, indent=1))
    else:
        from rich.console import Console

        # A file or a program gets whole lines, whatever a terminal's width is taken for there.
        Console(width=None if sys.stdout.isatty() else WIDE).print(_table(services))
    return 0 if all(s.is_up for s in services) else 1


def _table(services: Sequence[ServiceStatus]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        justify = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for service in services:
        colour = COLOURS.get(service.state, "yellow")
        table.add_row(
            service.name,
            f"[{colour}]{service.state}[/]",
            service.version,
            "" if service.pid is None else str(service.pid),
            "" if service.memory_mb is None else f"{service.memory_mb} MB",
            "" if service.uptime_seconds is None else _duration(service.uptime_seconds),
            service.url or service.cause,
        )
    total = sum(service.memory_mb or 0 for service in services)
    if total:
        table.add_row("", "", "", "", f"{total} MB", "", "")
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min"
        if hours
        else f"{minutes} min {rest} s"
        if minutes
        else f"{rest} s"
    )
