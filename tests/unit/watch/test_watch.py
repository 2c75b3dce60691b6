"""The watch goes on whatever is away, says each thing once, and ends when told."""

from __future__ import annotations

import itertools
from pathlib import Path
from threading import Event

import pytest

from contractline.project import Project
from contractline.settings import Endpoints
from contractline.watch import Watch
from contractline.watch.restarts import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Pauses


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_waits_while_nothing_says_where_clickhouse_is(project: Project) -> None:
    stop = _StopAfter(3)
    asked: list[int] = []
    lines: list[str] = []

    def endpoints() -> Endpoints:
        asked.append(1)
        return Endpoints.model_construct(clickhouse_url=None)

    Watch(project, endpoints, lines.append).run(stop)
    assert len(asked) == 12  # three rounds of four parts
    assert lines[0].startswith("watching for messages whose schema could not be fetched")
    assert [line for line in lines if line.startswith("waiting: CLICKHOUSE_URL")] == lines[1:-1]
    assert len(lines) == 3
    assert lines[-1] == "stopped"


def test_a_slow_round_is_followed_by_a_longer_pause(project: Project) -> None:
    stop = _StopAfter(1)
    times = iter([0.0, 0.5])
    Watch(
        project,
        lambda: Endpoints.model_construct(clickhouse_url=None),
        lambda line: None,
        clock=lambda: next(times),
    ).run(stop)
    assert stop.pauses == [10.0]


def test_pauses_grow_from_try_to_try() -> None:
    pauses = Pauses()
    tried = [now for now in range(400) if pauses.due({"people"}, now)]
    assert tried[:6] == [0, 2, 6, 14, 30, 62]
    assert {b - a for a, b in itertools.pairwise(tried[6:])} == {LONGEST_PAUSE_SECONDS}


def test_each_connector_has_pauses_of_its_own() -> None:
    pauses = Pauses()
    assert pauses.due({"a"}, 0) == ["a"]
    assert pauses.due({"b", "a"}, 1) == ["b"]
    assert pauses.due({"b", "a"}, 2) == ["a"]


def test_a_connector_that_fails_again_soon_goes_on_with_longer_pauses() -> None:
    pauses = Pauses()
    assert pauses.due({"a"}, 0) == ["a"]
    assert pauses.due((), 5) == []
    assert pauses.due({"a"}, 10) == ["a"]
    assert pauses.due({"a"}, 10 + FIRST_PAUSE_SECONDS) == []


def test_a_connector_that_has_lasted_begins_anew() -> None:
    pauses = Pauses()
    assert pauses.due({"a"}, 0) == ["a"]
    assert pauses.due((), LONGEST_PAUSE_SECONDS) == []
    assert pauses.due({"a"}, 100) == ["a"]
    assert pauses.due({"a"}, 100 + FIRST_PAUSE_SECONDS) == ["a"]


class _StopAfter(Event):
    """An event that is set after so many waits, none of which takes time."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._rounds = rounds

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        if len(self.pauses) == self._rounds:
            self.set()
        return self.is_set()
