"""What a column loses of what was written, in figures (tests/integration/gate tries it)."""

from __future__ import annotations

from typing import Any

import pytest

from contractline.avro.node import Node
from contractline.avro.schema import Schema
from contractline.clickhouse.avroconfluent import Reason
from contractline.clickhouse.fidelity import default_lost, losses
from contractline.clickhouse.types import parse

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
DATE = {"type": "int", "logicalType": "date"}
PRICE = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
STATE = {"type": "enum", "name": "State", "symbols": ["OPEN", "CLOSED"]}


def node(type_: Any) -> Node:
    schema = Schema({"type": "record", "name": "R", "fields": [{"name": "x", "type": type_}]})
    root = Node.root(schema)
    return root.of(root.fields[0]["type"])


def lost(type_: Any, column: str, reader: Any = None, *, is_nullable: bool = False) -> Any:
    read = node(type_ if reader is None else reader)
    found = losses(node(type_), parse(column), read, is_nullable=is_nullable)
    return [(one.reason, one.is_refused, one.words) for one in found]


@pytest.mark.parametrize(
    ("type_", "column"),
    [
        ("int", "Int32"),
        ("int", "Float64"),
        ("float", "Float64"),
        ("boolean", "UInt8"),
        ("bytes", "LowCardinality(String)"),
        (STATE, "LowCardinality(String)"),
        (STATE, "Enum8('CLOSED' = 1, 'OPEN' = 2, 'DRAFT' = 3)"),
        (MILLIS, "DateTime64(3)"),
        (MILLIS, "Int64"),
        (DATE, "Date32"),
        (DATE, "Int32"),
        (PRICE, "Decimal(9, 2)"),
        ({"type": "array", "items": ["null", "long"]}, "Array(Nullable(Int64))"),
        ({"type": "map", "values": DATE}, "Map(String, Date32)"),
    ],
)
def test_nothing_is_lost(type_: Any, column: str) -> None:
    assert lost(type_, column) == []


@pytest.mark.parametrize(
    ("type_", "column", "reason", "words"),
    [
        ("long", "Int32", Reason.NUMBER, "3000000000 would be read as -1294967296"),
        ("int", "UInt64", Reason.NUMBER, "-1 would be read as 18446744073709551615"),
        ("double", "Int64", Reason.NUMBER, "0.1 would be read as 0"),
        (
            MILLIS,
            "DateTime64(6, 'UTC')",
            Reason.TIME,
            "2023-11-14 22:13:20 (1700000000000) would be read as 1970-01-20 16:13:20",
        ),
        (
            MICROS,
            "DateTime64(3, 'UTC')",
            Reason.TIME,
            "2023-11-14 22:13:20 (1700000000000000) would be read as the year 55840",
        ),
        (DATE, "Date", Reason.DATE, "1969-07-20 (-165) would be read as 2148-12-24"),
        (PRICE, "String", Reason.DECIMAL, "9999999.99 would be read as 0x3b9ac9ff"),
        ({"type": "array", "items": "long"}, "Array(Int32)", Reason.NUMBER, "3000000000 would"),
    ],
)
def test_values_are_read_as_others(type_: Any, column: str, reason: Reason, words: str) -> None:
    ((found, is_refused, said), *_) = lost(type_, column)
    assert (found, is_refused) == (reason, False)
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("type_", "column", "reason"),
    [
        ("boolean", "String", Reason.TYPE),
        ("string", "Int64", Reason.TYPE),
        (STATE, "Enum8('OPEN' = 1)", Reason.ENUM),
        (PRICE, "Decimal(18, 2)", Reason.DECIMAL),
        (["string", "long"], "Nullable(String)", Reason.UNION),
        (["string", "long"], "Variant(Bool, Int64, String)", Reason.UNION),
        (
            {"type": "record", "name": "P", "fields": [{"name": "a", "type": "long"}]},
            "Tuple(a Int64, b Int64)",
            Reason.RECORD,
        ),
    ],
)
def test_messages_are_not_read(type_: Any, column: str, reason: Reason) -> None:
    ((found, is_refused, _),) = lost(type_, column)
    assert (found, is_refused) == (reason, True)


def test_short_texts_are_padded_and_long_ones_refused() -> None:
    assert [(reason, refused) for reason, refused, _ in lost("string", "FixedString(9)")] == [
        (Reason.TYPE, False),
        (Reason.TYPE, True),
    ]


def test_null_in_a_column_without_null() -> None:
    assert lost("long", "Int64", is_nullable=True) == [
        (Reason.NULL, False, "null would be read as 0")
    ]
    assert lost("long", "Nullable(Int64)", is_nullable=True) == []
    assert lost({"type": "array", "items": "long"}, "Array(Int64)", is_nullable=True) == []


def test_a_list_in_a_list_can_not_be_null() -> None:
    type_ = {"type": "array", "items": ["null", {"type": "array", "items": "long"}]}
    assert lost(type_, "Array(Array(Int64))") == [(Reason.NULL, False, "null would be read as []")]


def test_more_exact_than_avro_is_no_loss() -> None:
    assert lost("int", "Float64", reader="float") == []


@pytest.mark.parametrize(
    ("type_", "column", "default", "words"),
    [
        ("long", "Int64", 0, ""),
        ("long", "Int64", -1, "would be read as 0, and not as the default -1"),
        ("string", "String", "", ""),
        ("string", "String", "main", "would be read as '', and not as the default 'main'"),
        (STATE, "Enum8('OPEN' = 0, 'CLOSED' = 1)", "OPEN", ""),
        (DATE, "Date32", 1, "would be read as 1970-01-01, and not as the default 1970-01-02"),
        ({"type": "array", "items": "long"}, "Array(Int64)", [], ""),
    ],
)
def test_a_default_that_the_column_does_not_show(
    type_: Any, column: str, default: Any, words: str
) -> None:
    said = default_lost(node(type_), parse(column), default, has_default=True)
    assert said == (f"a record without it {words}" if words else "")


def test_no_default_and_no_null_look_as_if_written() -> None:
    said = default_lost(node("long"), parse("Int64"), None, has_default=False)
    assert said == "a record without it would be read as 0, as if it had been written"
