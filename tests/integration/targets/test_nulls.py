"""NULL in a column with a default arrives as NULL, whichever way the row is read."""

from __future__ import annotations

from tests.integration.targets.lab import Lab

KEY = [{"name": "id", "type": "int"}]
DEFAULTS = {
    "t": "text DEFAULT 'web'",
    "v": "varchar(9) DEFAULT ''",
    "c": "char(3) DEFAULT 'a'",
    "h": "smallint DEFAULT 0",
    "n": "int DEFAULT 7",
    "g": "bigint DEFAULT 5000000000",
    "o": "oid DEFAULT 1",
    "b": "boolean DEFAULT true",
    "r": "real DEFAULT 1.5",
    "f": "double precision DEFAULT 1.5",
    "q": "numeric(8,2) DEFAULT 2.50",
    "m": "money DEFAULT 1",
    "d": "date DEFAULT DATE '2026-01-01'",
    "w": "time DEFAULT '12:00'",
    "z": "timetz DEFAULT '12:00+00'",
    "s": "timestamp DEFAULT '2026-01-01'",
    "at": "timestamptz DEFAULT now()",
    "i": "interval DEFAULT '1 day'",
    "u": "uuid DEFAULT gen_random_uuid()",
    "j": "jsonb DEFAULT '[]'",
    "jo": "json DEFAULT '{ }'",
    "y": "bytea DEFAULT '\\x00'",
    "b1": "bit(1) DEFAULT '1'",
    "b3": "bit(3) DEFAULT '101'",
    "vb": "varbit DEFAULT '01'",
    "ip": "inet DEFAULT '10.0.0.1'",
    "ma": "macaddr DEFAULT '08:00:2b:01:02:03'",
    "e": "mood DEFAULT 'fine'",
    "dn": "small DEFAULT 3",
    "k": "int4range DEFAULT '[1,5)'",
    "l": "int[] DEFAULT '{1}'",
    "lt": "text[] DEFAULT '{a}'",
    "ld": "date[] DEFAULT '{2026-01-01}'",
}
COLUMNS = ", ".join(f"{name} {kind}" for name, kind in DEFAULTS.items())
NULLS = ", ".join("NULL" for _ in DEFAULTS)


def make(lab: Lab, table: str) -> None:
    """Create a table with a row of NULLs and one of defaults, and its contract of every column."""
    lab.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, {COLUMNS})")
    lab.sql(f"INSERT INTO {table} VALUES (1, {NULLS})")
    lab.sql(f"INSERT INTO {table} (id) VALUES (2)")
    lab.contract(table, KEY, key=KEY, policy="stop", compatibility="NONE")


def rows(lab: Lab, table: str, count: int) -> dict[int, dict[str, object]]:
    """Return the newest row of each key, once a topic holds so many records."""
    found = lab.wait_for_records(table, count)
    return {record.row["id"]: record.row for record in found if record.row}


def nulls(row: dict[str, object]) -> list[str]:
    return [name for name, value in row.items() if value is None]


def test_null_arrives_as_null_from_a_snapshot_a_joining_table_and_the_log(lab: Lab):
    lab.every_column()
    lab.sql("CREATE TYPE mood AS ENUM ('fine', 'poor'); CREATE DOMAIN small AS smallint")
    make(lab, "first")
    lab.apply()
    first = rows(lab, "first", 2)

    assert nulls(first[1]) == [*DEFAULTS]
    assert nulls(first[2]) == []

    lab.sql(f"INSERT INTO first VALUES (3, {NULLS})")
    lab.sql("INSERT INTO first (id) VALUES (4)")
    lab.sql("UPDATE first SET t = NULL, at = NULL WHERE id = 2")
    streamed = rows(lab, "first", 5)

    assert nulls(streamed[3]) == [*DEFAULTS]
    assert nulls(streamed[4]) == []
    assert nulls(streamed[2]) == ["t", "at"]

    make(lab, "second")
    lab.apply()
    joined = rows(lab, "second", 2)

    assert nulls(joined[1]) == [*DEFAULTS]
    assert nulls(joined[2]) == []


def test_a_deleted_row_keeps_its_nulls(lab: Lab):
    lab.every_column()
    lab.sql("CREATE TABLE orders (id int PRIMARY KEY, channel text DEFAULT 'web')")
    lab.contract("orders", KEY, key=KEY, policy="stop", compatibility="NONE")
    lab.apply()
    lab.sql("INSERT INTO orders VALUES (1, NULL)")
    lab.sql("DELETE FROM orders")

    written, deleted, tombstone = lab.wait_for_records("orders", 3)

    assert written.row == {"id": 1, "channel": None}
    assert deleted.is_delete
    assert deleted.row == {"id": 1, "channel": None}
    assert tombstone.value is None
