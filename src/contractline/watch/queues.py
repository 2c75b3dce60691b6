"""Gives a queue of ClickHouse a new consumer where its own has stopped for good.

A static member that Kafka has shut out of its consumer group, as after a long time without Kafka, is
ended by its client library, and ClickHouse goes on asking it.
"""

from __future__ import annotations

from collections.abc import Callable

from contractline.clients.clickhouse import Warehouse
from contractline.clients.retry import Say
from contractline.targets.tables.consumers import consumptions, read_on
from contractline.watch.restarts import Pauses


class Queues:
    """Looks for queues whose consumer has stopped for good.

    Args:
        say: takes one line about what happened.
        clock: seconds that only rise.
    """

    def __init__(self, say: Say, clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        # Two servers of one member name would shut each other out in turn.
        self._pauses = Pauses()

    def look(self, warehouse: Warehouse) -> None:
        """Let those queues read on.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        stopped = [name for name, one in consumptions(warehouse).items() if one.is_given_up]
        for stream in self._pauses.due(stopped, self._clock()):
            read_on(warehouse, stream)
            self._say(f"{stream}: its consumer had stopped for good; reads on with a new one")
