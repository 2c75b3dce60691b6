"""``contractline compat``: pairs of schemas, one by one and by the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from contractline.avro.depth import room_for_depth
from contractline.cli.compat import command
from tests.fixtures.deep import KINDS, deepest, nested

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


def record(**fields: Any) -> dict[str, Any]:
    listed = [{"name": name, "type": type_} for name, type_ in fields.items()]
    return {"type": "record", "name": "R", "fields": listed}


def run(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(command, arguments, input=given, standalone_mode=False)


def pair(folder: Path, reader: Any, writer: Any) -> tuple[str, ...]:
    files = {"--reader": folder / "new.avsc", "--writer": folder / "old.avsc"}
    for file, schema in zip(files.values(), (reader, writer), strict=True):
        file.write_text(json.dumps(schema, indent=1))
    return tuple(str(part) for pair in files.items() for part in pair)


def lines(*pairs: Any, options: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    given = "\n".join(json.dumps(one) for one in pairs)
    result = run("--jsonl", "-", *options, given=given)
    return [json.loads(line) for line in result.output.splitlines()], result.return_value


@pytest.mark.parametrize(
    ("level", "reader", "writer", "code"),
    [
        ("BACKWARD", record(a="long"), record(a="int"), 0),
        ("BACKWARD", record(a="int"), record(a="long"), 1),
        ("FORWARD", record(a="int"), record(a="long"), 0),
        ("FULL", record(a="long"), record(a="int"), 1),
        ("NONE", record(a="string"), record(a="long"), 0),
    ],
)
def test_the_level_says_who_reads_whom(tmp_path, level, reader, writer, code):
    result = run(*pair(tmp_path, reader, writer), "--level", level, "--no-sink")

    assert result.return_value == code
    assert ("may follow" in result.output) == (code == 0)


def test_the_place_and_both_types_are_told(tmp_path):
    result = run(*pair(tmp_path, record(a="int", b="int"), record(a="int", b="string")))

    (first, *_) = result.output.splitlines()
    assert first.startswith(f"{tmp_path}/new.avsc:")
    assert "VERSIONS_COMPATIBLE at $.fields[1].type" in first
    assert "string can't be read as int" in first


def test_another_unit_counts_unless_only_avro_is_asked(tmp_path):
    files = pair(tmp_path, record(at=MICROS), record(at=MILLIS))

    assert run(*files).return_value == 1
    assert "SINK_TIME_SCALE_KEPT" in run(*files).output
    assert run(*files, "--no-sink").return_value == 0


def test_each_line_is_answered_in_its_order():
    answers, code = lines(
        {"id": "wider", "reader": record(a="long"), "writer": record(a="int")},
        {"id": 2, "reader": json.dumps(record(a="int")), "writer": record(a="long")},
        {"id": None, "reader": "string", "writer": "bytes"},
    )

    assert [(one["id"], one["compatible"]) for one in answers] == [
        ("wider", True),
        (2, False),
        (None, True),
    ]
    assert answers[1]["findings"][0]["path"] == "$.fields[0].type"
    assert code == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: a record is an object, not a list"),
        ('{"id": 1, "reader": "int"}', "line 2: `writer` is missing"),
        ('{"reader": "int", "writer": "int"}', "line 2: `id` is missing"),
        ('{"id": 1, "id": 2, "reader": "int", "writer": "int"}', "the name `id` stands twice"),
        (
            '{"id": 1, "reader": {"type": "int", "type": "long"}, "writer": "int"}',
            "`type` stands tw",
        ),
        ('{"id": 1, "reader": NaN, "writer": "int"}', "NaN is not a number"),
        (b'{"id": "\xff", "reader": "int", "writer": "int"}', "line 2: is not UTF-8: byte 0xff"),
        ('{"id": 1, "reader": "%s", "writer": "int"}' % ("x" * 1_000_000), "xxx…"),
        ('{"id": 1, "reader": {"type": "nope"}, "writer": "int"}', "`nope` is not an Avro type"),
        ("[" * 100_000, "line 2: nested "),
    ],
    ids=[
        "broken",
        "a list",
        "a part less",
        "no id",
        "two ids",
        "two types",
        "no number",
        "no text",
        "long",
        "no schema",
        "too deep",
    ],
)
def test_a_line_that_is_no_pair_is_told_and_the_next_is_judged(line, words):
    good = json.dumps({"id": 1, "reader": "int", "writer": "int"})

    text = line if isinstance(line, bytes) else line.encode()
    result = run("--jsonl", "-", given=b"\n".join((good.encode(), text, good.encode())))

    first, bad, last = (json.loads(answer) for answer in result.output.splitlines())
    assert first["compatible"] is last["compatible"] is True
    assert bad["compatible"] is None
    assert words in bad["error"]
    assert result.return_value == 2


@pytest.mark.parametrize("id_", ["\ud800", "日本", 1.5, 10**30, [1, {"a": None}], True])
def test_an_id_comes_back_as_it_was_given(id_):
    answers, code = lines({"id": id_, "reader": record(a="int"), "writer": record(a="int")})
    assert (answers[0]["id"], code) == (id_, 0)


def test_a_default_with_a_fraction_stays_a_number():
    field = {"name": "b", "type": "double", "default": 1.5}
    reader = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, field]}
    answers, code = lines({"id": 1, "reader": reader, "writer": record(a="int")})
    assert (answers[0]["compatible"], code) == (True, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_deepest_schemas_may_follow_each_other(tmp_path, kind):
    with room_for_depth():
        older, newer = deepest(kind), deepest(kind, "added")
        answers, code = lines(
            {"id": 1, "reader": newer, "writer": older},
            {"id": 2, "reader": json.dumps(newer), "writer": json.dumps(older)},
            options=("--no-sink", "--level", "FULL"),
        )
        assert code == 0
        assert [one["findings"] for one in answers] == [[], []]


@pytest.mark.parametrize(("count", "code"), [(253, 0), (254, 1)])
def test_what_clickhouse_takes_is_less_deep_than_what_avro_takes(tmp_path, count, code):
    with room_for_depth():
        older, newer = nested("arrays", count), nested("arrays", count, "added")
        result = run(*pair(tmp_path, newer, older))
    assert result.return_value == code
    assert ("SINK_TYPE_READABLE" in result.output) == bool(code)
    assert ("more than 256 levels of JSON" in result.output) == bool(code)


@pytest.mark.parametrize("levels", [1_281, 9_000, 1_000_000])
def test_a_line_that_nests_deeper_is_told(levels):
    schema = "[" * levels + '"int"' + "]" * levels
    with room_for_depth():
        result = run("--jsonl", "-", given=f'{{"id": 1, "reader": {schema}, "writer": "int"}}\n')
    answer = json.loads(result.output)
    assert (answer["compatible"], result.return_value) == (None, 2)
    assert "nested more than 1,280 levels deep" in answer["error"] or "recursion" in answer["error"]
