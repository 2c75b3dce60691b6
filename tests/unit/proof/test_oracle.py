from __future__ import annotations

import json
import time
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from fastavro import schemaless_writer

from contractline.avro.schema import Schema
from contractline.clickhouse.columns import Column, columns_of
from contractline.proof.compare import EQUIVALENCES, agrees
from contractline.proof.meaning import MeantMoment
from contractline.proof.oracle import Expected, Oracle
from contractline.proof.shapes import Path, Shape

COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"], "default": "RED"}
ONE_COLOUR = {**COLOUR, "symbols": ["RED"]}


def schema(*fields: dict[str, Any]) -> Schema:
    record = {"type": "record", "name": "R", "fields": list(fields)}
    return Schema.parse(json.dumps(record))


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def expected(
    versions: list[Schema], writer: Schema, values: dict[str, Any]
) -> dict[Path, Expected]:
    out = BytesIO()
    schemaless_writer(out, Shape.of(writer).bare, values)
    columns = columns_of("things", versions, {}, {})
    return Oracle(columns, versions, writer).expected(out.getvalue())


def test_a_field_that_is_not_there_has_its_default() -> None:
    old, new = (
        schema(field("a", "int")),
        schema(field("a", "int"), field("b", "bytes", default="\u00ff")),
    )
    found = expected([old, new], old, {"a": 1})
    assert found["a",] == Expected(1, 1, is_resolved=True, is_written=True)
    assert found["b",] == Expected(b"\xff", None, is_resolved=True, is_written=False)


def test_a_removed_field_is_read_by_the_version_that_held_it() -> None:
    old, new = schema(field("a", "int"), field("b", "string")), schema(field("a", "int"))
    assert expected([old, new], old, {"a": 1, "b": "x"})["b",].value == b"x"
    assert expected([old, new], new, {"a": 1})["b",] == Expected(
        None, None, is_resolved=False, is_written=False
    )


def test_a_removed_field_with_a_default_keeps_it() -> None:
    old, new = (
        schema(field("a", "int"), field("b", "string", default="x")),
        schema(field("a", "int")),
    )
    assert expected([old, new], new, {"a": 1})["b",].value == b"x"


def test_one_field_that_can_not_be_read_leaves_the_others() -> None:
    old = schema(field("a", "int"), field("kind", COLOUR))
    lone = schema(field("a", "int"), field("kind", {**ONE_COLOUR, "default": "RED"}))
    assert expected([lone], old, {"a": 1, "kind": "GREEN"})["kind",] == Expected(
        b"RED", b"GREEN", is_resolved=True, is_written=True
    )
    strict = schema(
        field("a", "int"), field("kind", {"type": "enum", "name": "Colour", "symbols": ["RED"]})
    )
    found = expected([strict], old, {"a": 1, "kind": "GREEN"})
    assert found["kind",] == Expected(b"GREEN", b"GREEN", is_resolved=False, is_written=True)
    assert found["a",].is_resolved


def test_what_is_read_field_by_field_is_what_the_record_would_give() -> None:
    home = record("Home", field("city", "string"), field("street", "string", default="-"))
    lean = record("Home", field("city", "string"))
    bad = field("bad", {"type": "enum", "name": "Colour", "symbols": ["RED"]})
    fine = [
        field("long", "long"),
        field("size", {"type": "fixed", "name": "Size", "size": 2}),
        field("renamed", "string", aliases=["old"]),
        field("home", home),
        field("other", "Size"),
        field("added", "int", default=3),
    ]
    writer = schema(
        field("bad", COLOUR),
        field("old", "string"),
        field("size", {"type": "fixed", "name": "Size", "size": 2}),
        field("home", lean),
        field("gone", ["null", "string"]),
        field("long", "int"),
        field("other", "Size"),
    )
    values: dict[str, Any] = {
        "bad": "GREEN",
        "old": "x",
        "size": b"ab",
        "home": {"city": "y"},
        "gone": "z",
    }
    values |= {"long": 5, "other": b"cd"}
    together = expected([schema(*fine)], writer, values)
    alone = expected([schema(bad, *fine)], writer, values)
    assert not alone.pop(("bad",)).is_resolved
    assert alone == together
    assert {path: one.value for path, one in alone.items()} == {
        ("long",): 5,
        ("size",): b"ab",
        ("renamed",): b"x",
        ("home", "city"): b"y",
        ("home", "street"): b"-",
        ("other",): b"cd",
        ("added",): 3,
    }


def test_thousands_of_fields_of_which_none_can_be_read_take_no_time() -> None:
    old = schema(*(field(f"f{at}", "int") for at in range(2_000)))
    new = schema(*(field(f"f{at}", "string") for at in range(2_000)))
    began = time.process_time()
    found = expected([new], old, {f"f{at}": at for at in range(2_000)})
    assert time.process_time() - began < 10
    assert len(found) == 2_000
    assert not any(one.is_resolved for one in found.values())


def test_parts_of_records() -> None:
    inner = record("Home", field("city", "string"))
    wider = record("Home", field("city", "string"), field("zip", "string", default="-"))
    old = schema(field("home", ["null", inner]))
    new = schema(field("home", ["null", wider]))
    assert expected([new], new, {"home": None})["home", "city"].value is None
    assert expected([new], old, {"home": {"city": "x"}})["home", "zip"].value == b"-"


def test_a_record_that_is_a_default_has_the_defaults_of_its_fields() -> None:
    home = record("Home", field("city", "string", default="here"), field("zip", "string"))
    old = schema(field("a", "int"))
    new = schema(field("a", "int"), field("home", home, default={"zip": "1"}))
    found = expected([old, new], old, {"a": 1})
    assert (found["home", "city"].value, found["home", "zip"].value) == (b"here", b"1")


def test_named_types_are_defined_where_they_are_used_first() -> None:
    version = schema(
        field("a", COLOUR), field("b", "Colour"), field("c", {"type": "array", "items": "Colour"})
    )
    shape = Shape.of(version)
    (only,) = shape.only([("b",)])["fields"]
    assert only["type"]["symbols"] == ["RED", "GREEN"]
    both = shape.only([("b",), ("c",)])["fields"]
    assert both[1]["type"]["items"] == "Colour"


def column(kind: str = "Nullable(String)", **more: Any) -> Column:
    return Column(("it",), "it", kind, kind, **more)


MONEY = Column(("it",), "it", "String", "Nullable(Decimal(4, 2))", text_of="numeric")


def told(
    value: Any, written: Any = None, *, resolved: bool = True, is_written: bool = True
) -> Expected:
    return Expected(value, written, is_resolved=resolved, is_written=is_written)


NOON = MeantMoment(1_709_208_000 * 10**9)


@pytest.mark.parametrize(
    ("where", "expected", "got", "is_right"),
    [
        (column(), told(b"x"), b"x", True),
        (column(), told(b"x"), b"y", False),
        (column("Array(String)"), told(None), [], True),
        (column("Array(String)"), told([b"x"]), [], False),
        (column(), told(None, resolved=False, is_written=False), None, True),
        (column(), told(None, resolved=False, is_written=False), b"", False),
        (column(), told(b"x", b"x", resolved=False), None, False),
        (column("LowCardinality(String)"), told(b"RED", b"GREEN"), b"GREEN", True),
        (column("String"), told(b"RED", b"GREEN"), b"GREEN", False),
        (column(text_of="timestamp"), told(b"2024-02-29T12:00:00Z"), NOON, True),
        (column(text_of="timestamp"), told(b"2024-02-29T14:00:00.000+02:00"), NOON, True),
        (column(text_of="timestamp"), told(b"2024-02-29T12:00:00Z"), MeantMoment(0), False),
        (column(text_of="timestamp"), told(b"2024-02-29T12:00:00Z"), None, False),
        (column(text_of="timestamp"), told(b"no time"), None, True),
        (column(text_of="timestamp"), told(b"no time"), MeantMoment(0), False),
        (column(text_of="timestamp"), told(None), None, True),
        (column(text_of="uuid"), told(str(UUID(int=7)).encode()), UUID(int=7), True),
        (column(text_of="uuid"), told(str(UUID(int=7)).encode()), UUID(int=8), False),
        (column(text_of="uuid"), told(str(UUID(int=7)).encode()), None, False),
        (column(text_of="uuid"), told(b"no uuid"), None, True),
        (MONEY, told(b"99.90"), Decimal("99.9"), True),
        (MONEY, told(b"-0.01"), Decimal("-0.01"), True),
        (MONEY, told(b"99.90"), Decimal("99.8"), False),
        (MONEY, told(b"99.90"), None, False),
        (MONEY, told(b"100.00"), None, True),
        (MONEY, told(b"1.005"), None, True),
        (MONEY, told(b"1.005"), Decimal("1.00"), False),
        (MONEY, told(b"NaN"), None, True),
    ],
)
def test_agrees(where: Column, expected: Expected, got: Any, is_right: bool) -> None:
    assert agrees(where, expected, got) is is_right


def test_every_meant_difference_says_why() -> None:
    assert len({one.name for one in EQUIVALENCES}) == len(EQUIVALENCES)
    assert all(one.reason for one in EQUIVALENCES)
