"""What the rules about ClickHouse say of a list, a map and a plain text: each in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contractline.finding import Finding
from contractline.rules.check import findings_of
from tests.integration.proof.streams import field, stream

PART = {
    "type": "record",
    "name": "Part",
    "doc": "x",
    "fields": [{"name": "x", "type": "int", "doc": "x"}],
}
MAP = {"type": "map", "values": "long"}
LIST = {"type": "array", "items": "long"}
REPLACED = ", in which the view puts Avro's default in place of NULL; or remove the type"


def said(folder: Path, *versions: Any, own: str = "") -> Finding:
    types = {"types": {"a": own}} if own else None
    draft = stream(folder / "s", *versions, clickhouse=types)
    (found,) = (one for one in findings_of([draft]) if one.rule.startswith("SINK_"))
    return found


@pytest.mark.parametrize(
    ("kind", "holder"),
    [
        ({"type": "array", "items": ["null", PART]}, "list"),
        ({"type": "map", "values": ["null", PART]}, "map"),
        ({"type": "array", "items": {"type": "map", "values": ["null", PART]}}, "map"),
        ({"type": "map", "values": {"type": "array", "items": [PART, "null"]}}, "list"),
    ],
)
def test_what_holds_records_that_may_be_null_is_named(tmp_path, kind, holder):
    finding = said(tmp_path, [field("a", kind)], [field("a", kind)])
    assert finding.rule == "SINK_RECORD_FLAT"
    assert f"`a` is a {holder} of records that may be null" in finding.message
    assert finding.hint == "leave out what would be null"


def test_a_record_that_may_be_null_inside_one_of_a_list_is_named(tmp_path):
    inside = {"type": "record", "name": "Whole", "doc": "x", "fields": [field("b", ["null", PART])]}
    kind = {"type": "array", "items": inside}
    finding = said(tmp_path, [field("a", kind)], [field("a", kind)])
    assert finding.rule == "SINK_RECORD_FLAT"
    assert "`a` holds records whose b may be null" in finding.message


def test_a_record_of_a_list_keeps_its_fields(tmp_path):
    more = {**PART, "fields": [*PART["fields"], field("y", "string")]}
    versions = [[field("a", {"type": "array", "items": one})] for one in (PART, more)]
    finding = said(tmp_path, *versions)
    assert finding.rule == "SINK_RECORD_FLAT"
    assert "Array(Tuple(x Int64, y String)) in a later one" in finding.message
    assert (
        finding.hint == "keep the records as they were and add a list of the new ones beside them"
    )


@pytest.mark.parametrize(
    "own", ["Map(String, Tuple(x Int64, y Int64))", "Map(String, Tuple(y Int64))"]
)
def test_a_tuple_in_a_map_is_not_told_to_become_columns(tmp_path, own):
    versions = [[field("a", {"type": "map", "values": PART})]] * 2
    finding = said(tmp_path, *versions, own=own)
    assert finding.rule == "SINK_RECORD_FLAT"
    assert finding.hint.startswith("give the Tuple exactly the fields of the record")


@pytest.mark.parametrize(
    ("kind", "default", "words", "hint"),
    [
        (MAP, {"k": 1}, 'default {"k": 1} and some version', "use the default {}"),
        (LIST, [1], "default [1] and some version", "use the default []"),
        ([MAP, "null"], {"k": 1}, "that holds an empty map", "use the default {}"),
        (["string", "null"], "open", 'default "open" and some version', "use the default null"),
    ],
)
def test_a_default_that_can_not_be_told_from_a_value(tmp_path, kind, default, words, hint):
    finding = said(tmp_path, [], [field("a", kind, default=default)])
    assert finding.rule == "SINK_DEFAULT_KEPT"
    assert words in finding.message
    assert finding.hint == hint


@pytest.mark.parametrize(
    ("own", "right"),
    [
        ("String", "Nullable(String)"),
        ("LowCardinality(String)", "LowCardinality(Nullable(String))"),
    ],
)
def test_a_text_in_a_column_of_its_own_is_told_the_type(tmp_path, own, right):
    versions: Any = ([], [field("a", "string", default="open")])
    finding = said(tmp_path, *versions, own=own)
    assert finding.rule == "SINK_DEFAULT_KEPT"
    assert "read as '', and not as the default 'open'" in finding.message
    assert finding.hint == f"write `a: {right}`{REPLACED}"


def test_what_is_advised_for_a_text_keeps_the_rule(tmp_path):
    versions: Any = ([], [field("a", "string", default="open")])
    draft = stream(tmp_path / "s", *versions, clickhouse={"types": {"a": "Nullable(String)"}})
    assert not [one for one in findings_of([draft]) if one.rule.startswith("SINK_")]
