"""Halving until one is left."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from contractline.proof.halving import narrowed


@pytest.mark.parametrize("bad", [0, 1, 499, 500, 998, 999])
def test_one_of_a_thousand_is_found_in_few_tries(bad: int) -> None:
    tries: list[int] = []

    def is_refused(part: Sequence[int]) -> bool:
        tries.append(len(part))
        return bad in part

    assert list(narrowed(range(1_000), is_refused)) == [bad]
    assert len(tries) <= 20
    assert sum(tries) <= 2_000


def test_the_first_of_several() -> None:
    assert list(narrowed(range(100), lambda part: any(one in part for one in (37, 60)))) == [37]


def test_what_only_stands_together_stays_together() -> None:
    assert list(narrowed(range(8), lambda part: 1 in part and 2 in part)) == [0, 1, 2, 3]


@pytest.mark.parametrize("items", [[], ["a"]])
def test_nothing_to_halve(items: list[str]) -> None:
    assert narrowed(items, lambda part: True) == items
