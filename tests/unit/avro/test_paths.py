from __future__ import annotations

import pytest

from contractline.avro.paths import JsonLines, json_path

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
    assert JsonLines(TEXT).line(steps) == line


def test_the_first_name_that_stands_twice():
    assert JsonLines(TEXT).repeated is None
    assert JsonLines('{"a": {"b": 1, "c": [{"b": 1}], "b": 2}, "a": 1}').repeated == ("a", "b")


@pytest.mark.parametrize("text", ["", "]", "}{", '{"a"', "[1,,2]", '"', "{,}", "[" * 500, ":"])
def test_what_is_no_json_has_lines_too(text):
    assert JsonLines(text).line(("a", 0)) == 1
