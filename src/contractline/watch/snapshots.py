"""Says which tables' snapshots did not bring all rows, or do not go on."""

from __future__ import annotations

import time
from collections.abc import Callable

from contractline.clients.connect import Connect
from contractline.clients.retry import Say
from contractline.contracts.load import load_contracts
from contractline.debezium.asked import problems_by_hand
from contractline.debezium.config import streams_of
from contractline.debezium.files import connector_names
from contractline.debezium.snapshot_state import snapshot_states
from contractline.debezium.source import connected
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.watch.part import WatchPart

PAUSE_SECONDS = 30.0


class Snapshots(WatchPart):
    """Looks at the snapshots of the checkout's connectors. What is missing, `apply` brings.

    Args:
        project: the checkout, whose contracts are read anew for each look.
        say: takes one line about what was found.
        clock: seconds that only rise.
    """

    def __init__(
        self, project: Project, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(say)
        self._project = project
        self._clock = clock
        self._due = float("-inf")

    def look(self, endpoints: Endpoints) -> None:
        """Say what is wrong with snapshots, each once."""
        declared = connector_names(self._project)
        if not declared or not endpoints.connect_url or self._clock() < self._due:
            return
        self._due = self._clock() + PAUSE_SECONDS
        contracts = load_contracts(self._project)
        problems = []
        with Connect(endpoints) as connect, connected(endpoints) as database:
            for connector in sorted(set(declared) & connect.connectors().keys()):
                streams = streams_of(contracts, connector)
                states = snapshot_states(database, connect, connector, streams)
                problems += [f"{name}: {s.problem}" for name, s in states.items() if s.problem]
                by_hand = problems_by_hand(database, connector, streams)
                problems += [f"{name}: {problem}" for name, problem in by_hand.items()]
        if problems:
            self.say_once("; ".join(problems))
        else:
            self.say_once.forget()

    def leave(self) -> None:
        """Nothing is kept open between looks."""
