from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from fastavro import parse_schema

from contractline.avro.schema import Schema
from contractline.kafka.validate import ValueMistake, loose_fields, mistake
from tests.unit.kafka.schemas import MICROS, STRINGS, record


def parsed(schema: Schema) -> tuple[dict[str, Any], dict[str, dict[Any, Any]]]:
    names: dict[str, dict[Any, Any]] = {}
    read = parse_schema(schema.definition, named_schemas=names)
    assert isinstance(read, dict)
    return read, names


def found(kind: Any, value: object) -> ValueMistake | None:
    return mistake(*parsed(record(f=kind)), {"f": value})


NESTED = {"type": "record", "name": "In", "fields": [{"name": "n", "type": "int"}]}
ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
FIXED = {"type": "fixed", "name": "F", "size": 2}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("null", None),
        ("boolean", True),
        ("int", 2**31 - 1),
        ("long", -(2**63)),
        (MICROS, 5),
        (MICROS, datetime(2026, 1, 1, tzinfo=UTC)),
        ({"type": "int", "logicalType": "date"}, date(1969, 1, 1)),
        ("float", 1),
        ("double", 1.5),
        ("string", "день"),
        ("bytes", b"\xff"),
        (DECIMAL, Decimal("1.25")),
        (FIXED, b"ab"),
        (ENUM, "B"),
        (STRINGS, []),
        (STRINGS, ("a", "b")),
        ({"type": "map", "values": "long"}, {"a": 1}),
        (["null", "string"], None),
        (["null", MICROS], 7),
        (NESTED, {"n": 1}),
        ({"type": "string"}, "plain"),
    ],
)
def test_a_right_value_has_no_mistake(kind, value):
    assert found(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "path", "words"),
    [
        ("null", 0, "$.f", "must be null"),
        ("boolean", 1, "$.f", "must be a boolean"),
        ("int", 2**31, "$.f", "out of the range of an int"),
        ("int", True, "$.f", "must be an int"),
        ("long", 1.0, "$.f", "must be a long"),
        ("long", "1", "$.f", "must be a long"),
        (MICROS, 2**63, "$.f", "out of the range of a long (timestamp-micros)"),
        (MICROS, datetime(2026, 1, 1), "$.f", "time zone"),  # noqa: DTZ001 - the mistake
        ("double", "x", "$.f", "must be a number"),
        ("string", b"x", "$.f", "must be a string"),
        ("string", None, "$.f", "must be a string"),
        ("string", "a\ud800", "$.f", "UTF-8 at character 1"),
        ("bytes", "x", "$.f", "must be bytes"),
        (FIXED, b"abc", "$.f", "must be 2 bytes"),
        (ENUM, "C", "$.f", "must be one of A, B"),
        (STRINGS, "abc", "$.f", "must be an array"),
        (STRINGS, ["a", 3], "$.f[1]", "must be a string"),
        ({"type": "map", "values": "long"}, {"a": "x"}, "$.f.a", "must be a long"),
        ({"type": "map", "values": "long"}, {1: 1}, "$.f", "strings as keys"),
        ({"type": "map", "values": "long"}, [1], "$.f", "must be a map"),
        (["null", "long"], "x", "$.f", "must be a long"),
        (["string", "long"], 1.5, "$.f", "must be one of string, long"),
        (NESTED, {"n": "x"}, "$.f.n", "must be an int"),
        (NESTED, {}, "$.f.n", "is required and missing"),
        (NESTED, {"n": 1, "m": 2}, "$.f.m", "does not hold"),
        (NESTED, 5, "$.f", "must be a record"),
    ],
)
def test_a_wrong_value_is_found_with_its_place(kind, value, path, words):
    wrong = found(kind, value)

    assert wrong is not None
    assert wrong.path == path
    assert words in wrong.problem


def test_a_named_type_is_followed_where_it_is_used_again():
    schema = record(a=NESTED, b={"type": "array", "items": "test.In"})

    wrong = mistake(*parsed(schema), {"a": {"n": 1}, "b": [{"n": 1}, {"n": 2**40}]})

    assert wrong is not None
    assert wrong.path == "$.b[1].n"


def test_a_long_wrong_value_is_cut_in_the_message():
    wrong = found("long", "x" * 5000)

    assert "…" in str(wrong)
    assert len(str(wrong)) < 300


def test_only_fields_that_fastavro_takes_too_lightly_are_looked_at():
    schema = record(
        name="string", at=MICROS, tags=(STRINGS, []), maybe=(["null", "int"], None), ok="boolean"
    )

    fields = loose_fields(parsed(schema)[0])

    assert [field.name for field in fields] == ["at", "tags", "ok"]


@pytest.mark.parametrize(
    "kind", ["int", NESTED, FIXED, {"type": "map", "values": "long"}, ["null", STRINGS]]
)
def test_a_field_with_deeper_places_is_always_looked_at(kind):
    [field] = loose_fields(parsed(record(f=kind))[0])
    assert field.types == frozenset()
