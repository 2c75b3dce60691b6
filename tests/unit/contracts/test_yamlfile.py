from __future__ import annotations

import pytest

from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.finding import Position

TEXT = """\
# the stream
id: commits
version: '1.0.0' # of the contract
team:
  members:
    - username: a
    - {username: b, role: owner}
anchored: &a [1, 2]
again: *a
text:
  - |
    two
    lines
"""


@pytest.mark.parametrize(
    ("steps", "position"),
    [
        ((), (2, 1, None)),
        (("version",), (3, 1, 8)),
        (("team",), (4, 1, 5)),
        (("team", "members", 0), (6, 7, None)),
        (("team", "members", 1, "role"), (7, 21, 25)),
        (("team", "members", 1, "missing"), (7, 7, None)),
        (("team", "members", 5), (5, 3, 10)),
        (("again", 1), (8, 18, 19)),
        (("nothing",), (2, 1, None)),
        (("text", 0), (11, 5, None)),
    ],
)
def test_positions(steps, position):
    assert YamlFile.parse(TEXT).position(steps) == Position(*position)


def test_columns_count_characters():
    assert YamlFile.parse("{é🙂: 1, b: 2}").position(("b",)) == Position(1, 9, 10)


def test_an_empty_document_has_no_places():
    assert YamlFile.parse("").data is None
    assert YamlFile.parse("# nothing").position(("a",)) is None


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b: c", 1, "mapping values are not allowed"),
        ("a: 1\n\tb: 2", 2, "found a tab character that violates indentation"),
        ("a: *x", 1, "undefined alias"),
        ("a: 1\n---\nb: 1", 2, "found another document"),
        ("a: !!python/object:os.x {}", 1, "could not determine a constructor"),
        ("a: 1\nb: 2\na: 3", 3, "the name `a` stands twice in $"),
        ("x:\n  - {a: 1, a: 2}", 2, "the name `a` stands twice in $.x[0]"),
        ("? [a]\n: b", 1, "a name is a text"),
        ("a: &x [*x]", 1, "an alias holds itself"),
        (BOMB, 6, "more than 100,000 values, aliases written out"),
        ("[" * 100_000, 1, "nested more than 64 levels deep"),
        ("[" * 65 + "]" * 65, 1, "nested more than 64 levels deep"),
        ("a:\n" + "- " * 64 + "x", 2, "nested more than 64 levels deep"),
        ("- " * 3_000, 1, "nested more than 64 levels deep"),
        ("a: 2026-13-45", None, "month must be in 1..12"),
        ('a: !!int ""', None, "string index out of range"),
        ("a: \x00", None, "control characters are not allowed"),
    ],
)
def test_what_can_not_be_used_says_why_and_where(text, line, words):
    with pytest.raises(YamlInvalid) as caught:
        YamlFile.parse(text)
    assert words in caught.value.problem
    position = caught.value.position
    assert (position and position.line) == line


@pytest.mark.parametrize("text", ["[" * 64 + "]" * 64, "a:\n" + "- " * 63 + "x"])
def test_so_many_levels_are_read(text):
    assert YamlFile.parse(text).data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, TEXT.replace("'1.0.0'", "'2.0.0'")),
        ('a: 1\r\nversion: "1.0.0"\r\n', 'a: 1\r\nversion: "2.0.0"\r\n'),
        ("version:   1.0.0   # x", "version:   2.0.0   # x"),
        ("{id: x, version: 1.0.0, a: é}", "{id: x, version: 2.0.0, a: é}"),
        ("é: ü\nversion: 1.0.0\n", "é: ü\nversion: 2.0.0\n"),
    ],
)
def test_one_value_is_replaced_and_everything_else_stays(text, expected):
    assert YamlFile.parse(text).with_text("version", "2.0.0") == expected


@pytest.mark.parametrize(
    "text", ["version: >-\n  1.0.0\n", "id: x", "version: [1]", "- version", ""]
)
def test_a_value_that_can_not_be_replaced_is_said(text):
    with pytest.raises(YamlInvalid, match=r"set it to 2\.0\.0"):
        YamlFile.parse(text).with_text("version", "2.0.0")
