from __future__ import annotations

import json

import pytest

from contractline.avro.paths import JsonPlaces, json_path

TEXT = """\t{
\t"type": "record",

\t"fields": [
\t\t{"name": "a",
\t\t "type": ["null", {"type":
\t\t   "long"}]},
\t\t{}, [], 5,
\t\t"x"
\t], "{odd \\" [name": {"a b": 1}
}
"""


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "$"),
        (("fields", 3, "doc"), "$.fields[3].doc"),
        (("a b", 'c"d'), '$["a b"]["c\\"d"]'),
        (("logical-type",), "$.logical-type"),
    ],
)
def test_places_are_written_as_people_read_them(steps, path):
    assert json_path(steps) == path


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ((), 1),
        (("type",), 2),
        (("fields",), 4),
        (("fields", 0), 5),
        (("fields", 0, "type"), 6),
        (("fields", 0, "type", 1, "type"), 6),
        (("fields", 1), 8),
        (("fields", 2), 8),
        (("fields", 3), 8),
        (("fields", 4), 9),
        (('{odd " [name', "a b"), 10),
        (("fields", 0, "doc"), 5),
        (("fields", 9), 4),
        (("nothing", "here"), 1),
    ],
)
def test_lines(steps, line):
    assert JsonPlaces(TEXT).position(steps).line == line


@pytest.mark.parametrize(
    ("steps", "begin", "end"),
    [
        ((), 2, None),
        (("type",), 2, 8),
        (("fields", 0), 3, None),
        (("fields", 0, "type"), 4, 10),
        (("fields", 0, "type", 0), 13, 19),
        (("fields", 3), 11, 12),
        (("fields", 4), 3, 6),
        (("fields", 9), 2, 10),
        (('{odd " [name', "a b"), 23, 28),
    ],
)
def test_columns(steps, begin, end):
    position = JsonPlaces(TEXT).position(steps)
    assert (position.column, position.end_column) == (begin, end)


def test_columns_count_characters_and_long_lines_cost_nothing():
    text = json.dumps({"🙂é": [0] * 50_000, "z": 1}, ensure_ascii=False)
    places = JsonPlaces(text)
    assert str(places.position(("🙂é",))) == "1:2"
    assert places.position(("z",)).column == text.index('"z"') + 1


def test_the_first_name_that_stands_twice():
    assert JsonPlaces(TEXT).repeated is None
    assert JsonPlaces('{"a": {"b": 1, "c": [{"b": 1}], "b": 2}, "a": 1}').repeated == ("a", "b")


@pytest.mark.parametrize("text", ["", "]", "}{", '{"a"', "[1,,2]", '"', "{,}", "[" * 500, ":"])
def test_what_is_no_json_has_lines_too(text):
    assert JsonPlaces(text).position(("a", 0)).line == 1
