"""Tables that join a running connector: their earlier rows arrive, whatever the key's type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.targets.lab import Lab, Record, until

ROWS = 2500
"""More than two of the chunks in which Debezium would read by key."""

TIME = {"type": "int", "logicalType": "time-millis"}
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
DATE = {"type": "int", "logicalType": "date"}
KEYS: dict[str, tuple[str, Any, str]] = {
    "smallint": ("smallint", "int", "i"),
    "bigint": ("bigint", "long", "i * 10000000000"),
    "numeric": ("numeric", "string", "i * 1.10"),
    "not_a_number": (
        "numeric",
        "string",
        f"CASE i WHEN {ROWS} THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE i::numeric END",
    ),
    "real": ("real", "float", "i * 0.1"),
    "text": ("text", "string", "'Ä ' || i"),
    "char": ("char(8)", "string", "i::text"),
    "bytes": ("bytea", "bytes", "decode(lpad(to_hex(i), 8, '0'), 'hex')"),
    "day": ("date", DATE, "date '1969-01-01' + i"),
    "clock": ("time(3)", TIME, "time '00:00' + i * interval '1.5 s'"),
    "moment": ("timestamp(3)", STAMP, "timestamp '2026-01-01' + i * interval '1.5 s'"),
    "moment_tz": ("timestamptz", "string", "timestamptz '2026-01-01Z' + i * interval '1.234567 s'"),
    "money": ("money", "string", "i::money"),
    "bits": ("bit(12)", "bytes", "i::bit(12)"),
    "uuid": ("uuid", "string", "gen_random_uuid()"),
    "address": ("inet", "string", "inet '10.0.0.0' + i"),
    "json": ("jsonb", "string", "to_jsonb(i)"),
    "list": ("text[]", {"type": "array", "items": ["null", "string"]}, "ARRAY['k' || i]"),
    "range": (
        "tstzrange",
        "string",
        "tstzrange(timestamptz '2026-01-01Z' + i * interval '1 h', NULL)",
    ),
}
"""Types of keys, by the names of their tables: in PostgreSQL, in Avro, and a value of row i."""


def is_whole(lab: Lab, table: str) -> bool:
    """Tell whether the topic of a table holds every row."""
    values = {r.value["v"] for r in lab.records(table) if r.value is not None}
    return values == set(range(1, ROWS + 1))


def test_a_key_of_any_type_brings_all_rows(lab: Lab) -> None:
    lab.sql("CREATE TABLE first (v int PRIMARY KEY)")
    lab.contract("first", [{"name": "v", "type": "int"}], [{"name": "v", "type": "int"}])
    lab.bring_up()
    for name, (sql_type, avro_type, value) in KEYS.items():
        lab.sql(f"CREATE TABLE t_{name} (d int, k {sql_type}, v int NOT NULL, PRIMARY KEY (d, k))")
        lab.sql(f"INSERT INTO t_{name} SELECT i % 3, {value}, i FROM generate_series(1, {ROWS}) i")
        key: list[Mapping[str, Any]] = [
            {"name": "d", "type": "int"},
            {"name": "k", "type": avro_type},
        ]
        lab.contract(f"t_{name}", [*key, {"name": "v", "type": "int"}], key)

    lab.bring_up()

    for name in KEYS:
        until(partial(is_whole, lab, f"t_{name}"), f"the rows of t_{name}")


def test_a_table_without_key_that_joins_brings_its_rows(lab: Lab) -> None:
    lab.sql("CREATE TABLE first (v int PRIMARY KEY)")
    lab.contract("first", [{"name": "v", "type": "int"}], [{"name": "v", "type": "int"}])
    lab.bring_up()
    lab.sql("CREATE TABLE log (v int NOT NULL)")
    lab.sql("INSERT INTO log VALUES (1), (1), (2)")
    lab.contract("log", [{"name": "v", "type": "int"}])

    lab.bring_up()
    lab.sql("INSERT INTO log VALUES (3)")

    def values(records: list[Record]) -> list[int]:
        return sorted(r.value["v"] for r in records if r.value is not None)

    until(lambda: values(lab.records("log")) == [1, 1, 2, 3], "the rows of log")
