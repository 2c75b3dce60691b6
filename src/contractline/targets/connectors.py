"""The target ``connectors``: what connect/connectors declares, in Kafka Connect, and running.

A connector is created, changed or restarted only while all that it needs is there, so that a step
does not end in a failed task. Connectors that no file declares are reported and left alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from contractline.contracts.model import Contract
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.mapping.connector import (
    HEARTBEAT_TABLE,
    connector_contracts,
    render,
    streams_of,
)
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets import capture, failures
from contractline.targets.connect import Connect, Connector, Task
from contractline.targets.database import Database, connected
from contractline.targets.differences import noticed, plan_of, refused
from contractline.targets.files import connector_names, connector_template
from contractline.targets.registry import Registry
from contractline.targets.topics import Cluster

START_SECONDS = 60.0
SETTLE_SECONDS = 1.0
STALE_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_PLACE = ("connector.class", "database.dbname", "database.hostname", "slot.name", "topic.prefix")
"""Properties that say where a connector stands in the log; another value loses that place."""


@dataclass(frozen=True, slots=True)
class Configure:
    """Create a connector, or change its configuration."""

    name: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart what of a connector has failed."""

    name: str


class Connectors:
    """Kafka Connect against connect/connectors and the contracts."""

    name = "connectors"

    def __init__(
        self, project: Project, contracts: Sequence[Contract], endpoints: Endpoints
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints

    def plan(self) -> Plan:
        """Compare the connectors, their tasks and the columns of their tables."""
        with ExitStack() as stack:
            reading = _Reading(
                self._project,
                self._contracts,
                connect=stack.enter_context(Connect(self._endpoints)),
                registry=stack.enter_context(Registry.of(self._endpoints)),
                database=stack.enter_context(connected(self._endpoints)),
                cluster=Cluster(self._endpoints),
            )
            return plan_of(self.name, reading.differences())

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out, and wait after each until the tasks run or fail."""
        with Connect(self._endpoints) as connect:
            for step in plan.steps:
                match step.payload:
                    case Configure(name, config):
                        connect.configure(name, config)
                        _settle(connect, name)
                    case Restart(name):
                        connect.restart(name)
                        _settle(connect, name)
                yield step


class _Reading:
    """One reading of everything that the connectors depend on, and what differs."""

    def __init__(
        self,
        project: Project,
        contracts: Sequence[Contract],
        *,
        connect: Connect,
        registry: Registry,
        database: Database,
        cluster: Cluster,
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._registry = registry
        self._database = database
        self._cluster = cluster
        self._live = connect.connectors()

    def differences(self) -> Iterator[Step | Finding]:
        declared = connector_names(self._project)
        for name in declared:
            yield from self._connector(name)
        for name in sorted(self._live.keys() - set(declared)):
            yield noticed(
                "CONNECTOR_DECLARED",
                name,
                "runs in Kafka Connect, and no file in connect/connectors declares it",
                "declare it, or delete it by hand: DELETE /connectors/" + name,
            )

    def _connector(self, name: str) -> Iterator[Step | Finding]:
        template = connector_template(self._project, name)
        wanted = render(name, template, self._contracts)
        unmet = list(self._unmet(name, template))
        live = self._live.get(name)
        yield from self._columns(name)
        yield from unmet
        if live is None:
            if not unmet:
                detail = json.dumps(wanted, indent=2)
                yield Step(
                    Change.CREATE, name, "create it", detail, payload=Configure(name, wanted)
                )
            return
        moved = [key for key in _PLACE if live.config.get(key) != wanted.get(key)]
        if moved:
            yield _moved(name, moved, live, wanted)
        elif dict(live.config) != wanted and not unmet:
            yield _change(name, live, wanted)
            return
        yield from self._running(live, template, is_ready=not unmet)

    def _unmet(self, name: str, template: Mapping[str, str]) -> Iterator[Finding]:
        """What the connector needs and other targets have not brought yet."""
        contracts = connector_contracts(self._contracts, name)
        topics = [contract.topic.name for contract in contracts]
        there = self._cluster.topics(topics)
        for topic in (topic for topic in topics if topic not in there):
            yield _needs(name, f"the topic {topic}, which does not exist yet", "topics")
        for contract in contracts:
            for subject, versions in contract.subjects.items():
                for version in versions:
                    if not self._registry.holds(subject, version.schema):
                        what = f"{contract.name} v{version.number}, which {subject} does not hold"
                        yield _needs(name, what, "schemas")
        tables = [stream.source.table for stream in streams_of(self._contracts, name)]
        present = self._database.tables([*tables, HEARTBEAT_TABLE])
        for table in (*tables, HEARTBEAT_TABLE):
            if table not in present:
                yield _needs(name, f"the table {table}, which does not exist yet", "postgres")
        publication = template["publication.name"]
        live = self._database.publication(publication)
        if live is None:
            yield _needs(name, f"the publication {publication}, not there yet", "postgres")
        elif missing := present.keys() - live.tables:
            lacks = ", ".join(sorted(missing))
            yield _needs(name, f"{lacks} in the publication {publication}", "postgres")

    def _columns(self, name: str) -> Iterator[Finding]:
        streams = streams_of(self._contracts, name)
        live = self._database.tables([stream.source.table for stream in streams])
        for stream in streams:
            if stream.source.table in live:
                yield from capture.uncontracted(stream, live[stream.source.table])

    def _running(
        self, live: Connector, template: Mapping[str, str], *, is_ready: bool
    ) -> Iterator[Step | Finding]:
        if live.state in {"PAUSED", "STOPPED"}:
            yield refused(
                "CONNECTOR_RUNS",
                live.name,
                f"somebody has {live.state.lower()} it; changes wait in the replication slot"
                f" ({self._kept(template)})",
                f"PUT /connectors/{live.name}/resume",
            )
        failed = [task for task in live.tasks if task.state == "FAILED"]
        problems = [self._explained(live.name, task, template) for task in failed]
        yield from (problem for problem in problems if isinstance(problem, Finding))
        if problems and is_ready and all(isinstance(problem, str) for problem in problems):
            summary = f"its task had failed ({problems[0]}), and what it needs is there now"
            yield Step(Change.RESTART, live.name, summary, payload=Restart(live.name))

    def _explained(self, name: str, task: Task, template: Mapping[str, str]) -> Finding | str:
        """Return the finding while the cause of a failure lasts; the cause once it is gone."""
        failure = failures.read(task.trace)
        contract = next((c for c in self._contracts if c.topic.name == failure.topic), None)
        if failure.schema is None or contract is None:
            return failure.cause
        subject, _, _ = failures.subject_of(contract, failure.schema)
        table = getattr(contract.source, "table", contract.topic.name)
        words, remedy = failures.unknown_schema(contract, failure.schema, table)
        if self._registry.holds(subject, failure.schema):
            return words if "not registered" in words else f"{subject} did not hold its schema"
        kept = f"the change waits in the replication slot ({self._kept(template)})"
        return refused("CONNECTOR_RUNS", name, words, f"{remedy}; {kept}")

    def _kept(self, template: Mapping[str, str]) -> str:
        slot = self._database.slot(template["slot.name"])
        return f"{capture.size(slot.kept_bytes)} of WAL kept" if slot else "which does not exist"


def _change(name: str, live: Connector, wanted: Mapping[str, str]) -> Step:
    keys = sorted(
        key for key in live.config.keys() | wanted.keys() if live.config.get(key) != wanted.get(key)
    )
    lines = [
        f"{key}: {_shown(key, live.config.get(key))} -> {_shown(key, wanted.get(key))}"
        for key in keys
    ]
    summary = f"change {', '.join(keys)}"
    return Step(Change.ALTER, name, summary, "\n".join(lines), Configure(name, wanted))


def _moved(name: str, keys: Sequence[str], live: Connector, wanted: Mapping[str, str]) -> Finding:
    changes = ", ".join(
        f"{key} {_shown(key, live.config.get(key))} -> {_shown(key, wanted.get(key))}"
        for key in keys
    )
    return refused(
        "CONNECTOR_KEEPS_ITS_PLACE",
        name,
        f"differs in {changes}: with another value it would lose its place in the log, and changes",
        "declare a new connector in a file of its own, or delete this one, its offsets and its slot"
        " by hand and apply again: it takes a new snapshot (docs/guides/cdc.md)",
    )


def _needs(name: str, what: str, target: str) -> Finding:
    return refused(
        "CONNECTOR_NEEDS", name, f"needs {what}", f"`contractline apply {target}` brings it"
    )


def _shown(key: str, value: str | None) -> str:
    """A property as it may be shown: a secret only where it is a reference."""
    if value is None:
        return "(none)"
    is_secret = any(word in key for word in ("password", "secret", "credential", "user.info"))
    return "***" if is_secret and not value.startswith("${") else value


def _settle(connect: Connect, name: str) -> None:
    """Wait until every task has run for a moment, or one has failed.

    What failed is not told here: the next plan explains it.
    """
    began = time.monotonic()
    running_since: float | None = None
    has_moved = False
    while (now := time.monotonic()) < began + START_SECONDS:
        live = connect.connectors().get(name)
        states = {task.state for task in live.tasks} if live else set()
        # Connect goes on telling the old failure until the worker has begun anew.
        has_moved = has_moved or "FAILED" not in states or now > began + STALE_SECONDS
        if "FAILED" in states and has_moved:
            return
        if states != {"RUNNING"}:
            running_since = None
        elif running_since is None:
            running_since = now
        elif now - running_since >= SETTLE_SECONDS:
            return
        time.sleep(_PAUSE_SECONDS)
    raise ServiceUnavailable(
        "Kafka Connect",
        name,
        f"its task did not start in {START_SECONDS:g} s",
        hint="`contractline logs connect` tells more",
    )
