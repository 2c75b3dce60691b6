"""Answers as text."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime

import pytest

from contractline.cli import ask as command
from contractline.reports.answer import QuestionAnswer
from contractline.reports.formats import FORMATS, as_chart, as_csv, as_json, as_table, in_words
from tests.unit.reports.test_render import question

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


def answer(*rows: tuple[object, ...]) -> QuestionAnswer:
    return QuestionAnswer(("team", "commits"), ("String", "UInt64"), rows, AT, 0.01)  # type: ignore[arg-type]


def test_a_table_has_numbers_to_the_right():
    text = as_table(question("SELECT 1"), answer(("Java", 1200), ("Python", 7)))
    assert text.splitlines() == [
        "team    commits",
        "──────  ───────",
        "Java      1,200",
        "Python        7",
    ]


def test_an_empty_table_says_so():
    assert as_table(question("SELECT 1"), answer()).endswith("Nothing in this period.")


def test_bars_are_as_long_as_their_numbers():
    text = as_chart(question("SELECT 1"), answer(("Java", 200), ("Python", 100), ("", 0)))
    lengths = [line.count("█") for line in text.splitlines()[1:]]
    assert lengths == [32, 16, 0]


def test_formulas_are_inert_in_csv():
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", '=cmd|" /C calc"!A0', "plain", 'a"b,c']
    text = as_csv(answer(*((sign, -5) for sign in hostile)))
    rows = list(csv.reader(text.splitlines()))
    assert [row[0] for row in rows[1:]] == [f"'{sign}" for sign in hostile[:6]] + hostile[6:]
    assert {row[1] for row in rows[1:]} == {"-5"}


def test_control_characters_do_nothing_in_a_terminal():
    text = as_table(question("SELECT 1"), answer(("\x1b[2Jx\u202etxt", 1)))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json_holds_types_and_time():
    whole = json.loads(as_json(question("SELECT 1"), answer(("Java", None))))
    assert whole["columns"][1] == {"name": "commits", "type": "UInt64"}
    assert (whole["rows"], whole["at"]) == ([["Java", None]], "2026-11-29T12:00:00.000Z")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.256, "percent", "25.6 %"),
        (0.25, "seconds", "250 ms"),
        (7300, "seconds", "2.0 h"),
        (12_500, "bytes", "12 KB"),
        (1234567, "commits", "1,234,567"),
        (None, None, "-"),
        (True, None, "True"),
    ],
)
def test_units(value: float, unit: str, words: str):
    assert in_words(value, unit) == words


def test_the_command_knows_the_formats():
    assert set(command._FORMATS) == {*FORMATS, "svg"}
