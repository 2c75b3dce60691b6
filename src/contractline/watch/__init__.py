"""The loop that keeps the pipeline in its declared state: it replays transient errors by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from contractline.errors import ContractlineError
from contractline.settings import Endpoints
from contractline.targets.replay import Replayed, open_errors, replay_stream
from contractline.targets.warehouse import Warehouse

PAUSE_SECONDS = 1.0
LOAD = 0.05
"""The part of its time that the loop may keep ClickHouse busy while nothing is to do."""


class Watch:
    """Looks for transient errors and replays them once their schema can be fetched.

    Args:
        endpoints: returns where the services are now; asked anew after each failure, since a stack
            that started again may have moved.
        say: takes one line about what happened.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        endpoints: Callable[[], Endpoints],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = endpoints
        self._say = say
        self._clock = clock
        self._warehouse: Warehouse | None = None
        self._said = ""

    def run(self, stop: Event) -> None:
        """Go round until told to stop. Whatever is away, it waits and goes on."""
        self._say("watching for messages whose schema could not be fetched")
        while not stop.is_set():
            began = self._clock()
            try:
                self._round()
            except ContractlineError as problem:
                self._once(f"waiting: {problem}")
                self._leave()
            stop.wait(max(PAUSE_SECONDS, (self._clock() - began) / LOAD))
        self._leave()
        self._say("stopped")

    def _round(self) -> None:
        endpoints = self._endpoints()
        if self._warehouse is None:
            self._warehouse = Warehouse(endpoints)
            self._once(f"connected to ClickHouse at {self._warehouse.where}")
        is_waiting = False
        for found in open_errors(self._warehouse):
            if found.kind != "transient":
                continue
            if found.stream is None:
                is_waiting = True
                self._once(
                    f"{found.topic}: {found.messages} messages wait, but no stream reads the topic"
                )
                continue
            result = replay_stream(self._warehouse, endpoints, found.stream)
            is_waiting = is_waiting or bool(result.waiting)
            self._tell(result)
        if not is_waiting:
            self._said = ""

    def _tell(self, result: Replayed) -> None:
        if result.replayed:
            self._say(f"{result.stream}: replayed {result.replayed} messages")
        if result.poison:
            self._say(
                f"{result.stream}: {result.poison} messages can't be read as they are and are kept"
                f" as poison: {result.reason}"
            )
        if result.waiting:
            self._once(f"{result.stream}: {result.waiting} messages wait: {result.reason}")

    def _once(self, line: str) -> None:
        """Say a line, unless it was the last of its kind."""
        if line != self._said:
            self._said = line
            self._say(line)

    def _leave(self) -> None:
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None
