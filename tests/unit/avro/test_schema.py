from __future__ import annotations

import json
from typing import Any

import pytest

from contractline.avro.paths import json_path
from contractline.avro.schema import Schema, SchemaInvalid

FIXED = {"type": "fixed", "name": "F", "size": 2}


def parse(definition: Any) -> Schema:
    return Schema.parse(json.dumps(definition))


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)} | more


def field(type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": "a", "type": type_} | more


@pytest.mark.parametrize(
    ("definition", "path", "words"),
    [
        (5, "$", "a type is a name, an object or a list, not a number"),
        (None, "$", "a type is a name, an object or a list, not null"),
        (True, "$", "a type is a name, an object or a list, not a boolean"),
        ("text", "$", "`text` is not an Avro type"),
        (["null", ["int"]], "$[1]", "a union directly inside a union"),
        (["int", "null", "int"], "$[2]", "the union holds `int` twice"),
        ({}, "$", "the type has no `type`"),
        ({"type": "text"}, "$.type", "`text` is not an Avro type"),
        ({"type": {"type": "int"}}, "$.type", "a type inside a type"),
        ({"type": "array"}, "$", "the array has no `items`"),
        ({"type": "map", "values": "text"}, "$.values", "`text` is not an Avro type"),
        ({"type": "record", "fields": []}, "$", "the record has no `name`"),
        (record(namespace=5), "$.namespace", "a namespace is a text"),
        (record(name="1x"), "$.name", "`1x` is not a name"),
        (record(name="a..b"), "$.name", "`a..b` is not a name"),
        ({"type": "record", "name": "R"}, "$", "the record has no list of `fields`"),
        (record("x"), "$.fields[0]", "the field has no `name`"),
        (record({"name": "a-b", "type": "int"}), "$.fields[0].name", "`a-b` is not a name"),
        (record({"name": "a"}), "$.fields[0]", "the field `a` has no `type`"),
        (record(field("int"), field("int")), "$.fields[1].name", "the field `a` twice"),
        (record(field("int", order="up")), "$.fields[0].order", "the order is ascending"),
        (record(field("int", aliases="b")), "$.fields[0].aliases", "aliases are a list of names"),
        (record(field("S")), "$.fields[0].type", "no named type defined before it"),
        (record(field(record())), "$.fields[0].type.name", "`R` is defined twice"),
        ({"type": "enum", "name": "E"}, "$", "the enum has no list of `symbols`"),
        ({"type": "enum", "name": "E", "symbols": ["A", "A"]}, "$.symbols[1]", "`A` twice"),
        (
            {"type": "enum", "name": "E", "symbols": ["a b"]},
            "$.symbols[0]",
            "`a b` is not a symbol",
        ),
        ({"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}, "$.default", "`B`"),
        ({"type": "fixed", "name": "F", "size": 0}, "$", "the fixed has no `size`"),
        ({"type": "fixed", "name": "F", "size": True}, "$", "the fixed has no `size`"),
        ({"type": "error", "name": "E", "fields": []}, "$.type", "`error` is not an Avro type"),
    ],
)
def test_mistakes_have_a_place_and_words(definition, path, words):
    with pytest.raises(SchemaInvalid) as caught:
        parse(definition)
    assert [json_path(problem.steps) for problem in caught.value.problems] == [path]
    assert words in caught.value.problem


def test_all_mistakes_are_told_up_to_twenty():
    with pytest.raises(SchemaInvalid) as caught:
        parse(record(*({"name": f"f{n}", "type": "text"} for n in range(50))))
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "not JSON: Expecting value"),
        ('{\n"type":\n}', 3, "not JSON: "),
        ('{"type": "int"}\x00', 1, "not JSON: Extra data"),
        ('\ufeff"int"', 1, "not JSON: Unexpected UTF-8 BOM"),
        ('{"a": 1,\n"b": 2,\n"a": 3}', 3, "the name `a` stands twice in $"),
        ('{"x": [0, {"a": 1,\n"a": 3}', 2, "the name `a` stands twice in $.x[1]"),
        ('{"size": NaN}', None, "NaN is not a number of JSON"),
        ('{"size": 1e999}', None, "1e999 is not a number of JSON"),
        ('"\\ud800"', None, "surrogates not allowed"),
        ("[" * 100_000, None, "nested more than 1,280 levels deep"),
        ("[" * 1_000_000, None, "nested more than 1,280 levels deep"),
        ('{"type": "array", "items":' * 1_281 + '"int"' + "}" * 1_281, None, "1,280 levels deep"),
    ],
)
def test_what_is_no_json_says_where(text, line, words):
    with pytest.raises(SchemaInvalid, match="not a valid Avro schema") as caught:
        Schema.parse(text)
    assert words in caught.value.problem
    position = caught.value.position
    assert (position and position.line) == line
    assert str(caught.value).startswith(f"schema:{position}: " if position else "schema: ")


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("null", 0),
        ("boolean", 1),
        ("int", 2**31),
        ("int", 1.0),
        ("int", True),
        ("long", 2**63),
        ("double", "1"),
        ("string", None),
        ("bytes", "\u0100"),
        (["null", "string"], ""),
        (["string", "null"], None),
        ({"type": "array", "items": "int"}, {}),
        ({"type": "array", "items": "int"}, ["x"]),
        ({"type": "map", "values": "int"}, {"x": "y"}),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B"),
        (FIXED, "\u0001"),
        (record(field("int"), name="S"), {}),
        (record(field("int"), name="S"), {"a": "x"}),
        (record(field("int"), name="S"), 5),
    ],
)
def test_a_default_that_does_not_fit_is_a_problem_and_no_reason_to_refuse(type_, default):
    (problem,) = parse(record(field(type_, default=default))).problems
    assert json_path(problem.steps) == "$.fields[0].default"
    assert problem.of_default


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        ("null", None),
        ("int", -(2**31)),
        ("double", 1),
        ("bytes", "\u00ff"),
        (["null", "string"], None),
        (["string", "null"], "x"),
        ({"type": "array", "items": ["null", "int"]}, [None]),
        ({"type": "map", "values": "int"}, {"x": 1}),
        (FIXED, "\u0001\u0002"),
        (record(field("int", default=1), name="S", namespace="n"), {}),
        (record(field({"type": "array", "items": "R"}), name="S"), {"a": []}),
    ],
)
def test_a_default_that_fits_is_none(type_, default):
    assert parse(record(field(type_, default=default))).problems == ()


def test_a_name_is_looked_up_in_the_namespace_around_it():
    schema = parse(
        record(field(FIXED | {"namespace": "other"}), {"name": "b", "type": "other.F"})
        | {"namespace": "n"}
    )
    assert schema.full_name == "n.R"
    with pytest.raises(SchemaInvalid, match="no named type defined before it"):
        parse(record(field(FIXED | {"namespace": "other"}), {"name": "b", "type": "F"}))


def test_a_record_may_hold_itself():
    schema = parse(record(field(["null", "R"], default=None)))
    assert [json_path(steps) for steps, _ in schema.types()][-1] == "$.fields[0].type[1]"
    assert schema.plain_fields == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("string", {"type": "string", "doc": "x"}),
        (record(), record(doc="x")),
        (record(namespace="a"), record() | {"name": "a.R"}),
        (record(aliases=["S"], namespace="a"), record(aliases=["a.S"], namespace="a")),
        (record(field("int", doc="x")), record({"type": "int", "name": "a"})),
    ],
)
def test_another_spelling_means_the_same(first, second):
    assert parse(first) == parse(second)
    assert len({parse(first), parse(second)}) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (record(field("int")), record(field("int", default=0))),
        (record(field("int")), record(field("long"))),
        (record(field("int")), record(field({"type": "int", "logicalType": "date"}))),
        (record(field("int")), record(field("int", pii=True))),
        (record(field("int")), record(field("int", aliases=["b"]))),
        (record(), record(namespace="a")),
        ([["null", "int"]][0], ["int", "null"]),
    ],
)
def test_what_a_reader_sees_counts(first, second):
    assert parse(first) != parse(second)


def test_five_thousand_fields_are_read():
    schema = parse(record(*({"name": f"f{n}", "type": "string"} for n in range(5000))))
    assert len(schema.fields) == 5000
    assert schema == parse(json.loads(schema.formatted))


@pytest.mark.parametrize("name", ["enum", "fixed", "record", "array", "map"])
def test_a_record_may_be_called_like_a_kind_of_type(name):
    inside = {"type": "record", "name": name, "fields": [{"name": "a", "type": "int"}]}
    used = {"name": "y", "type": [name, "null"], "default": {"a": 1}}
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": inside}, used]}
    assert Schema.parse(json.dumps(schema)).problems == ()
