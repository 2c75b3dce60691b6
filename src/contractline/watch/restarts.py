"""Restarts the tasks of connectors that failed, once what made them fail is gone.

Whether it is gone, the plan of the connectors tells: only its restarts are carried out, so nothing
is configured here, and a task that stopped since the contract is broken stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from contractline.clients.connect import Connect
from contractline.clients.retry import Say
from contractline.contracts.load import load_contracts
from contractline.debezium.files import connector_names
from contractline.plan import Plan
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets.connectors.plan import Restart
from contractline.targets.connectors.target import Connectors
from contractline.watch.part import WatchPart

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Try:
    """The last try to bring a connector back: when it was, and how long the pause after it is."""

    at: float
    pause: float


class Pauses:
    """How long each connector (or queue) is left alone: longer after each try, until it lasts."""

    def __init__(self) -> None:
        self._tries: dict[str, _Try] = {}

    def due(self, failed: Iterable[str], now: float) -> list[str]:
        """Return those of the failed whose pause is over, and note that they are tried now."""
        failed = set(failed)
        self._tries = {
            name: last
            for name, last in self._tries.items()
            if name in failed or now < last.at + LONGEST_PAUSE_SECONDS
        }
        due = [name for name in sorted(failed) if self._is_over(name, now)]
        for name in due:
            last = self._tries.get(name)
            pause = min(last.pause * 2, LONGEST_PAUSE_SECONDS) if last else FIRST_PAUSE_SECONDS
            self._tries[name] = _Try(now, pause)
        return due

    def _is_over(self, name: str, now: float) -> bool:
        last = self._tries.get(name)
        return last is None or now >= last.at + last.pause


class Restarts(WatchPart):
    """Looks for failed tasks of the checkout's connectors.

    Asking Connect for their states is cheap; everything else is read only while one has failed.

    Args:
        project: the checkout, whose contracts are read anew for each plan.
        say: takes one line about what happened.
        clock: seconds that only rise.
    """

    def __init__(
        self, project: Project, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(say)
        self._project = project
        self._clock = clock
        self._connect: Connect | None = None
        self._pauses = Pauses()

    def look(self, endpoints: Endpoints) -> None:
        """Restart what has failed and can go on."""
        declared = connector_names(self._project)
        if not declared or not endpoints.connect_url:
            return
        failed = self._failed(endpoints) & set(declared)
        if not failed:
            self.say_once.forget()
        if due := self._pauses.due(failed, self._clock()):
            self._bring_back(due, endpoints)

    def leave(self) -> None:
        """Let the connection to Connect go."""
        if self._connect is not None:
            self._connect.close()
            self._connect = None

    def _failed(self, endpoints: Endpoints) -> set[str]:
        if self._connect is None:
            self._connect = Connect(endpoints)
        return self._connect.failed()

    def _bring_back(self, names: list[str], endpoints: Endpoints) -> None:
        connectors = Connectors(self._project, load_contracts(self._project), endpoints)
        plan = connectors.plan()
        restarts = [
            step
            for step in plan.steps
            if isinstance(step.payload, Restart) and step.payload.name in names
        ]
        for step in connectors.apply(Plan(plan.target, tuple(restarts))):
            self.say(f"{step.subject}: restarted, {step.summary}")
        for finding in plan.refusals:
            if finding.subject in names:
                self.say_once(
                    f"{finding.subject}: left as it is: {finding.message}; {finding.hint}"
                )
