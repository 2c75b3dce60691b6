"""How commands that load a topic show their progress, and how they are interrupted."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from contractline.signals import sigterm_interrupts

if TYPE_CHECKING:
    from rich.progress import Progress

    from contractline.recovery.rebuild import RebuildProgress

LINE_EVERY_SECONDS = 5.0

Result = TypeVar("Result")


def loading(work: Callable[[RebuildProgress, threading.Event], Result]) -> Result:
    """Do what loads a topic; Ctrl-C and SIGTERM end it after the batch that is on its way."""
    stop = threading.Event()
    # In a thread of its own, so that a signal interrupts the waiting here and nothing else.
    with _shown() as shown, sigterm_interrupts(), ThreadPoolExecutor(1, "loading") as worker:
        done = worker.submit(work, shown, stop)
        try:
            return done.result()
        except KeyboardInterrupt:
            stop.set()
            shown.say("stopping after the batch that is on its way")
            return done.result()


@contextmanager
def _shown() -> Iterator[RebuildProgress]:
    """Show the progress on stderr: a bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress)


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None)

    def say(self, words: str) -> None:
        self._progress.console.print(words, markup=False, highlight=False)

    def show(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


class _Lines:
    def __init__(self) -> None:
        self._shown = time.monotonic()

    def say(self, words: str) -> None:
        click.echo(words, err=True)

    def show(self, done: int, total: int) -> None:
        if time.monotonic() - self._shown > LINE_EVERY_SECONDS:
            self._shown = time.monotonic()
            self.say(f"read {done:,} of {total:,} offsets")
