"""The positions on the way: whatever a trail has passed, every ancestor was given before."""

from __future__ import annotations

from random import Random

import pytest

from producer.sources.git import _Trail


def ancestors(history: dict[str, list[str]], commit: str) -> set[str]:
    found: set[str] = set()
    todo = [commit]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += history[one]
    return found


def random_history(random: Random, size: int) -> dict[str, list[str]]:
    """Return commits with their parents, parents first, all reached from the last."""
    history: dict[str, list[str]] = {}
    heads: list[str] = []
    for number in range(size):
        name = str(number)
        chance = random.random()
        if not heads or chance < 0.05:
            parents: list[str] = []
        elif chance < 0.3 and len(heads) > 1:
            parents = random.sample(heads, min(len(heads), random.choice((2, 2, 3))))
        elif chance < 0.5:
            parents = [random.choice(list(history))]
        else:
            parents = [random.choice(heads)]
        history[name] = parents
        heads = [head for head in heads if head not in parents] + [name]
    history["tip"] = heads
    return history


@pytest.mark.parametrize("seed", range(200))
def test_a_position_covers_only_what_was_given_and_ends_at_the_tip(seed):
    random = Random(seed)
    history = random_history(random, random.choice((1, 5, 30, 120)))
    records = [{"commit_id": name, "parents": parents} for name, parents in history.items()]
    trail, given, at = _Trail(None), set(), None

    while records:
        portion = random.randint(1, 9)
        batch, records = records[:portion], records[portion:]
        given |= {r["commit_id"] for r in batch}
        at = trail.follow(batch) or at
        assert at is not None
        assert ancestors(history, at) <= given

    assert at == "tip"


def test_a_trail_goes_on_from_where_it_was():
    trail = _Trail("old")
    assert trail.follow([{"commit_id": "side", "parents": ["root"]}]) is None
    assert trail.follow([{"commit_id": "new", "parents": ["old"]}]) == "new"
    assert trail.follow([{"commit_id": "merge", "parents": ["x", "new"]}]) == "merge"
