"""Types of a schema with their names resolved."""

from __future__ import annotations

from typing import Any

import pytest

from contractline.avro.node import Node, endless_fields, has_field
from contractline.avro.schema import Schema

FIXED = {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal"}


def record(name: str, *fields: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": n, "type": t} for n, t in fields],
    } | more


def root(*fields: tuple[str, Any], **more: Any) -> Node:
    return Node.root(Schema(record("Root", *fields, **more)))


def test_a_name_means_its_definition() -> None:
    place = record("Place", ("city", "string"))
    node = root(("home", place), ("work", ["null", "Place"]), namespace="shop")
    home, work = (node.of(field["type"]) for field in node.fields)
    assert (home.full_name, home.is_reference) == ("shop.Place", False)
    referred = work.branches[1]
    assert (referred.full_name, referred.is_reference) == ("shop.Place", True)
    assert referred.fields == home.fields


def test_names_are_looked_up_in_the_namespace_of_the_definition() -> None:
    inner = record("Place", ("kind", {"type": "enum", "name": "Kind", "symbols": ["A"]}))
    inner["namespace"] = "geo"
    node = root(("home", inner), ("kind", "geo.Kind"), namespace="shop")
    assert node.of(node.fields[1]["type"]).full_name == "geo.Kind"
    home = node.of(node.fields[0]["type"])
    assert home.of(home.fields[0]["type"]).full_name == "geo.Kind"


@pytest.mark.parametrize(
    ("type_", "logical"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp-millis"),
        ({"type": "string", "logicalType": "timestamp-millis"}, ""),
        ({"type": "long", "logicalType": "timestamp-milli"}, ""),
        ({"type": "bytes", "logicalType": "decimal"}, ""),
        ({"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 4}, ""),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, "decimal"),
        ({**FIXED, "precision": 9}, "decimal"),
        ({**FIXED, "precision": 10}, ""),
    ],
)
def test_a_logical_type_that_libraries_ignore_is_none(type_: Any, logical: str) -> None:
    assert root().of(type_).logical == logical


def test_fields_by_their_names() -> None:
    node = root(("home", ["null", record("Place", ("city", "string"))]))
    assert has_field(node, ["home"])
    assert has_field(node, ["home", "city"])
    assert not has_field(node, ["home", "street"])
    assert not has_field(node, ["home", "city", "name"])


def test_fields_that_hold_a_record_inside_itself() -> None:
    tree = record("Tree", ("above", ["null", "Tree"]))
    ring = record("One", ("two", ["null", record("Two", ("one", ["null", "One"]))]))
    forest = {"type": "array", "items": {"type": "map", "values": "Tree"}}
    node = root(
        ("a", "long"),
        ("tree", tree),
        ("forest", forest),
        ("ring", ring),
        ("root", ["null", "Root"]),
    )
    assert list(endless_fields(node)) == [(1, "tree"), (2, "forest"), (3, "ring"), (4, "root")]


def test_a_record_used_twice_is_not_inside_itself() -> None:
    node = root(("home", record("Place", ("city", "string"))), ("work", "Place"))
    assert list(endless_fields(node)) == []
