"""Lets a running connector read rows of a table again, a few pages of the table at a time.

Debezium's incremental snapshot finds its way by comparing keys in SQL, which fails for some types
(timestamptz, money, bit) and is wrong for others, and its rows carry no position in the log, so that
any older change outranks them. A blocking snapshot takes a query instead and carries the position.
It holds the connector's stream up while it reads; so each one reads only some pages of the table.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from psycopg import sql

from contractline.debezium.config import CapturedStream
from contractline.debezium.reading import snapshot_query
from contractline.debezium.source import Database, Table, identifier
from contractline.debezium.types import PostgresColumn

PAGES = 256
"""Pages of a table that one snapshot reads: 2 MB, which takes Debezium about a second."""

QUIET_SECONDS = 180.0
"""After which a connector that brings nothing is no longer waited for: one that starts again on a busy
machine takes a minute or two."""

_STARTS = 5
"""How many starts of a connector the reading of one part outlasts."""

_ASK_SECONDS = 5.0
"""How long nothing moves until Connect is asked whether the connector has failed."""

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Slice:
    """Some pages of a table.

    Attributes:
        first: the first page.
        end: the page after the last one; None for all that follow.
        rows: how many rows were there when it was counted.
    """

    first: int
    end: int | None
    rows: int = 0

    @property
    def condition(self) -> str:
        """What holds for its rows, in SQL."""
        upper = "" if self.end is None else f" AND ctid < '({self.end},0)'::tid"
        return f"ctid >= '({self.first},0)'::tid{upper}"


class Progress(Protocol):
    """How the connector of a stream gets on."""

    def written(self) -> int:
        """Return how many records the topic has held so far."""
        ...

    def read_up_to(self) -> int:
        """Return the position in the log up to which everything is in the topic."""
        ...

    def reader(self) -> int | None:
        """Return what tells one start of the connector from another; None while it reads nothing."""
        ...

    def is_in_blocking_snapshot(self) -> bool:
        """Tell whether the connector reads a table in place of the log."""
        ...

    def stands(self) -> bool:
        """Tell whether the connector has failed or is held back, and won't go on by itself."""
        ...


class SnapshotPatience:
    """Tells when something that gets on no longer is waited for.

    Args:
        progress: how the connector gets on.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last: object = None
        self._since = self._asked = time.monotonic()

    def is_over(self, now: object) -> bool:
        """Tell whether nothing moves any more: the connector stands, or is quiet for too long.

        Args:
            now: what is compared with the last call's to see whether anything moved.
        """
        clock = time.monotonic()
        if now != self._last:
            self._last, self._since, self._asked = now, clock, clock
        if clock > self._asked + _ASK_SECONDS:
            if self._progress.stands():
                return True
            self._asked = time.monotonic()
        return clock > self._since + QUIET_SECONDS


def slices(database: Database, table: str) -> list[Slice]:
    """Return the parts of a table that hold rows, which together are all of it.

    Rows that change while the parts are read may move to another one; their change is in the log.
    """
    pages = int(database.rows(_PAGES, table)[0]["pages"])
    starts = range(0, max(pages, 1), PAGES)
    parts = [Slice(start, start + PAGES) for start in starts[:-1]] + [Slice(starts[-1], None)]
    counted = (Slice(part.first, part.end, _count(database, table, part)) for part in parts)
    return [part for part in counted if part.rows]


def read_again(
    database: Database,
    stream: CapturedStream,
    table: Table,
    parts: Sequence[Slice],
    progress: Progress,
    *,
    dates_as_text: bool,
) -> Iterator[int]:
    """Let the connector of a stream read parts of its table; yield how many records of each came.

    A part counts as read when its rows are in the topic, or when the connector has read beyond the
    signal. What a killed worker had begun to read, the next one does not read again: its place in the
    log is beyond the signal already. So after each start the parts of which that is not certain are
    asked for again.

    Args:
        database: the source database.
        stream: the stream.
        table: its table.
        parts: what to read.
        progress: how the connector gets on.
        dates_as_text: whether its converter takes dates as text.
    """
    held = _held(stream, table)
    dates = {c.name for c in held if c.type == "date"} if dates_as_text else ()
    query = snapshot_query(table.name, [c.name for c in held], dates)
    doubtful: list[Slice] = []
    reader = progress.reader()
    for part in parts:
        doubtful.append(part)
        came = 0
        asked: Sequence[Slice] = [part]
        for _ in range(_STARTS):
            for one in asked:
                before = progress.written()
                after = _ask(database, stream, f"{query} WHERE {one.condition}")
                came += wait_for_rows(progress, before, one.rows, after, reader)
            now = progress.reader()
            if now in (reader, None):
                break
            if reader is None:
                # It was not running when asked: it found the signal in the log.
                reader = now
                break
            reader, asked = now, tuple(doubtful)
        if not progress.is_in_blocking_snapshot() and progress.read_up_to() >= after:
            doubtful.clear()
        yield came


def wait_for_rows(
    progress: Progress,
    before: int,
    rows: int,
    after: int | None = None,
    reader: int | None = None,
) -> int:
    """Wait until a topic has grown by so many records, or no more will come; return by how many.

    Args:
        progress: how the connector gets on.
        before: how many records the topic had held.
        rows: how many are waited for.
        after: the position in the log beyond which nothing of them comes, where that is known.
        reader: which start of the connector was asked for them. After another one, what Connect says
            of a blocking snapshot is out of date until the next one ends.
    """
    grown, read = before, progress.read_up_to()
    patience = SnapshotPatience(progress)
    while grown < before + rows:
        if reader is not None and progress.reader() not in (reader, None):
            break
        if after is not None and read >= after and not progress.is_in_blocking_snapshot():
            break
        if patience.is_over(grown if after is None else (grown, read)):
            break
        time.sleep(_PAUSE_SECONDS)
        grown, read = progress.written(), progress.read_up_to()
    return grown - before


def _ask(database: Database, stream: CapturedStream, query: str) -> int:
    """Send Debezium the signal, and return the position in the log after it."""
    table = stream.source.table
    signal = {
        "type": "blocking",
        "data-collections": [table],
        "additional-conditions": [{"data-collection": table, "filter": query}],
    }
    return database.signal(stream.source.connector, "execute-snapshot", signal)


def _held(stream: CapturedStream, table: Table) -> list[PostgresColumn]:
    """Return the columns of a table that the connector reads."""
    is_whole = stream.source.uncontracted_columns == "stop"
    return [c for c in table.columns if is_whole or c.name in stream.columns]


def _count(database: Database, table: str, part: Slice) -> int:
    query = sql.SQL("SELECT count(*) AS rows FROM {} WHERE ").format(identifier(table))
    text = query.as_string(database.connection) + part.condition
    return int(database.rows(text.encode())[0]["rows"])


_PAGES = """
SELECT pg_relation_size(to_regclass(%s)) / current_setting('block_size')::int AS pages
"""
