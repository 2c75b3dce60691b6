"""What a reader chose: one normal form, and a clear word about what can't be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contractline.reports.selection import (
    FIRST,
    LAST,
    Selection,
    SelectionInvalid,
    bounds,
    selection_of,
)
from tests.fixtures.reports import FILTERS

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)


def test_equal_choices_are_one_key():
    one = selection_of(FILTERS, {"team": ["b", "a", "b", ""], "bots": ["on"]})
    other = selection_of(FILTERS, {"bots": ["on"], "team": ["a", "b"]})
    assert one == other == Selection((("bots", ("on",)), ("team", ("a", "b"))))


def test_a_default_is_no_choice():
    given = {"period": ["30d"], "bots": ["off"], "as_of": ["then"], "team": []}
    assert selection_of(FILTERS, given) == Selection()


@pytest.mark.parametrize(
    ("period", "since", "until"),
    [
        ("all", FIRST, LAST),
        ("today", datetime(2026, 11, 29, tzinfo=UTC), LAST),
        ("90m", datetime(2026, 11, 29, 11, tzinfo=UTC), LAST),
        ("2w", datetime(2026, 11, 15, 12, 30, tzinfo=UTC), LAST),
        (
            "2026-02-01..2026-02-28",
            datetime(2026, 2, 1, tzinfo=UTC),
            datetime(2026, 3, 1, tzinfo=UTC),
        ),
    ],
)
def test_periods(period: str, since: datetime, until: datetime):
    assert bounds(period, NOW) == (since, until)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("moon", ["x"], "is not a filter"),
        ("period", ["30"], "is not a period"),
        ("period", ["2026-02-30..2026-03-01"], "day is out of range"),
        ("period", ["2026-03-02..2026-03-01"], "ends before it begins"),
        ("period", ["7d", "30d"], "takes one value, not 2"),
        ("bots", ["yes"], "neither on nor off"),
        ("as_of", ["tomorrow"], "none of then, today"),
        ("team", [str(number) for number in range(101)], "at most 100 values"),
        ("team", ["x" * 501], "of 500 characters"),
    ],
)
def test_what_a_filter_does_not_take(name: str, values: list[str], words: str):
    with pytest.raises(SelectionInvalid, match=words):
        selection_of(FILTERS, {name: values})
