"""The target ``connectors``: what connect/connectors declares, in Kafka Connect, and running.

How the live state departs from the declared one is told by ``connector_plan``; here it is read and
changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from contractline.clients.connect import HELD, Connect
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.debezium.files import connector_names
from contractline.debezium.source import Database, connected
from contractline.errors import ServiceUnavailable
from contractline.plan import Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets.connectors.plan import Bring, ConfigureConnector, Differences, Restart
from contractline.targets.connectors.readings import RowReader
from contractline.targets.differences import plan_of
from contractline.targets.topics import Cluster

AWAY_SECONDS = 180.0
"""How long `apply` waits for Kafka Connect, which a busy machine starts in a minute."""

START_SECONDS = 60.0
READ_SECONDS = 30.0
"""How long a running task may find its slot held by the one before it: Debezium tries every 10 s."""

SETTLE_SECONDS = 0.5
STALE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2


class Connectors:
    """Kafka Connect against connect/connectors and the contracts.

    Args:
        project: the checkout.
        contracts: all its contracts.
        endpoints: where the services are.
        say: takes a line when Connect is away and waited for; without it, that is an error.
    """

    name = "connectors"

    def __init__(
        self,
        project: Project,
        contracts: Sequence[Contract],
        endpoints: Endpoints,
        *,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints
        self._say = say

    def plan(self) -> Plan:
        """Compare the connectors, their tasks and the columns of their tables."""
        if not connector_names(self._project) and not self._endpoints.connect_url:
            return Plan(self.name)
        with ExitStack() as stack:
            compared = Differences(
                self._project,
                self._contracts,
                role=self._endpoints.need("postgres_replication_user"),
                connect=stack.enter_context(self._connect()),
                registry=stack.enter_context(Registry.of(self._endpoints)),
                database=stack.enter_context(connected(self._endpoints)),
                cluster=Cluster(self._endpoints),
            )
            return plan_of(self.name, compared.differences())

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out, and wait after each until the tasks read or fail."""
        if not plan.steps:
            return
        role = self._endpoints.need("postgres_replication_user")
        with self._connect() as connect, connected(self._endpoints) as database:
            for step in plan.steps:
                match step.payload:
                    case ConfigureConnector(name, config):
                        connect.configure(name, config)
                        settle(connect, name, database, role)
                    case Restart(name):
                        connect.restart(name)
                        settle(connect, name, database, role)
                    case Bring(stream, is_there):
                        settle(connect, stream.source.connector, database, role)
                        if is_running(connect, stream.source.connector):
                            reader = RowReader(self._endpoints, database, connect)
                            reader.bring(stream, is_there=is_there)
                yield step

    def _connect(self) -> Connect:
        if self._say is None:
            return Connect(self._endpoints)
        return Connect(self._endpoints, patience_seconds=AWAY_SECONDS, say=self._say)


def is_running(connect: Connect, name: str) -> bool:
    """Tell whether a connector exists and all its tasks run."""
    live = connect.connectors().get(name)
    return live is not None and {task.state for task in live.tasks} == {"RUNNING"}


def settle(connect: Connect, name: str, database: Database, role: str) -> None:
    """Wait until every task runs and reads PostgreSQL, or one has failed.

    What failed, or does not read, is not told here: the next plan explains it.
    """
    began = time.monotonic()
    running_since: float | None = None
    has_moved = False
    while (now := time.monotonic()) < began + START_SECONDS:
        live = connect.connectors().get(name)
        states = {task.state for task in live.tasks} if live else set()
        # Connect goes on telling the old failure until the worker has begun anew.
        has_moved = has_moved or "FAILED" not in states or now > began + STALE_SECONDS
        is_held = live is not None and live.state in HELD
        if is_held or ("FAILED" in states and has_moved):
            return
        if live is None or states != {"RUNNING"}:
            running_since = None
        elif running_since is None:
            running_since = now
        elif now > running_since + READ_SECONDS or (
            now > running_since + SETTLE_SECONDS and database.reads(role, live.slot)
        ):
            return
        time.sleep(_PAUSE_SECONDS)
    raise ServiceUnavailable(
        "Kafka Connect",
        name,
        f"its task did not start in {START_SECONDS:g} s",
        hint="`contractline logs connect` tells more",
    )
