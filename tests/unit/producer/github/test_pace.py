from __future__ import annotations

from producer.github.pace import pause
from producer.github.quota import Budget

NOW = 1000.0


def budget(remaining: int, limit: int = 5000) -> Budget:
    return Budget(limit, remaining, NOW + 1800)


def look(*budgets: Budget, repositories: int = 1, told: float = 0.0, share: float = 1.0, free=True):
    return pause(5.0, repositories, told, budgets, share, is_free=free, now=NOW)


def test_the_settings_hold_while_there_is_enough():
    assert look(budget(4000)) == 5
    assert look() == 5
    assert look(Budget(5000, 0, NOW - 1)) == 5  # started anew meanwhile


def test_github_may_ask_for_longer_pauses():
    assert look(budget(4000), told=60) == 60
    assert look(budget(4000), told=1) == 5


def test_many_repositories_stay_below_the_secondary_limits():
    assert look(budget(4000), repositories=900) == 120


def test_what_is_left_is_spread_until_the_reset():
    assert look(budget(90)) == 20
    assert look(budget(2590), share=0.5) == 20
    assert look(budget(0)) == 1800
    assert look(budget(30, 60), free=False) == 60
    assert look(budget(30, 60), budget(30, 60), repositories=2, free=False) == 60
