"""``contractline status``: how the services are, and whether each stream flows."""

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
    from contractline.status import Section

COLUMNS = ("service", "state", "version", "pid", "memory", "uptime", "url")
NUMBERS = ("pid", "memory", "uptime")
WIDE = 200
COLOURS = {
    "running": "green",
    "external": "cyan",
    "unreachable": "red",
    "failed": "red",
    "stopped": "dim",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> int:
    """Show the services, and whether each stream flows.

    Of each service: state, version, process, memory and address; a real installation is asked
    whether it answers. Of each stream: rows a second over the last minute, messages that ClickHouse
    has not read yet and the age of the oldest, messages that could not be read, whether its changes
    are read from PostgreSQL, whether the rows before them have arrived, and how many of its quality
    rules held when they were measured last. Of each connector: its
    tasks, its slot, and the WAL that is kept for it. Of each refreshable view of ClickHouse: when it
    was refreshed. Last, what the watch did.

    Exit code 0 when everything runs and flows, 1 when something does not; it says what, and what to
    do.
    """
    from contractline.settings import SERVICES, Endpoints, environment
    from contractline.stack.control import Stack
    from contractline.status import look
    from contractline.status.facts import Sources

    services = Stack(invocation.project, environment()).status()
    endpoints = Endpoints.load(invocation.project)
    is_known = any(getattr(endpoints, name) for name in SERVICES)
    sections = look(Sources(invocation.project, endpoints)) if is_known else []
    problems = [problem for section in sections for problem in section.problems]
    if as_json:
        click.echo(json.dumps(_json(services, sections), indent=1))
    else:
        from rich.console import Console

        # A file or a program gets whole lines, whatever a terminal's width is taken for there.
        console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
        console.print(_table(services))
        for section in sections:
            if section.facts:
                console.print()
                console.print(_section(section))
        if problems:
            console.print("\n[red]does not flow:[/]")
            for problem in problems:
                console.print(f"  {problem}", markup=False, soft_wrap=True)
    return 0 if all(s.is_up for s in services) and not problems else 1


def _json(services: Sequence[ServiceStatus], sections: Sequence[Section]) -> dict[str, object]:
    """Return what programs read."""
    said: dict[str, object] = {"services": {s.name: s.to_json() for s in services}}
    for section in sections:
        said[section.name] = {
            name: {fact.name: fact.value for fact in facts} | {"problems": section.of(name)}
            for name, facts in section.facts.items()
        }
    said["problems"] = [problem for section in sections for problem in section.problems]
    return said


def _section(section: Section) -> Table:
    from rich.markup import escape
    from rich.table import Table

    names = list(dict.fromkeys(f.name for facts in section.facts.values() for f in facts))
    table = Table(box=None, pad_edge=False)
    table.add_column(section.name, overflow="fold")
    for name in names:
        values = [f.value for facts in section.facts.values() for f in facts if f.name == name]
        is_number = any(isinstance(value, int | float) for value in values)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for subject, facts in section.facts.items():
        colour = "red" if section.of(subject) else "green"
        shown = {fact.name: escape(fact.shown) for fact in facts}
        table.add_row(f"[{colour}]{escape(subject)}[/]", *(shown.get(name, "") for name in names))
    return table


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
