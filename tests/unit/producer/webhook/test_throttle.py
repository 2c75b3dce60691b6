"""What is said of things that happen again and again."""

from __future__ import annotations

from producer.webhook.throttle import Throttle


def test_a_kind_is_said_at_once_and_then_once_a_minute_with_its_number():
    said: list[str] = []
    now = [0.0]
    throttle = Throttle(said.append, clock=lambda: now[0])
    for number in range(5):
        throttle.say("a", f"a {number}")
    throttle.say("b", "b")
    now[0] = 61.0
    throttle.say("a", "a at last")
    throttle.say("b", "b again")
    assert said == ["a 0", "b", "a at last (and 4 more like it)", "b again"]


def test_a_stranger_who_makes_up_kinds_costs_no_memory():
    said: list[str] = []
    throttle = Throttle(said.append)
    for number in range(5000):
        throttle.say(f"kind {number}", "words")
    assert len(throttle._said) <= 1000
