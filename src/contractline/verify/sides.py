"""The two sides of a comparison: PostgreSQL and ClickHouse, asked alike.

Both count the rows of a table, and add their hashes up, by ranges of the key's text, and return the
key and the hash of single rows.
"""

# ruff: noqa: S608 - names are quoted, values are parameters or literals

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from psycopg import sql

from contractline.clickhouse.sql import identifier, literal, qualified
from contractline.verify.texts import TextPair, row_text

ROWS_PER_RANGE = 8192
MOST_RANGES = 256

_KEY, _HASH, _VERSION = "`#key`", "`#hash`", "`#version`"
"""Names in ClickHouse that no column has: a column of such a name would be taken for them there."""

Connection = psycopg.Connection[dict[str, Any]]
Sums = Mapping[int, tuple[int, int]]
"""By range: how many rows, and the sum of their hashes."""

Hashes = dict[str, int]
"""The hash of each row by the text of its key."""


class Engine(Protocol):
    """What answers ClickHouse's queries."""

    def rows(self, query: str, /) -> Sequence[Sequence[Any]]:
        """Return the rows of a query."""
        ...


@dataclass(frozen=True, slots=True)
class Columns:
    """What is compared of a table.

    Attributes:
        key: the columns that tell one row from another.
        others: the other columns.
    """

    key: tuple[TextPair, ...]
    others: tuple[TextPair, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of the source.

    Attributes:
        position: the position in the log, as PostgreSQL writes it (``0/16B3748``).
        at: the same as a number of bytes.
        since: a position before it; every change up to there is seen. Of those after it, the changes
            of transactions that had not ended are not.
    """

    position: str
    at: int
    since: int


@dataclass(frozen=True, slots=True)
class HistorySide:
    """Where ClickHouse keeps every change of a table.

    Attributes:
        table: ``database.table``.
        version: the column that says which change is later.
        is_deleted: the column that is 1 for a delete.
    """

    table: str
    version: str
    is_deleted: str


class SourceSide:
    """The table in PostgreSQL."""

    def __init__(self, connection: Connection, table: str, columns: Columns) -> None:
        self._connection = connection
        self._table = sql.Identifier(*table.split(".", 1)).as_string(connection)
        key = row_text([pair.source for pair in columns.key], is_sink=False)
        row = row_text([pair.source for pair in (*columns.key, *columns.others)], is_sink=False)
        digest = f"('x' || substr(md5({row}), 1, 16))::bit(64)::bigint"
        # Rows that nothing tells apart are one row in ClickHouse.
        distinct = "" if columns.others else "DISTINCT "
        self._keys = f"(SELECT {distinct}{key} AS k FROM {self._table}) AS keys"
        self._rows = f"(SELECT {distinct}{key} AS k, {digest} AS h FROM {self._table}) AS rows"
        self._earlier: list[tuple[int, int]] = []

    def begin(self) -> Snapshot:
        """Begin a transaction that sees one moment only, and return that moment."""
        # A change before this position was made by a transaction with a lower id.
        (now,) = self._connection.execute(_NOW).fetchall()
        self._earlier.append((now["id"], now["at"]))
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for setting in _SETTINGS:
            self._connection.execute(f"SET LOCAL {setting}".encode())
        (taken,) = self._connection.execute(_SNAPSHOT).fetchall()
        # While a long transaction runs, none of the earlier positions may do; the first is the best.
        seen = [at for number, at in self._earlier if number <= taken["oldest"]]
        since = seen[-1] if seen else self._earlier[0][1]
        return Snapshot(taken["position"], taken["at"], since)

    def end(self) -> None:
        """End the transaction."""
        self._connection.execute("ROLLBACK")

    def bounds(self) -> list[str]:
        """Return the keys at which ranges of about equal size begin, but for the first."""
        rows = self._ask(f"SELECT count(*) AS rows FROM {self._table}")[0]["rows"]
        size = max(ROWS_PER_RANGE, rows // MOST_RANGES + 1)
        query = (
            'SELECT k FROM (SELECT k, row_number() OVER (ORDER BY k COLLATE "C") AS n'
            f" FROM {self._keys}) AS numbered WHERE n %% %s = 0 ORDER BY n"
        )
        return [row["k"] for row in self._ask(query, size)] if rows > size else []

    def sums(self, bounds: Sequence[str]) -> Sums:
        """Return counts and sums of hashes by range."""
        query = f"SELECT {_RANGE} AS r, count(*) AS n, sum(h) AS h FROM {self._rows} GROUP BY 1"
        return {row["r"]: (row["n"], int(row["h"])) for row in self._ask(query, list(bounds))}

    def hashes(self, bounds: Sequence[str], ranges: Iterable[int]) -> Hashes:
        """Return the rows of some ranges."""
        query = f"SELECT k, h FROM {self._rows} WHERE {_RANGE} = ANY (%s)"
        return {row["k"]: row["h"] for row in self._ask(query, list(bounds), list(ranges))}

    def found(self, keys: Sequence[str]) -> Hashes:
        """Return those of some rows that exist."""
        query = f"SELECT k, h FROM {self._rows} WHERE k = ANY (%s)"
        return {row["k"]: row["h"] for row in self._ask(query, list(keys))}

    def _ask(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return self._connection.execute(query.encode(), values or None).fetchall()


class Sink:
    """The table in ClickHouse."""

    def __init__(
        self, engine: Engine, table: str, columns: Columns, history: HistorySide | None = None
    ) -> None:
        self._engine = engine
        key = row_text([pair.sink for pair in columns.key], is_sink=True)
        row = row_text([pair.sink for pair in (*columns.key, *columns.others)], is_sink=True)
        digest = f"reinterpretAsInt64(reverse(substring(MD5({row}), 1, 8)))"
        self._rows = f"(SELECT {key} AS {_KEY}, {digest} AS {_HASH} FROM {qualified(table)} FINAL)"
        self._changes = history and (
            f"(SELECT {key} AS {_KEY}, if({identifier(history.is_deleted)}, NULL, {digest}) AS {_HASH},"
            f" {identifier(history.version)} AS {_VERSION} FROM {qualified(history.table)})"
        )

    @property
    def has_history(self) -> bool:
        """Whether ClickHouse can tell what a row was at a position of the log."""
        return self._changes is not None

    def sums(self, bounds: Sequence[str]) -> Sums:
        """Return counts and sums of hashes by range."""
        number = _sink_range(bounds)
        query = f"SELECT {number}, count(), sum(toInt128({_HASH})) FROM {self._rows} GROUP BY 1"
        return {int(r): (int(n), int(h)) for r, n, h in self._engine.rows(query)}

    def hashes(self, bounds: Sequence[str], ranges: Iterable[int]) -> Hashes:
        """Return the rows of some ranges."""
        numbers = ", ".join(map(str, ranges))
        query = (
            f"SELECT {_KEY}, {_HASH} FROM {self._rows} WHERE {_sink_range(bounds)} IN ({numbers})"
        )
        return {str(k): int(h) for k, h in self._engine.rows(query)}

    def found(self, keys: Sequence[str]) -> Hashes:
        """Return those of some rows that exist."""
        query = f"SELECT {_KEY}, {_HASH} FROM {self._rows} WHERE {_KEY} IN ({_literals(keys)})"
        return {str(k): int(h) for k, h in self._engine.rows(query)}

    def past(self, keys: Sequence[str], since: int, at: int) -> dict[str, set[int | None]]:
        """Return what those of some rows that have changed since a position were, up to another one.

        None stands for a row that was not there; nothing is known without a history.

        Args:
            keys: the rows.
            since: a position of the log.
            at: a later position of the log.
        """
        if not (self._changes and keys):
            return {}
        where = f"bitAnd(bitShiftRight({_VERSION}, 32), {2**64 - 1})"
        value = f"tuple({_HASH})"
        query = (
            f"SELECT {_KEY}, argMaxIf({value}, {_VERSION}, {where} < {since}),"
            f" countIf({where} < {since}),"
            f" groupUniqArrayIf({value}, {where} >= {since} AND {where} < {at})"
            f" FROM {self._changes} WHERE {_KEY} IN ({_literals(keys)})"
            f" GROUP BY {_KEY} HAVING max({where}) >= {since}"
        )
        return {
            str(k): {first[0] if count else None, *(value for (value,) in later)}
            for k, first, count, later in self._engine.rows(query)
        }


def _literals(texts: Sequence[str]) -> str:
    return ", ".join(map(literal, texts))


def _sink_range(bounds: Sequence[str]) -> str:
    if not bounds:
        return "0"
    return f"length(arrayFilter(b -> b <= {_KEY}, [{_literals(bounds)}]))"


_RANGE = 'width_bucket(k COLLATE "C", %s::text[] COLLATE "C")'

_SETTINGS = ("TimeZone = 'UTC'", "DateStyle = 'ISO'", "extra_float_digits = 1")

_NOW = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS at,
       pg_current_xact_id()::text::bigint AS id
"""

_SNAPSHOT = """
SELECT pg_current_wal_lsn()::text AS position,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS at,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest
"""
