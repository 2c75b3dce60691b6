"""Values that Avro reads and takes for something else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contractline.avro.meaning import reinterpretations
from contractline.avro.schema import Schema

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(type_: Any, **more: Any) -> Schema:
    fields = [{"name": "before", "type": "int"}, {"name": "at", "type": type_, **more}]
    return Schema.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def test_another_unit_is_told_with_both_types_and_both_places():
    (found,) = reinterpretations(record(MICROS), record(MILLIS))

    assert found.reason == (
        "`at`: long (timestamp-millis) is taken for long (timestamp-micros), and no error says so"
    )
    assert found.reader_steps == found.writer_steps == ("fields", 1, "type")
    assert (found.writer_type, found.reader_type) == (
        "long (timestamp-millis)",
        "long (timestamp-micros)",
    )


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (decimal(10, 2), decimal(10, 3)),
        (decimal(12, 2), decimal(10, 2)),
        (MICROS, "long"),
        ("long", MICROS),
        ("string", {"type": "string", "logicalType": "uuid"}),
        ({"type": "long", "logicalType": "time-micros"}, {"type": "int", "logicalType": "date"}),
        (["null", MICROS], MILLIS),
        (MICROS, ["null", MILLIS]),
        (["null", MICROS], [MILLIS, "null"]),
        ({"type": "array", "items": MICROS}, {"type": "array", "items": ["null", MILLIS]}),
        ({"type": "map", "values": MICROS}, {"type": "map", "values": MILLIS}),
    ],
    ids=str,
)
def test_what_means_something_else(reader, writer):
    assert len(reinterpretations(record(reader), record(writer))) == 1


@pytest.mark.parametrize(
    ("reader", "writer"),
    [
        (MICROS, MICROS),
        ("long", "int"),
        ("double", "float"),
        ("bytes", "string"),
        (["null", MICROS], MICROS),
        (["null", "string"], [MICROS, "null"]),  # can't be read at all: not told here
        ({"type": "long", "logicalType": "no-such-type"}, "long"),
        ({"type": "string", "logicalType": "timestamp-millis"}, "string"),  # does not fit: no type
        (decimal(4, 0), {"type": "bytes", "logicalType": "decimal", "precision": 4}),
        ({"type": "bytes", "logicalType": "decimal", "precision": 0}, "bytes"),  # no decimal
    ],
    ids=str,
)
def test_what_means_the_same(reader, writer):
    assert reinterpretations(record(reader), record(writer)) == ()


def test_an_alias_is_followed():
    fields = [{"name": "then", "type": MILLIS}]
    writer = Schema.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))

    (found,) = reinterpretations(record(MICROS, aliases=["then"]), writer)

    assert found.writer_steps == ("fields", 0, "type")
    assert found.reason.startswith("`at`: ")


def test_named_types_are_looked_into_and_a_record_inside_itself_ends():
    def tree(time: Any) -> Schema:
        fields = [
            {"name": "at", "type": time},
            {"name": "left", "type": ["null", "Tree"]},
            {"name": "right", "type": ["null", "n.Tree"]},
        ]
        text = {"type": "record", "name": "Tree", "namespace": "n", "fields": fields}
        return Schema.parse(json.dumps(text))

    (found,) = reinterpretations(tree(MICROS), tree(MILLIS))

    assert found.reader_steps == ("fields", 0, "type")
