from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader

from contractline.avro.depth import room_for_depth
from contractline.avro.schema import Schema
from contractline.proof import edges
from contractline.proof.records import Made, Maker
from contractline.proof.shapes import Shape
from tests.fixtures.deep import nested

COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN", "BLUE"]}
HOME = {
    "type": "record",
    "name": "Home",
    "fields": [{"name": "city", "type": "string"}, {"name": "colour", "type": "Colour"}],
}
FIELDS = {
    "colour": COLOUR,
    "home": ["null", HOME],
    "either": ["null", "int", "string", {"type": "array", "items": "long"}],
    "count": "long",
    "day": {"type": "int", "logicalType": "date"},
    "at": {"type": "long", "logicalType": "timestamp-millis"},
    "price": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2},
    "fixed": {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 5},
    "tags": {"type": "array", "items": ["null", "string"]},
    "counts": {"type": "map", "values": "double"},
    "name": "string",
}


def schema(fields: dict[str, Any]) -> Schema:
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return Schema.parse(json.dumps({"type": "record", "name": "R", "fields": listed}))


def made(fields: dict[str, Any], count: int = 0, seed: int = 0, **texts: Any) -> list[Made]:
    return Maker(Shape.of(schema(fields)), texts, seed).records(count)


def read(fields: dict[str, Any], one: Made) -> Any:
    return schemaless_reader(BytesIO(one.datum), Shape.of(schema(fields)).bare, None)


VALUES = [read(FIELDS, one) for one in made(FIELDS)]


@pytest.mark.parametrize("name", FIELDS)
def test_every_edge_of_every_field_is_in_some_record(name: str) -> None:
    alone = [
        read({"colour": COLOUR, name: FIELDS[name]}, one)[name]
        for one in made({"colour": COLOUR, name: FIELDS[name]})
    ]
    together = [repr(one[name]) for one in VALUES]
    assert {repr(one) for one in alone} <= set(together)


def test_every_symbol_and_every_branch() -> None:
    assert {one["colour"] for one in VALUES} == {"RED", "GREEN", "BLUE"}
    assert {type(one["either"]) for one in VALUES} == {type(None), int, str, list}
    assert {one["home"] is None for one in VALUES} == {True, False}


def test_every_symbol_and_every_branch_of_the_items_of_a_list_and_a_map() -> None:
    country = {"type": "enum", "name": "Country", "symbols": [f"C{n}" for n in range(60)]}
    visit = {
        "type": "record",
        "name": "Visit",
        "fields": [{"name": "to", "type": ["null", "Country"]}, {"name": "day", "type": "long"}],
    }
    fields = {
        "born": country,
        "visited": {"type": "array", "items": "Country"},
        "named": {"type": "map", "values": "Country"},
        "visits": {"type": "array", "items": visit},
        "mixed": {"type": "array", "items": ["long", "string", "null", "boolean", "bytes"]},
    }
    values = [read(fields, one) for one in made(fields)]
    symbols = set(country["symbols"])
    assert {item for one in values for item in one["visited"]} == symbols
    assert {item for one in values for item in one["named"].values()} == symbols
    assert {item["to"] for one in values for item in one["visits"]} == {None, *symbols}
    branches = {type(item) for one in values for item in one["mixed"]}
    assert branches == {int, str, type(None), bool, bytes}


def test_the_first_record_is_ordinary() -> None:
    first = VALUES[0]
    assert first["home"] == {"city": "text", "colour": "RED"}
    assert (first["count"], first["name"], first["tags"]) == (7, "text", ["text"])


def test_edges_reach_as_far_as_avro_does() -> None:
    assert {-(2**63), 2**63 - 1} <= {one["count"] for one in VALUES}
    assert {-(2**31), 2**31 - 1} <= {one["day"] for one in VALUES}
    assert {-(2**63), 2**63 - 1} <= {one["at"] for one in VALUES}
    assert {one["price"] for one in VALUES} >= {edges.unscaled(99999), edges.unscaled(-99999)}
    assert all(len(one["fixed"]) == 4 for one in VALUES)


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, -128, -129, 255, 256, 10**30, -(10**30)])
def test_unscaled_is_read_back(number: int) -> None:
    data = edges.unscaled(number)
    assert int.from_bytes(data, "big", signed=True) == number
    assert len(data) == 1 or int.from_bytes(data[1:], "big", signed=True) != number


def test_the_seed_decides_the_records() -> None:
    first, again, other = (made(FIELDS, 20, seed) for seed in (1, 1, 2))
    assert [one.datum for one in first] == [one.datum for one in again]
    assert [one.datum for one in first] != [one.datum for one in other]
    assert len(first) == len(VALUES) + 20


def test_texts_that_a_field_takes() -> None:
    fields = {"__op": ["null", "string"], "name": "string"}
    found = [read(fields, one)["__op"] for one in made(fields, 50, __op=("c", "d"))]
    assert set(found) == {None, "c", "d"}


def test_a_record_inside_itself_ends() -> None:
    tree = {
        "type": "record",
        "name": "Tree",
        "fields": [
            {"name": "left", "type": ["null", "Tree"]},
            {"name": "more", "type": {"type": "array", "items": "Tree"}},
        ],
    }
    assert len(made({"tree": tree}, 20)) > 20


def test_rows_of_columns_hold_every_value() -> None:
    columns = [range(3), range(10, 17), range(20, 21)]
    rows = edges.rotated(columns)
    assert rows[0] == (0, 10, 20)
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        assert set(column) == set(values)
    assert edges.rotated([]) == [()]


@pytest.mark.parametrize("outer", ["array", "map"])
def test_a_list_in_lists_holds_a_value_at_its_end(outer: str) -> None:
    inner: Any = "long"
    for _ in range(200):
        inner = {"type": outer, "items" if outer == "array" else "values": inner}

    def depth(value: Any) -> int:
        levels = 0
        while isinstance(value, (list, dict)) and value:
            value = next(iter(value.values() if isinstance(value, dict) else value))
            levels += 1
        return levels if isinstance(value, int) else 0

    with room_for_depth():
        found = [depth(read({"it": inner}, one)["it"]) for one in made({"it": inner}, 20)]
    assert found.count(200) > 5


def test_a_record_that_lists_itself_ends() -> None:
    link = {"type": "record", "name": "Link"}
    link["fields"] = [{"name": "more", "type": {"type": "array", "items": "Link"}}]  # type: ignore[assignment]
    assert made({"it": link}, 20)


def test_a_nullable_record_in_nullable_records_is_filled_to_its_end() -> None:
    innermost = 0
    with room_for_depth():
        deep = Schema.parse(json.dumps(nested("records or null", 200)))
        shape = Shape.of(deep)
        for one in Maker(shape, {}, 0).records(5):
            value = schemaless_reader(BytesIO(one.datum), shape.bare, None)
            while isinstance(value, dict):
                value = value["f"]
            innermost += value is not None
    assert innermost > 10


def test_records_that_hold_each_other_end() -> None:
    names = [f"R{at}" for at in range(9)]
    kind: Any = {"type": "record", "name": "R9", "fields": [field_of(names)]}
    for at in range(8, -1, -1):
        fields = [{"name": "inner", "type": ["null", kind]}, field_of([*names[:at], f"R{at}"])]
        kind = {"type": "record", "name": f"R{at}", "fields": fields}
    assert len(made({"it": kind}, 3)) > 3


def field_of(names: list[str]) -> dict[str, Any]:
    return {"name": "any", "type": ["null", *names]}


@pytest.mark.parametrize(
    "kind",
    [[], {"type": "array", "items": []}, ["null", HOME | {"fields": [{"name": "a", "type": []}]}]],
)
def test_no_record_of_a_union_of_no_types_is_made(kind):
    assert made({"name": "string", "nothing": kind}, 10) == []
