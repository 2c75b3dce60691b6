"""When what was written became visible to a reader: tables looked at again and again."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from contractline.clients.clickhouse import Warehouse
from contractline.settings import Endpoints

LOOK_SECONDS = 0.01


class Watch:
    """Asks one question again and again and keeps when each number of the answer grew.

    The answer is rows of a name and a number that only grows, such as a partition and its highest
    offset. What grew counts as visible once the answer is there, so the time of asking is included.

    Args:
        endpoints: tells where ClickHouse is.
        sql: the question.
    """

    def __init__(self, endpoints: Endpoints, sql: str) -> None:
        self._warehouse = Warehouse(endpoints)
        self._sql = sql
        self._steps: dict[Any, tuple[list[int], list[float]]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._problem: Exception | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._warehouse.close()

    def shows(self, numbers: Mapping[Any, int]) -> bool:
        """Tell whether every number was reached."""
        if self._problem is not None:
            raise self._problem
        return all(
            name in self._steps and self._steps[name][0][-1] >= number
            for name, number in numbers.items()
        )

    def seen_at(self, name: Any, number: int) -> float:
        """Return when a number was reached, by the monotonic clock."""
        numbers, times = self._steps[name]
        return times[bisect.bisect_left(numbers, number)]

    def _look(self) -> None:
        try:
            while not self._over.wait(LOOK_SECONDS):
                rows = self._warehouse.rows(self._sql)
                now = time.monotonic()
                for name, number in rows:
                    self._note(name, number, now)
        except Exception as problem:
            self._problem = problem

    def _note(self, name: Any, number: int, now: float) -> None:
        numbers, times = self._steps.setdefault(name, ([], []))
        if not numbers or number > numbers[-1]:
            # The time first: a reader that finds the number finds its time.
            times.append(now)
            numbers.append(number)


def highest_offsets(table: str) -> str:
    """Return the question for the highest offset of each partition in a table."""
    return f"SELECT _partition, max(_offset) FROM {table} GROUP BY _partition"
