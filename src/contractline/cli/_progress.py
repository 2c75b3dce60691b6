"""What the stack's commands show while they work: lines anywhere, a spinner on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click
from rich.console import Console

from contractline.cli._fetching import fetching
from contractline.events import Event
from contractline.stack.artefacts import Artefacts
from contractline.stack.control import Stack
from contractline.stack.history import ServiceState, fold


@contextmanager
def telling() -> Iterator[Callable[[Event], None]]:
    """Print events as they come; a terminal also shows what is being waited for."""
    if not sys.stdout.isatty():
        yield lambda event: click.echo(str(event))
        return
    console = Console(highlight=False)
    history: list[Event] = []
    with console.status("working") as status:

        def tell(event: Event) -> None:
            history.append(event)
            console.print(str(event), markup=False)
            waiting = [
                n for n, seen in fold(history).items() if seen.state is ServiceState.STARTING
            ]
            status.update(f"waiting for {', '.join(waiting)}" if waiting else "working")

        yield tell


@contextmanager
def running(stack: Stack) -> Iterator[None]:
    """Have a stack running, with its artefacts; say so when all runs already.

    The queues of its ClickHouse follow services that have moved to other ports. A stack that was
    started for the block is stopped again where Ctrl-C ends it; else it goes on running.
    """
    provide(stack.artefacts)
    was_running = stack.is_supervised
    try:
        with telling() as tell:
            started = stack.up(tell)
        if not started:
            click.echo("the stack is already running (`contractline status` shows it)")
        _follow(stack)
        yield
    except KeyboardInterrupt:
        if not was_running:
            with telling() as tell:
                stack.down(tell)
        raise


def _follow(stack: Stack) -> None:
    """Let the queues of the stack's own ClickHouse read from where its services are now."""
    if not any(s.name == "clickhouse" and s.state is ServiceState.RUNNING for s in stack.status()):
        return
    from contractline.clients.addresses import follow
    from contractline.clients.clickhouse import Warehouse
    from contractline.settings import Endpoints

    endpoints = Endpoints.load(stack.project)
    with closing(Warehouse(endpoints)) as warehouse:
        for line in follow(warehouse, endpoints):
            click.echo(line)


def provide(artefacts: Artefacts) -> None:
    """Bring the artefacts, showing how far it is."""
    if artefacts.is_complete():
        return
    total = artefacts.missing_bytes
    if total:
        click.echo(f"fetching {total / 1e6:.0f} MB into {artefacts.cache}")
    with fetching(total) as progress:
        artefacts.provide(progress, lambda: click.echo("waiting: another process is fetching them"))
