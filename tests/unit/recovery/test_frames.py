"""Parting what can be decoded from what can't."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from contractline.recovery.frames import sift


@pytest.mark.parametrize("bad", [set(), {0}, {9}, {4, 5}, {1, 3, 8}, set(range(10))])
def test_the_bad_ones_are_found_and_the_order_kept(bad: set[int]):
    def problem_of(part: Sequence[int]) -> str | None:
        return "bad" if bad & set(part) else None

    parts = list(sift(range(10), problem_of, lambda problem: False))

    assert [n for part, _ in parts for n in part] == list(range(10))
    assert {n for part, problem in parts if problem for n in part} == bad
    assert all(len(part) == 1 for part, problem in parts if problem)


def test_what_holds_for_all_is_asked_once():
    asked: list[int] = []

    def problem_of(part: Sequence[int]) -> str:
        asked.append(len(part))
        return "away"

    assert list(sift(range(8), problem_of, lambda problem: problem == "away")) == [
        (range(8), "away")
    ]
    assert asked == [8]
