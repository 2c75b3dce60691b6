"""Logical types beside a type: the right form, or None where there is no single one."""

from __future__ import annotations

import pytest

from contractline.avro.misplaced import is_misplaced, type_meant

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, MILLIS),
        ({"type": {"type": "long"}, "logicalType": "timestamp-millis"}, MILLIS),
        ({"type": ["null", "long"], "logicalType": "timestamp-millis"}, ["null", MILLIS]),
        ({"type": ["string", "long"], "logicalType": "timestamp-millis"}, ["string", MILLIS]),
        (dict(DECIMAL), DECIMAL),
        (
            {**DECIMAL, "type": {"type": "fixed", "name": "F", "size": 4}},
            {**DECIMAL, "type": "fixed", "name": "F", "size": 4},
        ),
        (
            {"type": {"type": "array", "items": "int"}, "logicalType": "date"},
            {"type": "array", "items": {"type": "int", "logicalType": "date"}},
        ),
        (
            {"type": {"type": "map", "values": ["null", "string"]}, "logicalType": "uuid"},
            {"type": "map", "values": ["null", {"type": "string", "logicalType": "uuid"}]},
        ),
    ],
)
def test_the_right_form(field, meant):
    assert is_misplaced({"name": "x", **field})
    assert type_meant({"name": "x", **field}) == meant


@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "logicalType": "timestamp-millis"},
        {"type": "Money", "logicalType": "decimal", "precision": 9},
        {"type": "long", "logicalType": "timestamp-milis"},
        {"type": "long", "logicalType": 7},
        {
            "type": ["bytes", {"type": "fixed", "name": "F", "size": 4}],
            "logicalType": "decimal",
            "precision": 9,
        },
        {
            "type": {"type": "long", "logicalType": "timestamp-micros"},
            "logicalType": "timestamp-millis",
        },
    ],
)
def test_no_single_right_form(field):
    assert is_misplaced({"name": "x", **field})
    assert type_meant({"name": "x", **field}) is None


@pytest.mark.parametrize(
    "field",
    [
        {"type": "long"},
        {"type": MILLIS},
        {"type": MILLIS, "logicalType": "timestamp-millis"},
        {"type": {"type": "array", "items": MILLIS}, "logicalType": "timestamp-millis"},
    ],
)
def test_nothing_is_misplaced(field):
    assert not is_misplaced({"name": "x", **field})
    assert type_meant({"name": "x", **field}) is None
