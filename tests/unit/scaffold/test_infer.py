"""Schemas inferred from samples."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from contractline.avro.schema import Schema
from contractline.scaffold.infer import infer, type_name, words_of


def types(*samples: dict[str, Any]) -> dict[str, Any]:
    inferred = infer(enumerate(samples, 1), "Orders")
    assert inferred.unclear == ()
    return {field["name"]: field["type"] for field in inferred.fields}


def unclear(*samples: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.path, one.problem) for one in infer(enumerate(samples, 1), "Orders").unclear]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2), "long"),
        ((1, Decimal("2.5")), "double"),
        ((True, False), "boolean"),
        (("a", ""), "string"),
        (("2026-01-05", "2026-01-06"), {"type": "int", "logicalType": "date"}),
        (("2026-13-05", "2026-01-06"), "string"),
        (("2026-01-05T10:00:00Z",), {"type": "long", "logicalType": "timestamp-micros"}),
        (
            ("2026-01-05T10:00:00.25+02:00", "2026-01-05 10:00Z"),
            {"type": "long", "logicalType": "timestamp-micros"},
        ),
        (("2026-01-05T10:00:00",), "string"),
        (("2026-01-05T10:00:00.123456789Z",), "string"),
        (
            ("2026-01-05T10:00:00.123456000Z",),
            {"type": "long", "logicalType": "timestamp-micros"},
        ),
        (("2026-01-05T10:00:00Z", "2026-01-05"), "string"),
        (
            ("7f0c7c6e-5b7c-4f2c-9a51-0d3c9f3f1a11",),
            {"type": "string", "logicalType": "uuid"},
        ),
        (([1], []), {"type": "array", "items": "long"}),
        ((["a", None],), {"type": "array", "items": ["null", "string"]}),
        (([[1], [2]],), {"type": "array", "items": {"type": "array", "items": "long"}}),
    ],
)
def test_the_type_that_all_records_have_in_common(values, expected):
    assert types(*({"field": value} for value in values)) == {"field": expected}


def test_a_field_that_is_null_or_missing_somewhere_may_be_null():
    inferred = infer([(1, {"a": 1, "b": None}), (2, {"a": 2, "b": "x"}), (3, {"a": 3})], "Orders")

    by_name = {field["name"]: field for field in inferred.fields}
    assert by_name["a"]["type"] == "long"
    assert "default" not in by_name["a"]
    assert (by_name["b"]["type"], by_name["b"]["default"]) == (["null", "string"], None)
    assert by_name["b"]["doc"] == "B: text; null or absent in 2 of 3 sample records."
    assert inferred.records == 3


def test_nested_records_have_names_of_their_own_and_the_whole_is_a_schema():
    samples: list[tuple[int, dict[str, Any]]] = [
        (1, {"home": {"place": {"city": "Riga"}}, "work": {"place": {"city": "Oslo"}}}),
        (2, {"home": {"place": {}}, "work": {"place": {"city": "Bonn"}}}),
    ]

    inferred = infer(samples, "Orders")

    definition = {"type": "record", "name": "Orders", "fields": list(inferred.fields)}
    schema = Schema.parse(json.dumps(definition))
    assert schema.problems == ()
    names = [n["name"] for _, n in schema.types() if isinstance(n, dict) and "name" in n]
    assert names == ["Orders", "OrdersHome", "OrdersHomePlace", "OrdersWork", "OrdersWorkPlace"]
    assert all(field["doc"] for _, field in schema.all_fields())
    city = inferred.fields[0]["type"]["fields"][0]["type"]["fields"][0]
    assert city["type"] == ["null", "string"]


def test_what_no_type_fits_is_named_with_its_place():
    assert unclear({"a": 1}, {"a": "x"}) == [
        ("$.a", "is a whole number in record 1, text in record 2")
    ]
    assert unclear({"a": {"b": [True, 1]}})[0][0] == "$.a.b[]"
    assert unclear({"a": None})[0][1].startswith("is null in every record")
    assert unclear({"a": []})[0][1].startswith("is an empty list in every record")
    assert unclear({"a": {}})[0][1] == "is an empty record"
    assert unclear({"order-id": 1}) == [("$.order-id", "is not a name that Avro takes")]
    assert unclear({"a": 2**63})[0][1] == f"{2**63} is more than 64 bits hold"


def test_names_in_words_and_as_types():
    assert words_of("order_id") == "Order id"
    assert words_of("orderID") == "Order id"
    assert type_name("order_lines") == "OrderLines"
