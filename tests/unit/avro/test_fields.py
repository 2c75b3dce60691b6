from __future__ import annotations

from typing import Any

import pytest

from contractline.avro.compatibility import incompatibilities
from contractline.avro.fields import field_changes, field_of, fields, lies_in, places
from contractline.avro.schema import Schema


def record(*members: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(members)} | more


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_} | more


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, list[str], bool]]:
    return [
        (change.kind, [".".join(name) for name in change.names], change.is_felt)
        for change in field_changes(Schema(old), Schema(new))
    ]


A, B = field("a", "int"), field("b", "string", default="")
KIND = {"type": "enum", "name": "Kind", "symbols": ["X", "Y"]}
KIND_Z = KIND | {"symbols": ["X", "Y", "Z"]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([A], [A], []),
        ([A], [A | {"doc": "words"}], []),
        ([A], [field("a", {"type": "int"})], []),
        ([A], [A, B], [("added", ["b"], False)]),
        ([A, B], [A], [("removed", ["b"], True)]),
        ([A, B], [B, A], []),
        ([A], [field("a", "long")], [("changed", ["a"], True)]),
        ([A], [field("a", ["null", "int"])], [("changed", ["a"], True)]),
        ([A], [A | {"default": 0}], [("changed", ["a"], True)]),
        ([B], [B | {"default": "x"}], [("changed", ["b"], True)]),
        ([A], [A | {"aliases": ["z"]}], [("changed", ["a"], False)]),
        ([A], [A | {"order": "ignore"}], [("changed", ["a"], False)]),
        ([A], [field("c", "int", aliases=["a"])], [("renamed", ["a", "c"], True)]),
        ([A, B], [field("c", "int", aliases=["a"]), A, B], [("added", ["c"], False)]),
        ([field("k", KIND)], [field("k", KIND_Z)], [("changed", ["k"], True)]),
        (
            [field("k", KIND), field("l", "Kind")],
            [field("k", KIND_Z), field("l", "Kind")],
            [("changed", ["k"], True), ("changed", ["l"], True)],
        ),
    ],
)
def test_what_changed(old, new, expected):
    assert changed(record(*old), record(*new)) == expected


def inner(*members: Any, name: str = "Inner") -> dict[str, Any]:
    return record(*members, name=name)


@pytest.mark.parametrize(
    "around",
    [
        lambda node: node,
        lambda node: ["null", node],
        lambda node: {"type": "array", "items": node},
        lambda node: {"type": "map", "values": ["null", node]},
    ],
)
def test_a_nested_field_is_one_of_its_own(around):
    old, new = record(field("o", around(inner(A)))), record(field("o", around(inner(A, B))))
    assert changed(old, new) == [("added", ["o.b"], False)]
    assert changed(new, old) == [("removed", ["o.b"], True)]
    assert [one.path for one in fields(Schema(new))] == ["o", "o.a", "o.b"]


def test_a_record_that_is_used_twice_changes_in_both_places():
    old, new = (
        record(field("p", inner(*members), default={}), field("q", ["null", "Inner"]))
        for members in ([A], [field("a", "long")])
    )
    assert changed(old, new) == [("changed", ["p.a"], True), ("changed", ["q.a"], True)]


def test_a_record_inside_itself_ends():
    tree = record(field("value", "int"), field("next", ["null", "R"], default=None))
    assert [one.path for one in fields(Schema(tree))] == ["value", "next"]


def test_a_field_in_words():
    money = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
    found = fields(
        Schema(
            record(
                field("k", ["null", KIND], default=None, doc="Of which\n  kind."),
                field("m", {"type": "array", "items": money}),
                field("f", {"type": "fixed", "name": "F", "size": 16}),
            )
        )
    )
    assert [(one.type, one.default, one.doc) for one in found] == [
        ("null or enum Kind {X, Y}", "null", "Of which kind."),
        ("array of bytes (decimal 10, 2)", "", ""),
        ("fixed F of 16 bytes", "", ""),
    ]


def broken(old: Schema, new: Schema) -> dict[str, bool]:
    """Tell of each field that changed whether the new schema can't read it in old records."""
    found = places(incompatibilities(new, old), new)
    return {".".join(one.names[-1]): lies_in(one, found) for one in field_changes(old, new)}


def test_a_reason_lies_in_the_field_that_changed():
    old, new = (
        Schema(record(A, field("o", inner(field("x", x), field(other, "int")))))
        for x, other in (("int", "y"), ("string", "z"))
    )
    assert broken(old, new) == {"o.x": True, "o.z": True, "o.y": False}


def test_a_reason_of_a_union_is_one_of_every_field_inside():
    old, new = (
        Schema(record(A | {"type": a}, field("o", ["null", inner(field("x", x))])))
        for a, x in (("int", "int"), ("long", "string"))
    )
    assert broken(old, new) == {"a": False, "o.x": True}


def test_a_reason_of_the_whole_record_is_one_of_every_field():
    assert broken(Schema(record(A)), Schema(record(A, B, name="S"))) == {"b": True}


def test_the_field_of_a_place_behind_a_name():
    schema = Schema(record(field("p", inner(A)), field("q", {"type": "array", "items": "Inner"})))
    assert field_of(schema, ("fields", 1, "type", "items", "fields", 0, "type")) == ("q", "a")
    assert field_of(schema, ("fields", 0)) == ("p",)
    assert field_of(schema, ()) == ()
