"""``contractline logs``: a service's log."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from contractline.cli import Invocation

POLL_SECONDS = 0.2


@click.command()
@click.argument("service", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many lines to begin with.")
@click.pass_obj
def command(invocation: Invocation, service: str | None, follow: bool, lines: int) -> int:
    """Show the log of SERVICE; without a name, of all, each line with its service."""
    from contractline.settings import environment
    from contractline.stack.control import NoSuchService, Stack

    layout = Stack(invocation.project, environment()).layout
    files = {f.stem: f for f in sorted(layout.logs.glob("*.log"))}
    if service and service not in files:
        raise NoSuchService(service)
    if not files:
        click.echo(f"no log yet in {layout.logs}", err=True)
        return 1
    chosen = {service: files[service]} if service else files
    tails = [_Tail(name if not service else "", file) for name, file in chosen.items()]
    for tail in tails:
        _write(tail.last(lines))
    while follow:
        for tail in tails:
            _write(tail.new())
        time.sleep(POLL_SECONDS)
    return 0


def _write(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line)
    sys.stdout.flush()


class _Tail:
    """Reads a log from its end on, also over the moment when it is emptied."""

    def __init__(self, name: str, file: Path) -> None:
        self._prefix = f"{name:>10} | " if name else ""
        self._file = file
        self._offset = 0

    def last(self, count: int) -> Iterator[str]:
        return iter(deque(self.new(), maxlen=count))

    def new(self) -> Iterator[str]:
        size = self._file.stat().st_size
        if size < self._offset:
            self._offset = 0
        with self._file.open("rb") as stream:
            stream.seek(self._offset)
            for raw in stream:
                self._offset += len(raw)
                yield f"{self._prefix}{raw.decode(errors='replace')}"
