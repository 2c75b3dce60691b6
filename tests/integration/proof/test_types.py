"""Every type of the engine can be read, and a proof goes on whatever type a column has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contractline.clickhouse.sql import identifier
from contractline.clients.clickhouse import Warehouse
from contractline.finding import Effect
from contractline.proof.process import engine_process
from contractline.proof.rowbinary import FORMAT, read_rows, selected
from contractline.settings import Endpoints
from tests.integration.proof.streams import change, field

SPELT = {
    "AggregateFunction": "AggregateFunction(sum, Int64)",
    "Array": "Array(Array(String))",
    "Decimal": "Decimal(60, 5)",
    "Decimal128": "Decimal128(3)",
    "Decimal256": "Decimal256(3)",
    "Decimal32": "Decimal32(3)",
    "Decimal64": "Decimal64(3)",
    "Enum": "Enum('a' = 1)",
    "Enum16": "Enum16('a' = 1000)",
    "Enum8": "Enum8('a' = -1)",
    "FixedString": "FixedString(5)",
    "LowCardinality": "LowCardinality(Nullable(String))",
    "Map": "Map(String, Array(Int8))",
    "Nested": "Nested(a Int64, b String)",
    "Nothing": "Nullable(Nothing)",
    "Nullable": "Nullable(IPv6)",
    "QBit": "QBit(Float32, 4)",
    "SimpleAggregateFunction": "SimpleAggregateFunction(sum, Int64)",
    "Time64": "Time64(3)",
    "Tuple": "Tuple(a Int64, b Tuple(String, JSON))",
    "Variant": "Variant(Int64, String)",
}
"""Types that are more than their name."""

NO_COLUMN = {"Nothing"}
NO_TEXT = {"AggregateFunction"}
"""A state that only its function reads; no field of a record can become one."""

ALLOWED = {
    "allow_experimental_qbit_type": "1",
    "allow_suspicious_low_cardinality_types": "1",
    "enable_time_time64_type": "1",
    "flatten_nested": "0",
}


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with (
        engine_process() as engine,
        closing(Warehouse(Endpoints(clickhouse_url=engine.url))) as warehouse,
    ):
        yield warehouse


def test_every_type_of_the_engine_is_read_to_its_last_byte(warehouse: Warehouse) -> None:
    families = warehouse.rows(
        "SELECT name FROM system.data_type_families WHERE alias_to = '' ORDER BY name"
    )
    names = [str(row[0]) for row in families if row[0] not in NO_COLUMN | NO_TEXT]
    assert len(names) > 50
    settings = ", ".join(f"{name} = {value}" for name, value in ALLOWED.items())
    columns = ", ".join(f"{identifier(f'c_{one}')} {SPELT.get(one, one)}" for one in names)
    warehouse.run(
        f"CREATE TABLE default.every (id Int64, {columns}) ENGINE = Memory SETTINGS {settings}"
    )
    warehouse.run("INSERT INTO default.every (id) VALUES (1), (2)")
    types = warehouse.rows(
        "SELECT name, type FROM system.columns WHERE database = 'default' AND table = 'every'"
    )
    listed = ", ".join(selected(str(name), str(type_)) for name, type_ in types)
    found = read_rows(warehouse.raw(f"SELECT {listed} FROM default.every ORDER BY id", FORMAT))
    assert found.names == tuple(str(name) for name, _ in types)
    assert [row[0] for row in found.rows] == [1, 2]
    assert found.rows[0][1:] == found.rows[1][1:]
    values = dict(zip(found.names, found.rows[0], strict=True))
    assert values["c_JSON"] == b"{}"
    assert values["c_Dynamic"] is None
    assert values["c_Time"] == b"00:00:00"
    assert values["c_Enum8"] == b"a"
    assert str(values["c_IPv4"]) == "0.0.0.0"
    assert str(values["c_IPv6"]) == "::"
    assert values["c_Decimal256"] == 0


def test_an_address_is_the_number_or_the_bytes_that_were_written(tmp_path: Path, proven) -> None:
    one = change(
        tmp_path / "addresses",
        [
            field("host", "long"),
            field("peer", {"type": "fixed", "name": "Address", "size": 16}),
        ],
        clickhouse={"types": {"host": "IPv4", "peer": "IPv6"}},
    )
    proof = proven(one)
    (finding,) = proof.findings
    assert (proof.verdict, finding.path) == (Effect.CORRUPTS, "$.fields[1]")
    assert str(finding.old) == "-1"
    assert str(finding.new) == "255.255.255.255"


@pytest.mark.parametrize("kind", ["JSON", "Dynamic", "Time", "Time64(3)", "BFloat16", "Int256"])
def test_a_type_that_no_record_fills_is_said_in_words(tmp_path: Path, proven, kind: str) -> None:
    one = change(
        tmp_path / "odd",
        [],
        [field("it", "long", default=0)],
        clickhouse={"types": {"it": kind}},
    )
    proof = proven(one)
    assert proof.verdict is Effect.BREAKS
    assert all("it" in finding.message for finding in proof.findings)


def test_a_derived_column_may_be_of_any_type(tmp_path: Path, proven) -> None:
    said = {"description": "Computed."}
    derived = [
        {"name": "address", "type": "IPv4", "expression": "toIPv4OrDefault(text)"} | said,
        {"name": "moment", "type": "JSON", "expression": "CAST('{}', 'JSON')"} | said,
    ]
    one = change(tmp_path / "derived", [field("text", "string")], clickhouse={"derived": derived})
    proof = proven(one)
    assert (proof.verdict, proof.findings) == (Effect.OK, ())
