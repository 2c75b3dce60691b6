"""The file of events: written by the supervisor, followed by everybody else."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from contractline.events import Event, from_json

POLL_SECONDS = 0.03


class EventLog:
    """Appends events to a file, and keeps them for the writer's own questions.

    A full disk does not fail the writer: what had no room goes with the next event that has.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._unwritten = b""
        self.history: list[Event] = []

    def write(self, event: Event) -> None:
        """Append an event as one line, in one piece."""
        self.history.append(event)
        self._unwritten += f"{event.to_json()}\n".encode()
        with contextlib.suppress(OSError):
            written = os.write(self._descriptor, self._unwritten)
            self._unwritten = self._unwritten[written:]


class EventReader:
    """Reads the events of a file as they come."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._rest = b""

    def read(self) -> Iterator[Event]:
        """Yield the events that were written since the last call."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            return
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from_json(line.decode())

    def follow(self, goes_on: Callable[[], bool]) -> Iterator[Event]:
        """Yield events as they come, until nothing goes on any more and all are read."""
        going = True
        while going:
            going = goes_on()
            yield from self.read()
            if going:
                time.sleep(POLL_SECONDS)
