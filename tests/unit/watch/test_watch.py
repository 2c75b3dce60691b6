"""The watch goes on whatever is away, says each thing once, and ends when told."""

from __future__ import annotations

from threading import Event

from contractline.settings import Endpoints
from contractline.watch import Watch


def test_waits_while_nothing_says_where_clickhouse_is() -> None:
    stop = _StopAfter(3)
    asked: list[int] = []
    lines: list[str] = []

    def endpoints() -> Endpoints:
        asked.append(1)
        return Endpoints.model_construct(clickhouse_url=None)

    Watch(endpoints, lines.append).run(stop)
    assert len(asked) == 3
    assert lines[0] == "watching for messages whose schema could not be fetched"
    assert [line for line in lines if line.startswith("waiting: CLICKHOUSE_URL")] == lines[1:-1]
    assert len(lines) == 3
    assert lines[-1] == "stopped"


def test_a_slow_round_is_followed_by_a_longer_pause() -> None:
    stop = _StopAfter(1)
    times = iter([0.0, 0.5])
    Watch(
        lambda: Endpoints.model_construct(clickhouse_url=None),
        lambda line: None,
        clock=lambda: next(times),
    ).run(stop)
    assert stop.pauses == [10.0]


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
