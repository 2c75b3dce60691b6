from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest

from contractline.avro.jsonlines import record
from contractline.avro.schema import Schema
from contractline.clients.wire import SchemaId
from contractline.kafka.encode import RecordRefused, RecordWriter
from contractline.kafka.jsonvalues import converter


def logical(kind: str, name: str, **more: int) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def through(kind: Any, value: Any) -> Any:
    """Return what a reader gets of a value that was written as JSON."""
    fields = [{"name": "f", "type": kind, "doc": "x"}]
    schema = Schema({"type": "record", "name": "R", "fields": fields})
    writer = RecordWriter.of(schema, SchemaId(7))
    read = record(json.dumps({"f": value}))
    frame = writer(converter(writer.parsed, writer.names)(read))
    parsed = fastavro.parse_schema(deepcopy(schema.definition))
    decoded: Any = fastavro.schemaless_reader(BytesIO(frame[5:]), parsed, None)
    return decoded["f"]


INSIDE = {
    "type": "record",
    "name": "In",
    "fields": [{"name": "at", "type": logical("long", "timestamp-micros")}],
}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "2026-01-05", "2026-01-05"),
        ("double", 1.5, 1.5),
        (["null", "double"], 1.5, 1.5),
        (
            logical("long", "timestamp-micros"),
            "2026-01-05T12:00:00.000001+02:00",
            datetime(2026, 1, 5, 10, 0, 0, 1, UTC),
        ),
        (
            ["null", logical("long", "timestamp-millis")],
            "2026-01-05T10:00:00Z",
            datetime(2026, 1, 5, 10, tzinfo=UTC),
        ),
        (logical("long", "timestamp-micros"), 1, datetime(1970, 1, 1, 0, 0, 0, 1, UTC)),
        (logical("int", "date"), "2026-01-05", date(2026, 1, 5)),
        (logical("int", "time-millis"), "10:30", time(10, 30)),
        (
            logical("string", "uuid"),
            "7f0c7c6e-5b7c-4f2c-9a51-0d3c9f3f1a11",
            UUID("7f0c7c6e-5b7c-4f2c-9a51-0d3c9f3f1a11"),
        ),
        (logical("bytes", "decimal", precision=10, scale=2), 12.34, Decimal("12.34")),
        (logical("bytes", "decimal", precision=10, scale=2), "12.30", Decimal("12.30")),
        (logical("bytes", "decimal", precision=10, scale=2), 5, Decimal("5.00")),
        ("bytes", "AAE=", b"\x00\x01"),
        (
            {"type": "array", "items": INSIDE},
            [{"at": "2026-01-05T10:00:00Z"}],
            [{"at": datetime(2026, 1, 5, 10, tzinfo=UTC)}],
        ),
        (
            {"type": "map", "values": logical("int", "date")},
            {"a": "2026-01-05"},
            {"a": date(2026, 1, 5)},
        ),
    ],
)
def test_a_reader_gets_what_the_json_meant(kind, value, expected):
    assert through(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("long", 1.5),
        ("string", 1),
        ("boolean", "yes"),
        (logical("long", "timestamp-micros"), "2026-01-05T10:00:00"),
        (logical("long", "timestamp-micros"), "yesterday"),
        (logical("int", "date"), "2026-13-01"),
        (logical("string", "uuid"), "not-a-uuid"),
        ("bytes", "not base64!"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(kind, value):
    with pytest.raises(RecordRefused) as caught:
        through(kind, value)
    assert caught.value.mistake.path == "$.f"


def test_a_record_that_holds_itself():
    day = logical("int", "date")
    node = {
        "type": "record",
        "name": "Node",
        "fields": [
            {"name": "day", "type": day},
            {"name": "next", "type": ["null", "Node"], "default": None},
        ],
    }
    value = {"day": "2026-01-05", "next": {"day": "2026-01-06", "next": None}}
    assert through(node, value) == {
        "day": date(2026, 1, 5),
        "next": {"day": date(2026, 1, 6), "next": None},
    }
