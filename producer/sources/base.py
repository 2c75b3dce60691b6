"""What a source is: batches of records, and how far they bring the reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from producer.commit import Record

Say = Callable[[str], None]

TICK_SECONDS = 0.1
"""How long a source that waits for something new may stay silent."""


@dataclass(frozen=True, slots=True)
class RefPlace:
    """What a cursor belongs to.

    Attributes:
        source: what reads, such as ``git``.
        repository: the canonical name of the repository.
        ref: the full name of the ref, such as ``refs/heads/main``.
    """

    source: str
    repository: str
    ref: str


Positions = Mapping[RefPlace, str]
"""The newest commit of each place up to which everything was read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, and the positions that hold once these and all before are acknowledged.

    An empty batch says that the source waits for something new.

    Attributes:
        records: what is sent.
        positions: how far the source was read then.
        unreachable: marks of commits that a forced push left behind
            (:func:`producer.reachability.left_behind`).
        on_acknowledged: called as soon as the broker has these records and all before; the run
            waits for that before it asks for the next batch. A source that owes somebody an
            answer sets it.
    """

    records: Sequence[Record] = ()
    positions: Positions = field(default_factory=dict)
    unreachable: Sequence[Record] = ()
    on_acknowledged: Callable[[], None] | None = None


Batches = Generator[Batch, None, None]


def ticks(seconds: float, stop: threading.Event) -> Batches:
    """Give empty batches for a time, or until told to stop."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop.is_set():
        yield Batch()
        stop.wait(min(left, TICK_SECONDS))


class Source(Protocol):
    """Something that gives commits.

    Attributes:
        name: what the records call it, and the command line.
        resumes: whether it gives positions, and goes on from them.
    """

    name: str
    resumes: bool

    @property
    def expected(self) -> int | None:
        """How many records this run will give, as far as it is known yet."""
        ...

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give what is new since the known positions, soon ending once told to stop.

        A source that follows gives an empty batch at least every :data:`TICK_SECONDS`.

        Raises:
            ContractlineError: the source can't be read.
        """
        ...


@runtime_checkable
class Listening(Protocol):
    """A source that others call: it listens from before Kafka answers until after the last batch."""

    def listening(self) -> AbstractContextManager[object]:
        """Listen while the context lasts.

        Raises:
            ContractlineError: the address can't be listened on.
        """
        ...
