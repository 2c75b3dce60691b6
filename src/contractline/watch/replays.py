"""Replays what failed for a passing reason: messages whose schema could not be fetched."""

from __future__ import annotations

import time
from collections.abc import Callable

from contractline.clients.clickhouse import Warehouse
from contractline.clients.retry import Say
from contractline.recovery.replay import Replayed, open_errors, replay_stream
from contractline.settings import Endpoints
from contractline.watch.part import WatchPart
from contractline.watch.queues import Queues


class Replays(WatchPart):
    """Looks for transient errors and replays them once their schema can be fetched.

    Queues whose consumer has stopped read on before that.

    Args:
        say: takes one line about what happened.
        clock: seconds that only rise.
    """

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(say)
        self._queues = Queues(say, clock)
        self._warehouse: Warehouse | None = None

    def look(self, endpoints: Endpoints) -> None:
        """Replay what is open and transient."""
        if self._warehouse is None:
            self._warehouse = Warehouse(endpoints)
            self.say_once(f"connected to ClickHouse at {self._warehouse.where}")
        self._queues.look(self._warehouse)
        is_waiting = False
        for found in open_errors(self._warehouse):
            if found.kind != "transient":
                continue
            if found.stream is None:
                is_waiting = True
                self.say_once(
                    f"{found.topic}: {found.messages} messages wait, but no stream reads the topic"
                )
                continue
            result = replay_stream(self._warehouse, endpoints, found.stream)
            is_waiting = is_waiting or bool(result.waiting)
            self._tell(result)
        if not is_waiting:
            self.say_once.forget()

    def leave(self) -> None:
        """Let the connection to ClickHouse go."""
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None

    def _tell(self, result: Replayed) -> None:
        if result.replayed:
            self.say(f"{result.stream}: replayed {result.replayed} messages")
        if result.poison:
            self.say(
                f"{result.stream}: {result.poison} messages can't be read as they are and are kept"
                f" as poison: {result.reason}"
            )
        if result.waiting:
            self.say_once(f"{result.stream}: {result.waiting} messages wait: {result.reason}")
