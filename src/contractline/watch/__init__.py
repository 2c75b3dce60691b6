"""The loop that keeps the pipeline in its declared state after what fails for a passing reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from contractline.clients.retry import Say
from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.watch.part import WatchPart
from contractline.watch.quality import Quality
from contractline.watch.replays import Replays
from contractline.watch.restarts import Restarts
from contractline.watch.snapshots import Snapshots

PAUSE_SECONDS = 1.0
LOAD = 0.05
"""The part of its time that the loop may keep the services busy while nothing is to do."""


class Watch:
    """Replays transient errors, and restarts queues and failed tasks, as soon as they can go on.

    It also measures the quality rules of the contracts when their schedules say so.

    Args:
        project: the checkout.
        endpoints: returns where the services are now; asked anew in each round, since a stack that
            started again may have moved.
        say: takes one line about what happened.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        project: Project,
        endpoints: Callable[[], Endpoints],
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = endpoints
        self._say = say
        self._clock = clock
        self._parts: tuple[WatchPart, ...] = (
            Replays(say, clock),
            Restarts(project, say, clock),
            Snapshots(project, say, clock),
            Quality(project, say, clock),
        )

    def run(self, stop: Event) -> None:
        """Go round until told to stop. Whatever is away, it waits and goes on."""
        self._say(
            "watching for messages whose schema could not be fetched, and for queues and tasks"
            " that stopped"
        )
        while not stop.is_set():
            began = self._clock()
            for part in self._parts:
                self._look(part)
            stop.wait(max(PAUSE_SECONDS, (self._clock() - began) / LOAD))
        for part in self._parts:
            part.leave()
        self._say("stopped")

    def _look(self, part: WatchPart) -> None:
        """Let one part look; what keeps it from that does not keep the others."""
        try:
            part.look(self._endpoints())
        except ContractlineError as problem:
            part.say_once(f"waiting: {problem}")
            part.leave()
