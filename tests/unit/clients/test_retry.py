from __future__ import annotations

import threading

import pytest

from contractline.clients.errors import KafkaAway, KafkaUnavailable
from contractline.clients.retry import LONGEST_PAUSE_SECONDS, Patience, SayOnce, persist


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_to_the_longest_and_begin_again():
    clock = Clock()
    said: list[str] = []
    patience = Patience(said.append, clock=clock)

    pauses = []
    for _ in range(9):
        pauses.append(patience.next_pause("Kafka is away"))
        clock.now += pauses[-1]
    patience.over("Kafka is back")

    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert said[0] == "Kafka is away; trying again in 0.5 s"
    assert said[3] == "Kafka is away; trying again in 4 s (4 s so far)"
    assert said[-1] == f"Kafka is back after {sum(pauses):.1f} s"
    assert patience.next_pause("again") == 0.5


def test_nothing_is_said_when_nothing_was_waited_for():
    said: list[str] = []
    Patience(said.append).over("back")
    assert said == []


def test_a_line_is_said_again_only_after_another_or_when_forgotten():
    said: list[str] = []
    say_once = SayOnce(said.append)

    for line in ("a", "a", "b", "b", "a"):
        say_once(line)
    assert said == ["a", "b", "a"]

    say_once.forget()
    say_once("a")
    assert said == ["a", "b", "a", "a"]


def test_persisting_ends_when_told_to():
    stop = threading.Event()

    def attempt():
        stop.set()
        raise KafkaAway("b:1", "nobody answers")

    assert persist(attempt, KafkaAway, lambda _: None, stop) is None


def test_persisting_does_not_hide_other_problems():
    def attempt():
        raise KafkaUnavailable("b:1", "not authorised")

    with pytest.raises(KafkaUnavailable, match="not authorised"):
        persist(attempt, KafkaAway, lambda _: None, threading.Event())
