from __future__ import annotations

import json
from typing import Any

import pytest

from contractline.avro.compatibility import (
    Compatibility,
    Direction,
    breaks,
    can_read,
    incompatibilities,
)
from contractline.avro.paths import json_path
from contractline.avro.schema import Schema


def field(type_: Any, **more: Any) -> dict[str, Any]:
    return {"type": type_} | more


def record(**types: Any) -> Schema:
    """A record of fields: each a type, or a :func:`field` where more is to say."""
    fields = [
        {"name": name} | (one if _is_field(one) else field(one)) for name, one in types.items()
    ]
    return Schema.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))


def _is_field(one: Any) -> bool:
    return isinstance(one, dict) and "name" not in one and ("default" in one or "aliases" in one)


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols)} | more


@pytest.mark.parametrize(
    ("reader", "writer", "reader_path", "writer_path", "words"),
    [
        (
            record(a="long"),
            record(a="string"),
            "$.fields[0].type",
            "$.fields[0].type",
            "`a`: string can't be read as long",
        ),
        (
            record(a="int", b="int"),
            record(a="int"),
            "$.fields[1]",
            "$",
            "`b`: the record lacks it and the reader has no default",
        ),
        (
            record(a=["null", "int"]),
            record(a=["null", "string"]),
            "$.fields[0].type",
            "$.fields[0].type[1]",
            "`a`: string can't be read as null or int",
        ),
        (
            record(a="int"),
            record(a=["null", "int"]),
            "$.fields[0].type",
            "$.fields[0].type[0]",
            "`a`: null can't be read as int",
        ),
        (
            record(a={"type": "array", "items": "int"}),
            record(b="int", a={"type": "array", "items": "string"}),
            "$.fields[0].type.items",
            "$.fields[1].type.items",
            "`a`: string can't be read as int",
        ),
        (
            record(a={"type": "map", "values": "int"}),
            record(a={"type": "map", "values": "string"}),
            "$.fields[0].type.values",
            "$.fields[0].type.values",
            "`a`: string can't be read as int",
        ),
        (
            record(a=enum("A")),
            record(a=enum("A", "B", "C")),
            "$.fields[0].type.symbols",
            "$.fields[0].type.symbols",
            "`a`: the enum E lacks `B`, `C` and has no default",
        ),
        (
            record(a={"type": "fixed", "name": "F", "size": 2}),
            record(a={"type": "fixed", "name": "F", "size": 3}),
            "$.fields[0].type.size",
            "$.fields[0].type.size",
            "`a`: the fixed F has 2 bytes, and 3 there",
        ),
        (
            record(a={"type": "fixed", "name": "F", "size": 2}),
            record(a={"type": "fixed", "name": "G", "size": 2}),
            "$.fields[0].type",
            "$.fields[0].type",
            "`a`: the fixed is called F, and G there",
        ),
        (
            record(a={"type": "record", "name": "S", "fields": [{"name": "b", "type": "int"}]}),
            record(a={"type": "record", "name": "S", "fields": []}),
            "$.fields[0].type.fields[0]",
            "$.fields[0].type",
            "`a.b`: the record lacks it and the reader has no default",
        ),
    ],
)
def test_each_reason_has_its_places_and_words(reader, writer, reader_path, writer_path, words):
    (found,) = incompatibilities(reader, writer)
    assert (json_path(found.reader_steps), json_path(found.writer_steps)) == (
        reader_path,
        writer_path,
    )
    assert found.reason == words


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (record(a="long"), record(a="int")),
        (record(a="double"), record(a="float")),
        (record(a="bytes"), record(a="string")),
        (record(a="int", b=field("int", default=0)), record(a="int")),
        (record(a="int"), record(a="int", b="int")),
        (record(a=["null", "int"]), record(a="int")),
        (record(a=["null", "long"]), record(a=["int", "null"])),
        (record(a=enum("A", default="A")), record(a=enum("A", "B"))),
        (record(b=field("int", aliases=["a"])), record(a="int")),
        (record(a={"type": "int", "logicalType": "date"}), record(a="int")),
    ],
)
def test_what_avro_resolves_is_no_reason(reader, writer):
    assert can_read(reader, writer)
    assert incompatibilities(reader, writer) == ()


def test_a_recursive_record_is_compared_once():
    def tree(value: str) -> Schema:
        inner = {"type": "array", "items": "R"}
        return record(value=value, children=inner)

    (found,) = incompatibilities(tree("int"), tree("string"))
    assert found.reason == "`value`: string can't be read as int"


V1 = record(a="string")
V2 = record(a="string", b=field("string", default=""))
V3 = record(a="string", b="string")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("NONE", []),
        ("BACKWARD", []),
        ("BACKWARD_TRANSITIVE", [(1, "BACKWARD")]),
        ("FORWARD", []),
        ("FORWARD_TRANSITIVE", []),
        ("FULL", []),
        ("FULL_TRANSITIVE", [(1, "BACKWARD")]),
    ],
)
def test_only_transitive_levels_look_behind_the_last_version(level, expected):
    found = breaks(V3, [(1, V1), (2, V2)], Compatibility(level))
    assert [(one.version, one.direction.value) for one in found] == expected


def test_a_break_says_its_direction_and_the_place_in_the_newer_schema():
    newer = record(b=field("string", default=""), a="long")
    back, forth = breaks(newer, [(4, V1)], Compatibility.FULL)
    assert (back.direction, forth.direction) == (Direction.BACKWARD, Direction.FORWARD)
    assert str(back) == "it can't read records of v4: `a`: string can't be read as long"
    assert str(forth) == "readers of v4 can't read its records: `a`: long can't be read as string"
    assert json_path(back.steps) == json_path(forth.steps) == "$.fields[1].type"


def test_there_is_nothing_to_break_without_an_earlier_version():
    assert breaks(V1, [], Compatibility.FULL_TRANSITIVE) == ()


@pytest.mark.parametrize("alias", ["Old", "shop.Old"])
def test_an_alias_of_a_type_stands_in_its_namespace(alias: str) -> None:
    def schema(name: str, **more: Any) -> Schema:
        inner = {"type": "record", "name": name, "fields": [], **more}
        fields = [{"name": "a", "type": ["null", inner]}]
        definition = {"type": "record", "name": "R", "namespace": "shop", "fields": fields}
        return Schema.parse(json.dumps(definition))

    assert can_read(schema("New", aliases=[alias]), schema("Old"))
    assert not can_read(schema("New", aliases=["other.Old"]), schema("Old"))


def _list_of(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


UNIONS_OF_NO_TYPES = [
    (Schema.parse("[]"), Schema.parse("[]"), True),
    (Schema.parse("[]"), Schema.parse('"int"'), False),
    (Schema.parse("[]"), Schema.parse('["null"]'), False),
    (Schema.parse('"int"'), Schema.parse("[]"), True),
    (Schema.parse('["null"]'), Schema.parse("[]"), True),
    (record(a=[]), record(a="int"), False),
    (record(a="int"), record(a=[]), True),
    (record(a=_list_of([])), record(a=_list_of("int")), False),
    (record(a=_list_of("int")), record(a=_list_of([])), True),
    (record(a={"type": "map", "values": []}), record(a={"type": "map", "values": "int"}), False),
    (record(), record(a=[]), True),
    (record(a=[]), record(), False),
    (record(a=[], b="int"), record(a=[], b="long"), False),
]
"""What Apache Avro for Java says of each pair; the integration tests ask it."""


@pytest.mark.parametrize(("reader", "writer", "is_readable"), UNIONS_OF_NO_TYPES)
def test_a_union_of_no_types_is_judged_as_apache_does(reader, writer, is_readable):
    assert can_read(reader, writer) is is_readable
    reasons = incompatibilities(reader, writer)
    assert bool(reasons) is not is_readable
    assert all(one.reason and one.reader_type for one in reasons)
