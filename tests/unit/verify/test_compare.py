"""What a comparison makes of two sides that are still moving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import pytest

from contractline.clickhouse.columns import Column
from contractline.debezium.types import PostgresColumn as SourceColumn
from contractline.verify import compare as module
from contractline.verify.compare import Result, compare
from contractline.verify.sides import Hashes, Sink, Snapshot, SourceSide, Sums
from contractline.verify.texts import pair


class Side:
    """A side in memory; each look at it takes the next of its states, and the last one stays.

    A history holds the rows as they were at positions of the log.
    """

    def __init__(self, *states: Hashes, history: dict[int, Hashes] | None = None) -> None:
        self._states = list(states)
        self._history = history
        self._now: Hashes = {}
        self.looks = 0

    def begin(self) -> Snapshot:
        self.looks += 1
        self._next()
        return Snapshot(f"0/{self.looks}", self.looks, 0)

    def end(self) -> None:
        """Nothing is open."""

    def bounds(self) -> list[str]:
        return []

    def sums(self, bounds: Sequence[str]) -> Sums:
        if not self.looks:
            self._next()
        return {0: (len(self._now), sum(self._now.values()))} if self._now else {}

    def hashes(self, bounds: Sequence[str], ranges: Iterable[int]) -> Hashes:
        return self._now

    def found(self, keys: Sequence[str]) -> Hashes:
        if not self.looks:
            self._next()
        return {key: value for key, value in self._now.items() if key in keys}

    @property
    def has_history(self) -> bool:
        return self._history is not None

    def past(self, keys: Sequence[str], since: int, at: int) -> dict[str, set[int | None]]:
        known = (self._history or {}).get(at)
        return {} if known is None else {key: {known.get(key)} for key in keys}

    def _next(self) -> None:
        self._now = self._states.pop(0) if len(self._states) > 1 else self._states[0]


def look(source: Side, sink: Side, waits: Callable[[int], str], patience: float = 5.0) -> Result:
    return compare(cast(SourceSide, source), cast(Sink, sink), waits, patience_seconds=patience)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)


def test_rows_on_their_way_are_waited_for() -> None:
    source, sink = Side({"a": 1, "b": 2}), Side({"a": 1}, {"a": 1}, {"a": 1, "b": 2})

    result = look(source, sink, lambda at: "the connector is behind")

    assert result.is_equal
    assert result.rows == 2


def test_a_difference_is_certain_once_everything_has_arrived() -> None:
    source, sink = Side({"a": 1, "b": 2, "c": 3}), Side({"b": 7, "c": 3, "d": 4})

    result = look(source, sink, lambda at: "")

    assert (result.missing, result.changed, result.extra) == (1, 1, 1)
    assert result.waits_for == ""
    assert result.words == (
        "1 missing in ClickHouse, 1 with other values there, 1 only in ClickHouse"
    )
    assert result.keys == {
        "a": "missing in ClickHouse",
        "b": "has other values in ClickHouse",
        "d": "only in ClickHouse",
    }


def test_what_never_arrives_is_not_called_a_difference() -> None:
    result = look(Side({"a": 1}), Side({}), lambda at: "the connector is behind", patience=0.0)

    assert result.missing == 1
    assert result.waits_for == "the connector is behind"


def test_a_row_that_never_stands_still_is_not_called_a_difference() -> None:
    states = [{"a": number} for number in range(1, 2000)]

    result = look(Side(*states), Side({"a": -1}), lambda at: "", patience=0.01)

    assert result.waits_for == "rows that change all the time"


def test_a_row_that_never_stands_still_is_told_by_the_history() -> None:
    states = [{"a": number} for number in range(1, 2000)]
    history = {number: {"a": number} for number in range(1, 2000)}

    result = look(Side(*states), Side({"a": -1}, history=history), lambda at: "")

    assert result.is_equal


def test_a_row_that_never_stands_still_and_was_another_is_a_difference() -> None:
    states = [{"a": number} for number in range(1, 2000)]
    history = {number: {"a": -number} for number in range(1, 2000)}

    result = look(Side(*states), Side({"a": -1}, history=history), lambda at: "")

    assert (result.changed, result.waits_for) == (1, "")


def test_more_rows_than_are_looked_at_one_by_one_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 2)

    result = look(Side({"a": 1, "b": 2, "c": 3, "d": 4}), Side({"a": 1}), lambda at: "")

    assert (result.missing, result.waits_for) == (3, "")


def test_more_rows_than_are_looked_at_one_by_one_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 2)
    rows = {"a": 1, "b": 2, "c": 3, "d": 4}

    result = look(Side(rows), Side({"a": 1}, {"a": 1}, rows), lambda at: "")

    assert result.is_equal


def test_a_type_whose_text_differs_between_the_sides_is_not_compared() -> None:
    column = Column(field=("v",), path="v", queue_type="String", type="String")

    assert pair(column, SourceColumn("v", "hstore", True, False), "v", "v") is None
    assert pair(column, SourceColumn("v", "integer", True, False), "v", "v") is None
    assert pair(column, SourceColumn("v", "text", True, False), "v", "v") is not None
