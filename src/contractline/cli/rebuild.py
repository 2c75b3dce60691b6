"""``contractline rebuild``: load everything that a stream's topic holds into its tables again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from contractline.cli import INTERRUPTED, Invocation
from contractline.signals import sigterm_interrupts

if TYPE_CHECKING:
    from rich.progress import Progress

    from contractline.recovery.rebuild import RebuildProgress, Rebuilt
    from contractline.settings import Endpoints

LINE_EVERY_SECONDS = 5.0


@click.command()
@click.argument("stream")
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    default=50_000,
    show_default=True,
    help="Messages of an INSERT.",
)
@click.option("--json", "as_json", is_flag=True, help="The account as JSON.")
@click.pass_obj
def command(invocation: Invocation, stream: str, batch: int, as_json: bool) -> int:
    """Read the topic of STREAM from its beginning to its present end into the stream's tables.

    The Kafka engine may go on reading, and the tables may be full: a message that is there already
    stays one row. What can't be decoded goes to the errors.

    Exit code 0 when every message could be read, 1 when some could not, 2 when it could not be
    told, 130 when it was interrupted; it can be run again.
    """
    from contractline.settings import Endpoints

    endpoints = Endpoints.load(invocation.project)
    with _shown() as shown:
        result = _run(endpoints, stream, shown, batch)
    click.echo(result.to_json() if as_json else str(result))
    if result.stopped:
        return INTERRUPTED
    return 1 if result.errors else 0


def _run(endpoints: Endpoints, stream: str, shown: RebuildProgress, most: int) -> Rebuilt:
    """Rebuild; Ctrl-C and SIGTERM end it after the batch that is on its way."""
    from contractline.recovery.rebuild import rebuild_stream

    stop = threading.Event()
    # In a thread of its own, so that a signal interrupts the waiting here and nothing else.
    with sigterm_interrupts(), ThreadPoolExecutor(1, "rebuild") as worker:
        work = worker.submit(rebuild_stream, endpoints, stream, shown, stop, most=most)
        try:
            return work.result()
        except KeyboardInterrupt:
            stop.set()
            shown.say("stopping after the batch that is on its way")
            return work.result()


@contextmanager
def _shown() -> Iterator[RebuildProgress]:
    """Show the progress on stderr: a bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _RebuildLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _RebuildBar(progress)


class _RebuildBar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None)

    def say(self, words: str) -> None:
        self._progress.console.print(words, markup=False, highlight=False)

    def show(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


class _RebuildLines:
    def __init__(self) -> None:
        self._shown = time.monotonic()

    def say(self, words: str) -> None:
        click.echo(words, err=True)

    def show(self, done: int, total: int) -> None:
        if time.monotonic() - self._shown > LINE_EVERY_SECONDS:
            self._shown = time.monotonic()
            self.say(f"read {done:,} of {total:,} offsets")
