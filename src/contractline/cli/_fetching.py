"""How far a download is: a bar on a terminal, a line now and then elsewhere. Needs no stack."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from contractline.cache import Progress as Told
from contractline.server.library import Library
from contractline.settings import environment

PLAIN_SECONDS = 5.0


@contextmanager
def fetching(total: int, *, err: bool = False) -> Iterator[Told]:
    """Show how much of something has arrived.

    Args:
        total: how many bytes will.
        err: whether to show it on stderr.
    """
    stream = sys.stderr if err else sys.stdout
    shown = _bar if stream.isatty() else _lines
    with shown(total, err) as progress:
        yield progress


def provide_library() -> None:
    """Bring ClickHouse's library where it is missing, and tell of it on stderr.

    Raises:
        LibraryMissing: it can't be fetched.
    """
    library = Library.of(environment())
    if library.is_there:
        return
    size = library.package.size
    click.echo(f"fetching ClickHouse, {size / 1e6:.0f} MB, into {library.cache}", err=True)
    with fetching(size, err=True) as progress:
        library.provide(
            progress, lambda: click.echo("waiting: another process is fetching it", err=True)
        )


@contextmanager
def _bar(total: int, err: bool) -> Iterator[_FetchBar]:
    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=err), transient=True) as progress:
        yield _FetchBar(progress, total)


class _FetchBar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("fetching", total=total or None)

    def __call__(self, arrived: int) -> None:
        self._progress.advance(self._task, arrived)


@contextmanager
def _lines(total: int, err: bool) -> Iterator[_FetchLines]:
    yield _FetchLines(total, err)


class _FetchLines:
    def __init__(self, total: int, err: bool) -> None:
        self._total = total
        self._err = err
        self._done = 0
        self._shown = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self, arrived: int) -> None:
        with self._lock:
            self._done += arrived
            if time.monotonic() - self._shown > PLAIN_SECONDS:
                self._shown = time.monotonic()
                click.echo(
                    f"fetched {self._done / 1e6:.0f} of {self._total / 1e6:.0f} MB", err=self._err
                )
