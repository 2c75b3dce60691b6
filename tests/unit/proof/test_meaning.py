from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from contractline.avro.node import Node
from contractline.avro.schema import Schema
from contractline.proof.meaning import Meanings, MeantMoment, same, words
from contractline.proof.shapes import Shape

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
NANOS = {"type": "long", "logicalType": "timestamp-nanos"}


def place(kind: Any) -> Node:
    record = {"type": "record", "name": "R", "fields": [{"name": "it", "type": kind}]}
    found = Shape.of(Schema.parse(json.dumps(record))).field(("it",))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("string", "é", "é".encode()),
        ("bytes", b"\xff", b"\xff"),
        ("bytes", "\u00ff", b"\xff"),  # as a default spells it
        ("boolean", True, True),
        (["null", "long"], None, None),
        (["null", "long"], 5, 5),
        (["int", "string"], "x", b"x"),
        ({"type": "int", "logicalType": "date"}, -1, MeantMoment(-86_400 * 10**9)),
        (MILLIS, -1, MeantMoment(-(10**6))),
        (MICROS, 1, MeantMoment(1000)),
        (NANOS, 1, MeantMoment(1)),
        ({"type": "long", "logicalType": "time-micros"}, 1, 1),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            b"\xff\x85",
            Decimal("-1.23"),
        ),
        ({"type": "string", "logicalType": "uuid"}, str(UUID(int=1)), UUID(int=1)),
        ({"type": "string", "logicalType": "decimal", "precision": 4}, "x", b"x"),
        ({"type": "array", "items": MILLIS}, [1], [MeantMoment(10**6)]),
        ({"type": "map", "values": "string"}, {"a": "b"}, {b"a": b"b"}),
    ],
    ids=str,
)
def test_meaning(kind: Any, value: Any, meant: Any) -> None:
    assert Meanings().of(place(kind))(value) == meant


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: ["null", t]])
def test_a_number_means_what_its_writer_meant(wrap: Any) -> None:
    found = Meanings().of(place(wrap(MICROS)), place(wrap(MILLIS)))(5)
    assert found == MeantMoment(5 * 10**6)
    assert found.number == 5000
    reader, writer = (place({"type": "array", "items": one}) for one in (MICROS, MILLIS))
    assert Meanings().of(reader, writer)([5]) == [MeantMoment(5 * 10**6)]


def test_a_record_inside_itself_is_followed_as_far_as_its_values_go() -> None:
    inner = {"name": "next", "type": ["null", "Link"], "default": None}
    link = {"type": "record", "name": "Link", "fields": [{"name": "at", "type": MILLIS}, inner]}
    meant = Meanings().of(place(link))
    value = {"at": 1, "next": {"at": 2, "next": None}}
    assert meant(value) == {
        "at": MeantMoment(10**6),
        "next": {"at": MeantMoment(2 * 10**6), "next": None},
    }


@pytest.mark.parametrize(
    ("meant", "got", "is_same"),
    [
        (3_000_000_000, -1_294_967_296, False),
        (1, 1.0, True),
        (2**53 + 1, float(2**53), False),
        (1.5, 1, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (-0.0, 0.0, False),
        (0, 0.0, True),
        (math.inf, math.inf, True),
        (Decimal("1.50"), Decimal("1.5"), True),
        (True, 1, True),
        (None, 0, False),
        (None, None, True),
        (b"", None, False),
        (b"a", b"a", True),
        (b"1", 1, False),
        (MeantMoment(1000), MeantMoment(1000, 1), True),
        (MeantMoment(1000), MeantMoment(1), False),
        (MeantMoment(1000, 1), 1, True),
        (MeantMoment(1000), 1, False),
        ([1, None], [1, None], True),
        ([1], [1, 1], False),
        ([], None, False),
        ({b"a": 1, b"b": 2}, [(b"b", 2), (b"a", 1)], True),
        ({b"a": 1}, [(b"a", 2)], False),
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1, "c": 2}, False),
        ({"a": 1, "b": 2}, (1, 2), True),
        (UUID(int=1), UUID(int=1), True),
        (UUID(int=255), str(UUID(int=255)).upper().encode(), True),
    ],
    ids=repr,
)
def test_same(meant: Any, got: Any, is_same: bool) -> None:
    assert same(meant, got) is is_same


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (b"a\n", '"a\\n"'),
        (b"\xff", "0xff"),
        (MeantMoment(-1), "1969-12-31T23:59:59.999999+00:00 + 999 ns"),
        (MeantMoment(-(2**63) * 1000), f"{-(2**63) * 1000} ns since 1970"),
        ([None, 1], "[null, 1]"),
        ([(b"a", 1)], '{"a": 1}'),
        ({b"a": 1}, '{"a": 1}'),
        ({"a": b"x"}, '{a: "x"}'),
        (b"x" * 500, '"' + "x" * 78 + "…"),
    ],
    ids=repr,
)
def test_words(value: Any, text: str) -> None:
    assert words(value) == text
