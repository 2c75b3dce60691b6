"""Definitions that nest deep, and those that would have no end once their names are written out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from contractline.avro.compatibility import incompatibilities
from contractline.avro.depth import CALLS, MAX_DEPTH, is_too_deep, room_for_depth
from contractline.avro.diff import differences
from contractline.avro.extent import MAX_FIELDS
from contractline.avro.fields import field_changes
from contractline.avro.meaning import reinterpretations
from contractline.avro.node import Node, endless_fields
from contractline.avro.paths import JsonPlaces
from contractline.avro.schema import Schema, SchemaInvalid
from tests.fixtures.deep import KINDS, deepest, nested


@pytest.fixture(autouse=True)
def room() -> Iterator[None]:
    with room_for_depth():
        yield


@pytest.mark.parametrize("kind", KINDS)
def test_the_deepest_schema_is_read_compared_and_told(kind: str) -> None:
    old = Schema.parse(json.dumps(deepest(kind)))
    new = Schema.parse(json.dumps(deepest(kind, "added")))
    assert incompatibilities(new, old) == incompatibilities(old, new) == ()
    assert [one.kind for one in field_changes(old, new)] == ["added"]
    assert differences(old, new)[0].endswith("added` (null or string, default null)") or kind in (
        "lists of records",
        "records or null",
    )
    assert not reinterpretations(new, old)
    assert not list(endless_fields(Node.root(new)))
    assert Schema.parse(new.formatted) == new
    *_, (steps, _) = new.types()
    assert JsonPlaces(new.formatted).position(steps).line > MAX_DEPTH // 2


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_levels_of_anything_are_not_too_deep(kind: str) -> None:
    assert Schema.parse(json.dumps(nested(kind, 200))).fields


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 5_000, CALLS - 500, 100_000, 1_000_000])
def test_one_level_more_and_a_million_more_are_refused_alike(levels: int) -> None:
    with pytest.raises(SchemaInvalid, match=r"nested more than 1,280 levels deep\Z"):
        Schema.parse("[" * levels + '"int"' + "]" * levels)


def test_without_room_a_deep_schema_is_refused_and_nothing_breaks() -> None:
    texts = [json.dumps(nested("records", count)) for count in (200, 300, 420)]
    sys.setrecursionlimit(1_000)
    for text in texts:
        with pytest.raises(SchemaInvalid, match=r"levels deep|deeper than Python"):
            Schema.parse(text)


def test_the_room_ends_with_its_block() -> None:
    sys.setrecursionlimit(1_234)
    with room_for_depth():
        assert sys.getrecursionlimit() == CALLS
    assert sys.getrecursionlimit() == 1_234


def test_a_level_is_counted_once() -> None:
    value: Any = 0
    for _ in range(MAX_DEPTH):
        value = [value, {}]
    assert not is_too_deep(value, json.dumps(value))
    assert is_too_deep({"a": value}, json.dumps({"a": value}))


def test_names_that_stand_for_ever_more_fields() -> None:
    doubled: Any = {"type": "record", "name": "R0", "fields": [{"name": "a", "type": "int"}]}
    for at in range(1, 60):
        twice = [{"name": "a", "type": doubled}, {"name": "b", "type": f"R{at - 1}"}]
        doubled = {"type": "record", "name": f"R{at}", "fields": twice}
    with pytest.raises(SchemaInvalid, match=f"more than {MAX_FIELDS:,} fields, its names written"):
        Schema.parse(json.dumps(doubled))


def test_records_that_name_each_other_are_as_deep_as_written_in_each_other() -> None:
    def chain(length: int) -> str:
        fields = [
            {"name": f"f{at}", "type": _record(f"R{at}", f"R{at - 1}" if at else "int")}
            for at in range(length)
        ]
        return json.dumps({"type": "record", "name": "Root", "fields": fields})

    assert Schema.parse(chain(300)).fields
    with pytest.raises(SchemaInvalid, match="1,280 levels deep, its names written out"):
        Schema.parse(chain(3_000))


def test_thousands_of_names_and_a_record_inside_itself_have_an_extent() -> None:
    fields: list[Any]
    fields = [{"name": f"f{at}", "type": _record(f"R{at}", "int")} for at in range(3_000)]
    fields += [{"name": f"g{at}", "type": f"space.R{at}"} for at in range(3_000)]
    fields += [{"name": "again", "type": ["null", "Root"], "default": None}]
    text = json.dumps({"type": "record", "name": "Root", "namespace": "space", "fields": fields})
    assert len(Schema.parse(text).fields) == 6_001


def _record(name: str, type_: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": "f", "type": type_}]}
