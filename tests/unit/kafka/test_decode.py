"""Decoding messages, and what `tail` writes of them: what `produce` reads again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, cast

import pytest
from fastavro import parse_schema, schemaless_writer

from contractline.avro.schema import Schema
from contractline.clients.errors import FrameInvalid
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId, header
from contractline.kafka.decode import MessageDecoder, as_json
from contractline.kafka.jsonvalues import converter

FIELDS = [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "clock", "type": {"type": "long", "logicalType": "time-micros"}},
    {
        "name": "price",
        "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 3},
    },
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "raw", "type": ["null", "bytes"]},
    {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
]
DEFINITION = {"type": "record", "name": "Event", "fields": FIELDS}
VALUES = {
    "at": "2026-01-05T10:00:00.000001Z",
    "day": "2026-01-05",
    "clock": "10:00:00.000001",
    "price": "12345678901234567.890",
    "id": "a3bb189e-8bf9-3888-9912-ace4e6543002",
    "raw": "AAH/",
    "tags": {"a": ["b", "ü"]},
}


class OneSchema:
    """The part of the registry that decoding asks."""

    def __init__(self, definition: Any) -> None:
        self._schema = Schema.parse(json.dumps(definition))

    def schema(self, schema_id: SchemaId) -> Schema:
        assert schema_id == 7
        return self._schema


def decoder(definition: Any) -> MessageDecoder:
    return MessageDecoder(cast("Registry", OneSchema(definition)))


def message(definition: Any, value: Any) -> bytes:
    out = BytesIO()
    schemaless_writer(out, parse_schema(definition, {}), value)
    return header(SchemaId(7)) + out.getvalue()


def test_what_is_shown_is_what_produce_reads():
    names: dict[str, Any] = {}
    parsed = parse_schema(DEFINITION, names)
    written = converter(parsed, names)(VALUES)

    decoded = decoder(DEFINITION).decode(message(DEFINITION, written))

    assert decoded.schema_id == 7
    assert decoded.value["at"] == datetime(2026, 1, 5, 10, 0, 0, 1, tzinfo=UTC)
    assert decoded.value["price"] == Decimal("12345678901234567.890")
    assert as_json(decoded.value) == VALUES


def test_a_time_beyond_the_years_of_python_stays_a_number():
    field = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}
    definition = {"type": "record", "name": "Event", "fields": [field]}

    assert decoder(definition).decode(message(definition, {"at": 2**62})).value == {"at": 2**62}


@pytest.mark.parametrize(
    ("bytes_", "words"),
    [
        (b"", "0 bytes"),
        (b'{"a": 1}', "begins with the byte 0x7b"),
        (header(SchemaId(7)), "is not a value of schema 7"),
        (header(SchemaId(7)) + b"\x02a\x00", "1 bytes follow the value of schema 7"),
    ],
)
def test_other_bytes_are_told(bytes_: bytes, words: str):
    with pytest.raises(FrameInvalid, match=words):
        decoder("string").decode(bytes_)
