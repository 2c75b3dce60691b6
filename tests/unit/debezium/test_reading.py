"""How a captured table is read so that its values stay exact."""

from __future__ import annotations

import json

from contractline.avro.schema import Schema
from contractline.debezium.reading import date_columns, label_lists, snapshot_query

DATE = {"type": "int", "logicalType": "date"}
FIELDS = [
    {"name": "a", "type": DATE},
    {"name": "b", "type": ["null", DATE], "default": None},
    {"name": "c", "type": [DATE, "null"], "default": 0},
    {"name": "d", "type": {"type": "array", "items": DATE}},
    {"name": "e", "type": {"type": "array", "items": "string"}},
    {"name": "f", "type": ["null", {"type": "array", "items": "string"}], "default": None},
    {"name": "g", "type": {"type": "array", "items": ["null", "string"]}},
    {"name": "h", "type": "int"},
]
SCHEMA = Schema.parse(json.dumps({"type": "record", "name": "R", "fields": FIELDS}), "a test")


def test_dates_and_lists_of_labels_are_told_from_the_contract() -> None:
    assert date_columns(SCHEMA) == ("a", "b", "c")
    assert label_lists(SCHEMA) == ("e", "f")


def test_a_query_reads_dates_as_text_whatever_the_names() -> None:
    assert snapshot_query("s.T", ["id", 'D"x'], {'D"x'}) == (
        'SELECT "id", "D""x"::text AS "D""x" FROM "s"."T"'
    )
    assert snapshot_query("s.t", [], ["d"]) == 'SELECT *, "d"::text AS "d" FROM "s"."t"'
