from __future__ import annotations

import json
from typing import Any

import pytest

from contractline.avro.difference import differences
from contractline.avro.schema import Schema


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)} | more


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_} | more


STRINGS = {"type": "array", "items": "string"}
A = field("a", "int")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (record(A), record(A), []),
        (record(A), record(A | {"doc": "x"}), []),
        (
            record(A),
            record(A, field("b", STRINGS, default=[])),
            ["adds `b` (array of string, default [])"],
        ),
        (record(A, field("b", "int")), record(A), ["removes `b`"]),
        (record(A), record(field("a", ["null", "long"])), ["`a`: int → null or long"]),
        (
            record(field("a", {"type": "map", "values": ["null", "int"]})),
            record(field("a", {"type": "map", "values": "int"})),
            ["`a`: map of (null or int) → map of int"],
        ),
        (
            record(field("a", "long")),
            record(field("a", {"type": "long", "logicalType": "timestamp-micros"})),
            ["`a`: long → long (timestamp-micros)"],
        ),
        (record(A | {"default": 0}), record(A | {"default": 1}), ["default of `a`: 0 → 1"]),
        (record(A), record(A | {"default": 1}), ["default of `a`: none → 1"]),
        (
            record(A, field("b", "int")),
            record(field("b", "int"), A),
            ["another order of the fields"],
        ),
        (
            record(field("s", record(A, name="S"))),
            record(field("s", record(A, field("b", "int"), name="S"))),
            ["adds `s.b` (int)"],
        ),
        (
            record(field("e", {"type": "enum", "name": "E", "symbols": ["A"]})),
            record(field("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]})),
            ["`e`: enum E changes inside"],
        ),
        (record(A), record(A, name="S"), ["record R → record S"]),
        (
            record(A),
            record(A | {"aliases": ["b"]}),
            ["changes aliases, order or properties of types and fields"],
        ),
        (
            record(A),
            record(A, field("b", "string", default="x" * 50)),
            [f'adds `b` (string, default "{"x" * 36}...)'],
        ),
    ],
)
def test_words(old, new, expected):
    schemas = [Schema.parse(json.dumps(definition)) for definition in (old, new)]
    assert list(differences(*schemas)) == expected
