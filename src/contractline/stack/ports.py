"""The ports of a stack: documented defaults, replaced by free ones where taken, and remembered."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from contractline.stack.layout import read_json, write_private

LOOPBACK = "127.0.0.1"
STEP = 100
TRIES = 20


@dataclass(frozen=True, slots=True)
class Move:
    """A port that was taken and what replaces it."""

    port: str
    wanted: int
    given: int


def is_free(port: int) -> bool:
    """Tell whether a service could listen on a loopback port now."""
    with socket.socket() as probe:
        # As servers do: connections of an ended process that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """Return a port that nothing uses, chosen by the system."""
    return free_ports(["any"])["any"]


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a port for each name, chosen by the system: nothing uses them, and no two are alike."""
    with ExitStack() as held:
        # All are held at once: the system may give a port that was let go a second time.
        probes = {name: held.enter_context(socket.socket()) for name in names}
        for probe in probes.values():
            probe.bind((LOOPBACK, 0))
        return {name: int(probe.getsockname()[1]) for name, probe in probes.items()}


@dataclass(slots=True)
class Ports:
    """The ports of one stack by name, such as ``kafka`` and ``kafka-controller``.

    Attributes:
        file: where they are remembered.
        free: tells whether a port can be used.
        numbers: the ports now.
    """

    file: Path
    free: Callable[[int], bool] = is_free
    numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path, defaults: Mapping[str, int]) -> Ports:
        """Return the remembered ports, and the documented defaults where none is."""
        kept = read_json(file)
        return cls(file, numbers={name: int(kept.get(name, defaults[name])) for name in defaults})

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def claim(self, names: Mapping[str, int]) -> list[Move]:
        """Give each of some stopped services' ports that is taken another number."""
        moves = []
        for name in names:
            wanted = self.numbers[name]
            if not self.free(wanted):
                given = self._another(wanted)
                self.numbers[name] = given
                moves.append(Move(name, wanted, given))
        if moves or not self.file.exists():
            write_private(self.file, json.dumps(self.numbers, indent=1))
        return moves

    def _another(self, wanted: int) -> int:
        used = set(self.numbers.values())
        for port in self._candidates(wanted):
            if port not in used and self.free(port):
                return port
        return next(port for port in iter(any_free, None) if port not in used)

    @staticmethod
    def _candidates(wanted: int) -> Iterator[int]:
        return iter(range(wanted + STEP, min(wanted + STEP * TRIES, 65535), STEP))
