"""The verdict on a change for ClickHouse (tests/cases/gate has the edits)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from contractline.contracts.change import StreamChange
from contractline.contracts.draft import UNREAD
from contractline.finding import Effect
from contractline.rules.clickhouse_verdict import SinkVerdict, verdict
from tests.fixtures.edits import edits

EDITS = {edit.name: edit for edit in edits()}


def said(change: StreamChange) -> SinkVerdict:
    found = verdict(change)
    assert found is not None
    return found


@pytest.fixture
def change(tmp_path):
    return lambda name: EDITS[name].change(tmp_path)


def test_a_finding_names_column_figures_place_and_what_to_do(change):
    one = said(change("int_to_long_in_int32"))
    assert one.kind is Effect.CORRUPTS
    (finding,) = one.findings
    assert one.corrupting == one.findings
    assert finding.rule == "SINK_NUMBER_FITS"
    assert finding.message == ("column x Int32: in v2 3000000000 would be read as -1294967296")
    assert finding.hint.startswith("remove the type: Int64")
    assert finding.path == "$.customProperties[2].value.types.x"
    assert Path(str(finding.file)).name == "contract.odcs.yaml"


def test_a_field_without_a_type_of_its_own_is_named_in_its_schema(change):
    (finding,) = said(change("field_renamed_with_alias")).findings
    assert Path(str(finding.file)).name == "value.avsc"
    assert finding.path == "$.fields[1].type"
    assert finding.message == (
        "column login Nullable(String): the value of `user` in v1 would be read as ''"
    )


def test_without_tables_it_is_about_those_of_the_base(change):
    one = said(change("millis_to_micros"))
    assert one.is_refused
    assert one.kind is Effect.CORRUPTS
    assert [finding.rule for finding in one.findings] == [
        "SINK_TIME_SCALE_KEPT",
        "SINK_TABLES_READ_ON",
    ]
    assert [finding.rule for finding in one.corrupting] == ["SINK_TABLES_READ_ON"]


def test_a_new_stream_without_tables_is_read_by_nobody(change):
    edit = change("recursive_record_added")
    one = said(StreamChange(None, edit.after))
    assert (one.kind, one.is_refused) == (Effect.BREAKS, True)


def test_nothing_is_said_of_what_is_not_read(change):
    edit = change("field_added_with_default")
    unread = replace(edit.after, schemas={"value": UNREAD})
    pipeline = replace(edit.after, pipeline_part=UNREAD)
    without = replace(
        edit.after,
        pipeline_part=edit.after.pipeline.model_copy(update={"clickhouse": None}),
    )
    for after in (None, unread, pipeline, without):
        assert verdict(StreamChange(edit.before, after)) is None


def test_the_working_schema_counts_before_it_is_released(change):
    edit = change("int_to_long_in_int32")
    folder = edit.after.folder
    released = replace(edit.after.released, versions={"value": edit.after.versions("value")[:1]})
    one = said(StreamChange(edit.before, replace(edit.after, released=released)))
    assert one.kind is Effect.CORRUPTS
    assert "in value.avsc 3000000000" in one.findings[0].message
    assert json.loads((folder / "value.avsc").read_text())["fields"][1]["type"] == "long"


def test_a_type_that_is_no_type_is_left_to_its_own_rule(change):
    edit = change("int_to_long_in_int32")
    pipeline = edit.after.pipeline
    sink = pipeline.clickhouse.model_copy(update={"types": {"x": "int"}})
    after = replace(edit.after, pipeline_part=pipeline.model_copy(update={"clickhouse": sink}))
    assert said(StreamChange(edit.before, after)).kind is Effect.OK


def test_the_place_of_a_field_behind_a_reference_is_the_reference(change):
    for finding in said(change("recursive_record_added")).findings:
        assert finding.path.startswith("$.fields[1]")
        assert Path(str(finding.file)).name == "value.avsc"
