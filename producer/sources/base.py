"""What a source is: batches of records, and how far they bring the reader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from producer.commit import Record

Say = Callable[[str], None]

TICK_SECONDS = 0.1
"""How long a source that waits for something new may stay silent."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a cursor belongs to.

    Attributes:
        source: what reads, such as ``git``.
        repository: the canonical name of the repository.
        ref: the full name of the ref, such as ``refs/heads/main``.
    """

    source: str
    repository: str
    ref: str


Positions = Mapping[Place, str]
"""The newest commit of each place up to which everything was read."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, and the positions that hold once these and all before are acknowledged.

    An empty batch says that the source waits for something new.
    """

    records: Sequence[Record] = ()
    positions: Positions = field(default_factory=dict)


Batches = Generator[Batch, None, None]


class Source(Protocol):
    """Something that gives commits.

    Attributes:
        name: what the records call it, and the command line.
        resumes: whether it gives positions, and goes on from them.
        expected: how many records this run will give, as far as it is known yet.
    """

    name: str
    resumes: bool
    expected: int | None

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give what is new since the known positions, soon ending once told to stop.

        A source that follows gives an empty batch at least every :data:`TICK_SECONDS`.

        Raises:
            ContractlineError: the source can't be read.
        """
        ...
