from __future__ import annotations

import json
from pathlib import Path

import pytest

from contractline.contracts.change import StreamChange
from contractline.contracts.load import load_contract
from contractline.gate.diff import (
    StreamDifference,
    VersionUnknown,
    between_contracts,
    between_versions,
    newest_versions,
)
from contractline.gate.reports.diff import as_json, markdown, text


def edited(file: Path, old: str, new: str) -> None:
    words = file.read_text()
    assert words.count(old) == 1
    file.write_text(words.replace(old, new))


@pytest.fixture
def clicks(project):
    """The folder of a stream with two versions: the second adds a page."""
    folder = project.contracts / "clicks"
    page = '"fields": [{"name": "page", "type": "string", "default": "", "doc": "Address."},'
    edited(folder / "value.avsc", '"fields": [', page)
    (folder / "versions" / "value.v2.avsc").write_text((folder / "value.avsc").read_text())
    return folder


def rows(difference: StreamDifference) -> list[tuple[str, str, str, str, bool, bool, str, str]]:
    return [
        (
            row.field,
            row.kind,
            row.before,
            row.after,
            row.backward,
            row.forward,
            row.column_before,
            row.column_after,
        )
        for row in difference.fields
    ]


@pytest.mark.parametrize(("before", "after"), [("v1", "v2"), ("1", "2"), ("v1", "working")])
def test_an_added_field(clicks, before, after):
    found = between_versions(load_contract(clicks), before, after)
    assert found.words == ('adds `page` (string, default "")',)
    added = ("page", "added", "", 'string, default ""', True, True, "", "page String")
    assert rows(found) == [added]
    assert (found.broken, found.unmappable) == ((), "")


def test_the_other_way_round(clicks):
    found = between_versions(load_contract(clicks), "v2", "v1")
    removed = ("page", "removed", 'string, default ""', "", True, True, "page String", "")
    assert rows(found) == [removed]


def test_a_column_stays_when_its_field_goes(clicks):
    released = (clicks / "versions" / "value.v1.avsc").read_text()
    (clicks / "value.avsc").write_text(released)
    found = between_versions(load_contract(clicks), "2", "working")
    assert [(row.kind, row.column_after) for row in found.fields] == [("removed", "page String")]


def test_a_change_that_breaks_both_ways_and_the_table(clicks):
    edited(clicks / "value.avsc", '"name": "page", "type": "string", "default": ""', PAGE_NUMBER)
    found = between_versions(load_contract(clicks), "v2", "working")
    changed = ("page", "changed", 'string, default ""', "long", False, False, "page String", "")
    assert rows(found) == [changed]
    assert found.broken == (
        "working can't read records of v2: `page`: string can't be read as long",
        "v2 can't read records of working: `page`: long can't be read as string",
    )
    assert "one ClickHouse column can't read both" in found.unmappable
    assert f"ClickHouse: {found.unmappable}" in text([found])


PAGE_NUMBER = '"name": "page", "type": "long"'


@pytest.mark.parametrize("version", ["v3", "0", "v", "", "1.0", "v-1", "99999999999", "Working"])
def test_a_version_that_is_not_there(clicks, version):
    with pytest.raises(VersionUnknown) as refusal:
        between_versions(load_contract(clicks), "v1", version)
    assert refusal.value.hint == "it has v1, v2, working"


def test_the_last_change(clicks):
    assert newest_versions(load_contract(clicks)) == ("v1", "v2")
    edited(clicks / "value.avsc", '"default": "", ', '"default": "/", ')
    assert newest_versions(load_contract(clicks)) == ("v2", "working")
    for file in (clicks / "versions").iterdir():
        file.unlink()
    assert newest_versions(load_contract(clicks)) == ("working", "working")


def test_a_stream_that_is_not_read_into_clickhouse_has_no_columns(project):
    heartbeat = project.contracts / "system" / "heartbeat"
    edited(heartbeat / "value.avsc", '"long"', '"string"')
    found = between_versions(load_contract(heartbeat), "v1", "working")
    assert [(row.column_before, row.column_after) for row in found.fields] == [("", "")]


def contracts(folder: Path, *edits: tuple[str, str, str]) -> StreamDifference:
    before = load_contract(folder)
    for name, old, new in edits:
        edited(folder / name, old, new)
    return between_contracts(StreamChange(before, load_contract(folder)), "main", "the checkout")


def test_what_the_document_says_counts_too(clicks):
    found = contracts(
        clicks,
        ("contract.odcs.yaml", "value: 500", "value: 900"),
        ("contract.odcs.yaml", "partitions: 3", "partitions: 6"),
        ("value.avsc", '"default": "", ', '"default": "/", '),
    )
    assert found.words == (
        'default of `page`: "" → "/"',
        "promised latency: 500 ms → 900 ms",
        "partitions: 3 → 6",
    )
    assert [row.field for row in found.fields] == ["page"]


def test_a_key_that_changes(clicks):
    found = contracts(clicks, ("key.avsc", '"click", "type": "string"', '"click", "type": "long"'))
    assert found.words == ("key: `click`: string → long",)


def test_nothing_differs(clicks):
    found = contracts(clicks)
    assert found.is_empty
    assert text([found]) == "clicks: main → the checkout: nothing differs"


def test_a_part_that_could_not_be_read_is_said(clicks):
    found = contracts(clicks, ("value.avsc", '"fields"', '"field"'))
    assert found.words == ("clicks: the value's schema could not be read",)


def test_new_and_removed_streams(clicks):
    draft = load_contract(clicks)
    new = between_contracts(StreamChange(None, draft), "main", "v2")
    gone = between_contracts(StreamChange(draft, None), "main", "v2")
    assert text([new, gone]) == "clicks is new in v2\n\nclicks was removed since main"


def test_for_a_terminal(clicks):
    assert text([between_versions(load_contract(clicks), "v1", "v2")]).splitlines() == [
        "clicks: v1 → v2",
        '  adds `page` (string, default "")',
        "",
        "  field  before  after               new reads old  old reads new"
        "  ClickHouse before  ClickHouse after",
        '  page   -       string, default ""  yes            yes          '
        "  -                  page String",
    ]


def test_for_a_page(clicks):
    edited(clicks / "value.avsc", '"default": "", ', '"default": "<b>|`", ')
    assert markdown([between_versions(load_contract(clicks), "v2", "working")]).splitlines() == [
        "### clicks: v2 → working",
        "",
        '- default of `page`: "" → "\\<b\\>\\|\\`"',
        "",
        "| field | before | after | new reads old | old reads new | ClickHouse before"
        " | ClickHouse after |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        '| `page` | `string, default ""` | ``string, default "<b>\\|`"`` | yes | yes'
        " | `page String` | `page String` |",
    ]


def test_for_programs(clicks):
    found = json.loads(as_json([between_versions(load_contract(clicks), "v1", "v2")]))
    (one,) = found["differences"]
    assert (one["stream"], one["before"], one["after"]) == ("clicks", "v1", "v2")
    assert one["fields"][0]["column_after"] == "page String"
