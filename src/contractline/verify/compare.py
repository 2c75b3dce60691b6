"""Compares a table on both sides while it changes, and says which rows differ.

A comparison is about a position in PostgreSQL's log: the moment of the last look at the source. A row
that differs may be on its way, so it is looked at again until both sides agree, or until everything
up to that position has arrived and it still differs. What came after that position does not matter:
the history of the table in ClickHouse tells what a row was there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from contractline.verify.sides import Hashes, Sink, Snapshot, SourceSide, Sums

MOST_KEYS = 5_000
"""So many rows that differ are looked at again one by one; where there are more, the whole table is."""

MOST_ROWS = 250_000
"""So many rows of ranges that differ are read at once: some 100 MB."""

SHOWN_KEYS = 20
PATIENCE_SECONDS = 60.0
"""How long the two sides may differ although nothing says that a change is on its way."""

_MOVING = "rows that change all the time"
_PAUSE_SECONDS = 0.5

Waits = Callable[[int], str]
"""Tells what has not arrived yet of all up to a position; empty when everything has."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a comparison came to.

    Attributes:
        snapshot: the moment of the source that was compared.
        rows: how many rows PostgreSQL had.
        ranges: into how many ranges the keys were put.
        missing: how many rows ClickHouse lacks.
        extra: how many rows only ClickHouse has.
        changed: how many rows have other values there.
        keys: some of those rows by the text of their key, and what is wrong with each.
        waits_for: what had not arrived yet, so that the difference is not certain.
    """

    snapshot: Snapshot
    rows: int
    ranges: int
    missing: int = 0
    extra: int = 0
    changed: int = 0
    keys: Mapping[str, str] = field(default_factory=dict)
    waits_for: str = ""

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return self.missing + self.extra + self.changed

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same rows."""
        return not self.differing

    @property
    def words(self) -> str:
        """What differs, for a sentence."""
        parts = [
            (self.missing, "missing in ClickHouse"),
            (self.changed, "with other values there"),
            (self.extra, "only in ClickHouse"),
        ]
        return ", ".join(f"{count:,} {what}" for count, what in parts if count)


def compare(
    source: SourceSide, sink: Sink, waits: Waits, *, patience_seconds: float = PATIENCE_SECONDS
) -> Result:
    """Compare a table until both sides agree, or a difference is certain.

    Args:
        source: the table in PostgreSQL.
        sink: the table in ClickHouse.
        waits: tells what is still on its way.
        patience_seconds: how long to wait for that.
    """
    deadline = time.monotonic() + patience_seconds
    is_certain = False
    while True:
        result, tally = _look(source, sink)
        if result.is_equal or (is_certain and not tally.is_whole):
            return result
        again = _again(source, sink, result, list(tally.suspects), waits, deadline)
        if tally.is_whole:
            return again
        if again.waits_for:
            return replace(result, waits_for=again.waits_for)
        # They were some of more rows than are looked at one by one.
        is_certain = not again.is_equal
        if not is_certain and time.monotonic() > deadline:
            return replace(result, waits_for=_MOVING)


def _look(source: SourceSide, sink: Sink) -> tuple[Result, _Tally]:
    """Compare once, without waiting for anything."""
    tally = _Tally()
    with _moment(source) as snapshot:
        bounds = source.bounds()
        here, there = source.sums(bounds), sink.sums(bounds)
        rows = sum(count for count, _ in here.values())
        for numbers in _batches(here, there):
            if not tally.is_whole and not there.keys() & set(numbers):
                tally.lack(sum(here[number][0] for number in numbers))
            else:
                tally.add(source.hashes(bounds, numbers), sink.hashes(bounds, numbers))
    return tally.result(snapshot, rows, len(bounds) + 1), tally


def _batches(here: Sums, there: Sums) -> Iterator[list[int]]:
    """Yield the ranges that differ, together so many that their rows fit into memory.

    To read one takes as long as to read many, since each side looks at all its rows for it.
    """
    batch: list[int] = []
    rows = 0
    for number in sorted(r for r in here.keys() | there.keys() if here.get(r) != there.get(r)):
        count = max(side[number][0] for side in (here, there) if number in side)
        if batch and rows + count > MOST_ROWS:
            yield batch
            batch, rows = [], 0
        batch.append(number)
        rows += count
    if batch:
        yield batch


def _again(
    source: SourceSide,
    sink: Sink,
    first: Result,
    keys: Sequence[str],
    waits: Waits,
    deadline: float,
) -> Result:
    """Look at the rows that differed again, until none does or the difference is certain.

    It is certain of a row that twice was not what PostgreSQL had at a moment, after everything up to
    that moment had arrived. Twice, since a long transaction may end just then, and ClickHouse's tables
    don't change at once. Without a history a row must stand still meanwhile, too.
    """
    before: Hashes | None = None
    while True:
        with _moment(source) as snapshot:
            wanted = source.found(keys)
        unlike, there, waiting = _unlike(sink, keys, wanted, snapshot, waits, deadline)
        tally = _Tally()
        tally.add(_only(wanted, unlike), _only(there, unlike))
        result = tally.result(snapshot, first.rows, first.ranges)
        if result.is_equal:
            return result
        if waiting:
            return replace(result, waits_for=waiting)
        if before is not None:
            if sink.has_history or all(before.get(key) == wanted.get(key) for key in unlike):
                return result
            if time.monotonic() > deadline:
                return replace(result, waits_for=_MOVING)
        before, keys = wanted, unlike


def _unlike(
    sink: Sink, keys: Sequence[str], wanted: Hashes, moment: Snapshot, waits: Waits, deadline: float
) -> tuple[list[str], Hashes, str]:
    """Hold rows against those of a moment until they agree, or everything up to it has arrived.

    Returns:
        The keys of the rows that differ, the rows of ClickHouse, and what had not arrived in time.
    """
    while True:
        waiting = waits(moment.at)
        there = sink.found(keys)
        differ = [key for key in keys if wanted.get(key) != there.get(key)]
        past = sink.past(differ, moment.since, moment.at)
        keys = [key for key in differ if wanted.get(key) not in past.get(key, ())]
        if not keys or not waiting or time.monotonic() > deadline:
            return list(keys), there, waiting
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def _moment(source: SourceSide) -> Iterator[Snapshot]:
    snapshot = source.begin()
    try:
        yield snapshot
    finally:
        source.end()


def _only(hashes: Hashes, keys: Iterable[str]) -> Hashes:
    return {key: hashes[key] for key in keys if key in hashes}


class _Tally:
    """What differs, counted."""

    def __init__(self) -> None:
        self.missing = self.extra = self.changed = 0
        self.suspects: Hashes = {}
        self.is_whole = True
        self._keys: dict[str, str] = {}

    def lack(self, count: int) -> None:
        """Count the rows of a range of which ClickHouse has none."""
        self.missing += count
        self.is_whole = False

    def add(self, wanted: Hashes, there: Hashes) -> None:
        """Compare rows one by one."""
        for key in wanted.keys() | there.keys():
            if wanted.get(key) == there.get(key):
                continue
            if key not in there:
                self.missing += 1
                self._note(key, "missing in ClickHouse")
            elif key not in wanted:
                self.extra += 1
                self._note(key, "only in ClickHouse")
            else:
                self.changed += 1
                self._note(key, "has other values in ClickHouse")
            if len(self.suspects) < MOST_KEYS:
                self.suspects[key] = wanted.get(key, 0)
            else:
                self.is_whole = False

    def result(self, snapshot: Snapshot, rows: int, ranges: int) -> Result:
        """Return what was counted."""
        counts = (self.missing, self.extra, self.changed)
        return Result(snapshot, rows, ranges, *counts, self._keys)

    def _note(self, key: str, what: str) -> None:
        if len(self._keys) < SHOWN_KEYS:
            self._keys[key] = what
