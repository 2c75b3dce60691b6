"""A table in PostgreSQL against its rows in ClickHouse: equal, or exactly the rows that differ."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from contractline.clients.clickhouse import Warehouse
from contractline.clients.connect import Connect
from contractline.contracts.load import load_contracts
from contractline.debezium.config import streams_of
from contractline.debezium.source import connected
from contractline.targets.connectors.comparing import Comparer, Comparison
from tests.integration.targets.lab import Lab

DATE = {"type": "int", "logicalType": "date"}
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
TIME = {"type": "int", "logicalType": "time-millis"}
LIST = {"type": "array", "items": ["null", "string"]}

COLUMNS: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "whole": ("bigint", "long", ("'-9223372036854775808'", "'9223372036854775807'", "0")),
    "small": ("smallint", "int", ("'-32768'", "32767")),
    "yes": ("boolean", "boolean", ("true", "false")),
    "ratio": ("double precision", "double", ("0.1", "'-0'", "'NaN'", "'-Infinity'", "1e-308")),
    "short_ratio": ("real", "float", ("0.1", "16777217", "'NaN'")),
    "words": ("text", "string", ("''", "'Ä 🙂'", "E'\\t\\n\\\\'", "'~'", "'3:abc'")),
    "padded": ("char(4)", "string", ("'a'", "'abcd'")),
    "amount": ("numeric", "string", ("1.10", "'0.000000000000000000000001'", "1e30", "-0.0")),
    "price": ("money", "string", ("'1234.50'", "'-0.01'")),
    "born": (
        "date",
        DATE,
        ("'0044-03-15 BC'", "'1582-10-10'", "'1899-12-31'", "'1970-01-01'", "'3000-01-01'"),
    ),
    "at": ("timestamp", STAMP, ("'1969-12-31 23:59:59.999'", "'2026-01-01 00:00:00.123'")),
    "at_zone": (
        "timestamptz",
        "string",
        ("'1969-12-31 23:59:59.999999Z'", "'2026-06-01 00:00+02'"),
    ),
    "clock": ("time", TIME, ("'00:00'", "'23:59:59.999'")),
    "clock_zone": ("timetz", "string", ("'00:00:01+02'", "'23:59:59.123456-05'")),
    "id": ("uuid", "string", ("'6B29FC40-CA47-1067-B31D-00DD010662DA'",)),
    "doc": ("jsonb", "string", ('\'{"b": [1, null], "a": "ä"}\'',)),
    "blob": ("bytea", "bytes", ("''", "'\\x00ff10'")),
    "host": ("inet", "string", ("'10.0.0.1'", "'10.0.0.0/8'", "'::1'")),
    "span": ("interval", "long", ("'1 mon 2 days 03:04:05.678'", "'-1 day'")),
    "tags": ("text[]", LIST, ("'{}'", "'{a,NULL,\"~\"}'")),
    "days": ("int4range", "string", ("'[1,5)'", "'empty'")),
}
"""Columns: the type in PostgreSQL and in Avro, and values at which they are easily read wrong."""


@contextmanager
def comparer(lab: Lab) -> Iterator[Comparer]:
    with ExitStack() as stack:
        warehouse = Warehouse(lab.endpoints)
        stack.callback(warehouse.close)
        database = stack.enter_context(connected(lab.endpoints))
        connect = stack.enter_context(Connect(lab.endpoints))
        yield Comparer(lab.endpoints, database, warehouse, connect)


def compared(lab: Lab, table: str) -> Comparison:
    """Compare a table of a lab."""
    (stream,) = (
        s
        for s in streams_of(load_contracts(lab.project))
        if s.source.table == f"{lab.prefix}.{table}"
    )
    with comparer(lab) as comparing:
        return comparing.compare(stream)


def make(lab: Lab) -> None:
    """Make a table with a column of each type, and a row for each of its values."""
    columns = ", ".join(f"{name} {sql_type}" for name, (sql_type, _, _) in COLUMNS.items())
    lab.sql(f"CREATE TABLE things (n int PRIMARY KEY, {columns})")
    lab.sql("INSERT INTO things (n) VALUES (0)")
    number = 0
    for name, (sql_type, _, values) in COLUMNS.items():
        for value in values:
            number += 1
            lab.sql(f"INSERT INTO things (n, {name}) VALUES ({number}, {value}::{sql_type})")
    key: list[Mapping[str, Any]] = [{"name": "n", "type": "int"}]
    fields = [
        {"name": name, "type": ["null", avro], "default": None}
        for name, (_, avro, _) in COLUMNS.items()
    ]
    described = [{"name": "at_zone", "logicalType": "timestamp", "required": False}]
    lab.contract("things", [*key, *fields], key, properties=described, has_sink=True)


def test_each_type_is_compared_exactly_and_each_difference_is_named(lab: Lab) -> None:
    make(lab)
    lab.bring_up_with_tables()

    whole = compared(lab, "things")

    assert whole.left_out == ()
    assert whole.result.rows == 1 + sum(len(values) for _, _, values in COLUMNS.values())
    assert whole.result.is_equal, (whole.result.words, whole.result.keys)

    table = f"{lab.prefix}.things"
    columns = ", ".join(["n", *COLUMNS, "is_deleted, op, changed_at, version"])
    for number, change in enumerate(
        (
            "'other' AS words, version + 1 AS version",
            "1 AS is_deleted, version + 1 AS version",
            "-7 AS n",
        ),
        start=1,
    ):
        lab.run(
            f"INSERT INTO {table} ({columns}, _topic, _partition, _offset)"
            f" SELECT * REPLACE({change}) FROM (SELECT * FROM {table} FINAL WHERE n = {number})"
        )

    spoilt = compared(lab, "things")

    assert not spoilt.result.waits_for
    assert spoilt.result.keys == {
        "1:1": "has other values in ClickHouse",
        "1:2": "missing in ClickHouse",
        "2:-7": "only in ClickHouse",
    }


def test_rows_that_change_all_the_time_are_no_differences(lab: Lab) -> None:
    # Columns are called as a query would call what it computes: key, hash, version, deleted.
    key: list[Mapping[str, Any]] = [{"name": "k", "type": "int"}]
    lab.sql("CREATE TABLE counts (k int PRIMARY KEY, v int NOT NULL, h int, d int)")
    lab.sql("INSERT INTO counts SELECT i, 0, i FROM generate_series(1, 20000) i")
    # ClickHouse gathers records for seconds, so it is behind the topic all the time.
    empty = [{"name": name, "type": ["null", "int"], "default": None} for name in "hd"]
    fields = [*key, {"name": "v", "type": "int"}, *empty]
    lab.contract("counts", fields, key, has_sink=True, latency_ms=6000)
    lab.bring_up_with_tables()
    stop = threading.Event()

    def change() -> None:
        with psycopg.connect(lab.endpoints.need("postgres_dsn"), autocommit=True) as connection:
            number = 0
            # Hundreds of changes a second, but not more than a busy machine brings to ClickHouse.
            while not stop.wait(0.01):
                number += 1
                connection.execute(
                    f"UPDATE {lab.prefix}.counts SET v = v + 1 WHERE k <= 3 OR k = {number % 20000}"
                )

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = compared(lab, "counts")
    finally:
        stop.set()
        thread.join()
    assert found.result.is_equal, (found.result.words, found.result.keys, found.result.waits_for)
    assert found.result.rows == 20000
    assert found.result.ranges > 1
