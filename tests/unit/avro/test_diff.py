from __future__ import annotations

import json
from typing import Any

import pytest

from contractline.avro.diff import differences
from contractline.avro.schema import Schema


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)} | more


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_} | more


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols)} | more


STRINGS = {"type": "array", "items": "string"}
A = field("a", "int")


def money(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


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
        (record(A), record(field("a", ["int"])), ["`a`: is a union of one type"]),
        (record(field("a", ["int"])), record(A), ["`a`: is not a union any more"]),
        ([record(A)], record(A), ["is not a union any more"]),
        (
            record(A),
            record(field("a", {"type": "int", "x": 1})),
            ["`a`: changes aliases, order or properties of types and fields"],
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
            ["`e`: adds the symbol B"],
        ),
        (
            record(field("e", enum("A", "B", "C", default="A"))),
            record(field("e", enum("D", "E", "B", "A", default="B"))),
            [
                *("`e`: adds the symbols D, E", "`e`: removes the symbol C"),
                *("`e`: another order of the symbols", '`e`: default of the enum: "A" → "B"'),
            ],
        ),
        (
            record(field("s", ["null", record(A, name="S")])),
            record(field("s", ["null", record(field("a", "long"), name="S")])),
            ["`s.a`: int → long"],
        ),
        (
            record(field("s", {"type": "array", "items": enum("A")})),
            record(field("s", {"type": "array", "items": enum("A", "B")})),
            ["`s[]`: adds the symbol B"],
        ),
        (record(A), record(A, name="S"), ["record R → record S"]),
        (
            record(A),
            record(A | {"aliases": ["b"]}),
            ["adds the alias `b` to `a`"],
        ),
        (
            record(A | {"aliases": ["b", "c"]}),
            record(A | {"aliases": ["c"]}),
            ["removes the alias `b` from `a`"],
        ),
        (
            record(A),
            record(field("b", "long", aliases=["a", "z"])),
            [
                "renames `a` to `b`, with the old name as an alias",
                *("`b`: int → long", "adds the alias `z` to `b`"),
            ],
        ),
        (
            record(field("price", money(9, 2))),
            record(field("price", money(12, 2))),
            ["`price`: bytes (decimal 9, 2) → bytes (decimal 12, 2)"],
        ),
        (
            record(field("hash", {"type": "fixed", "name": "H", "size": 16})),
            record(field("hash", {"type": "fixed", "name": "H", "size": 20})),
            ["`hash`: fixed H of 16 bytes → fixed H of 20 bytes"],
        ),
        (
            record(A),
            record(A | {"order": "ignore"}),
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
