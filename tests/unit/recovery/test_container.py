"""The container file around frames, read by fastavro: it holds the data and the places, unchanged."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import Any, cast

import fastavro
import pytest

from contractline.avro.schema import Schema
from contractline.clients.wire import SchemaId, header
from contractline.kafka.log import Record
from contractline.recovery.container import Container
from contractline.recovery.frames import LoadedStream

SCHEMA = Schema(
    {
        "type": "record",
        "name": "Reading",
        "namespace": "org.example",
        "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "note", "type": ["null", "string"], "default": None},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
            {"name": "other", "type": ["null", "Kind"], "default": None},
        ],
    }
)
STREAM = LoadedStream(
    "readings", "a'topic", (("note", "note", "Nullable(String)"), ("a.b", "a_b", "Int64"))
)


def record(offset: int, note: str | None, key: bytes = b"", at_ms: int | None = 5) -> Record:
    out = io.BytesIO()
    out.write(header(SchemaId(7)))
    value = {"at": 5, "note": note, "kind": "B", "other": "A"}
    fastavro.schemaless_writer(out, SCHEMA.definition, value)
    return Record(offset % 3, offset, at_ms, key, out.getvalue())


def read(file: bytes) -> Iterator[dict[str, Any]]:
    return cast("Iterator[dict[str, Any]]", iter(fastavro.reader(io.BytesIO(file))))


def test_a_container_holds_the_data_and_their_places():
    records = [
        record(0, None),
        record(2**62, "x" * 10_000, b"\x00 key \xff"),
        record(3, "ы", b"k" * 4_095, at_ms=None),
        record(4, "", b"k" * 4_096, at_ms=-1),
        record(5, "", b"k" * 100_000),
    ]
    container = Container(STREAM, SCHEMA)

    found = list(read(container.file(records)))

    assert [f["key"] for f in found] == [r.key for r in records]
    places = [struct.unpack("<IQq", f["place"]) for f in found]
    assert places == [
        (r.partition, r.offset, -(2**63) if r.at_ms is None else r.at_ms) for r in records
    ]
    assert [f["value"]["note"] for f in found] == [None, "x" * 10_000, "ы", "", ""]
    assert {f["value"]["other"] for f in found} == {"A"}
    marks = {f["mark"] for f in found}
    assert len(marks) == 1
    assert f"unhex('{marks.pop().hex()}')" in container.sql


def test_each_container_has_a_mark_of_its_own():
    def mark() -> str:
        found = re.search(r"unhex\('(\w{32})'\)", Container(STREAM, SCHEMA).sql)
        assert found is not None
        return found[1]

    assert mark() != mark()


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"\x00", lambda b: b + b])
def test_a_datum_of_another_length_moves_the_mark(damage):
    whole = record(1, "note")
    bad = whole._replace(value=damage(whole.value))
    container = Container(STREAM, SCHEMA)
    good_mark = next(read(container.file([whole])))["mark"]

    try:
        found = next(read(container.file([bad, whole])))
    except (EOFError, IndexError, ValueError):
        return
    assert found["mark"] != good_mark


def test_the_insert_reads_columns_by_their_paths():
    sql = Container(STREAM, SCHEMA).sql

    assert sql.startswith("INSERT INTO ingestion.readings (note, a_b, _topic,")
    assert "`value.note` Nullable(String), `value.a.b` Int64, place FixedString(20)" in sql
    assert "'a\\'topic'" in sql
    assert sql.endswith(" FORMAT Avro")
