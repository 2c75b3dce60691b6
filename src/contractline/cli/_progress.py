"""What the stack's commands show while they work: lines anywhere, bars and a spinner on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from contractline.events import Event
from contractline.stack.artefacts import Artefacts
from contractline.stack.control import Stack
from contractline.stack.history import State, fold

PLAIN_SECONDS = 5.0


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
            waiting = [n for n, seen in fold(history).items() if seen.state is State.STARTING]
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
    if not any(s.name == "clickhouse" and s.state is State.RUNNING for s in stack.status()):
        return
    from contractline.settings import Endpoints
    from contractline.targets.addresses import follow
    from contractline.targets.warehouse import Warehouse

    endpoints = Endpoints.load(stack.project)
    with closing(Warehouse(endpoints)) as warehouse:
        for line in follow(warehouse, endpoints):
            click.echo(line)


def provide(artefacts: Artefacts) -> None:
    """Bring the artefacts, showing how far it is."""
    if artefacts.is_complete():
        return
    missing = artefacts.missing()
    total = sum(artefact.size for artefact in missing)
    if missing:
        click.echo(f"fetching {len(missing)} files, {total / 1e6:.0f} MB, into {artefacts.store}")
    shown = _bar if sys.stdout.isatty() else _lines
    with shown(total) as progress:
        artefacts.provide(progress, lambda: click.echo("waiting: another process is fetching them"))


@contextmanager
def _bar(total: int) -> Iterator[_Bar]:
    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        yield _Bar(progress, total)


class _Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("fetching", total=total or None)

    def __call__(self, arrived: int) -> None:
        self._progress.advance(self._task, arrived)


@contextmanager
def _lines(total: int) -> Iterator[_Lines]:
    yield _Lines(total)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, arrived: int) -> None:
        with self._lock:
            self._done += arrived
            if time.monotonic() - self._shown > PLAIN_SECONDS:
                self._shown = time.monotonic()
                click.echo(f"fetched {self._done / 1e6:.0f} of {self._total / 1e6:.0f} MB")
