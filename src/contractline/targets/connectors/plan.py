"""How the connectors in Kafka Connect depart from what connect/connectors and the contracts say.

A connector is created, changed or restarted only while all that it needs is there, so that a step
does not end in a failed task. Connectors that no file declares are reported and left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from contractline.clients.connect import HELD, Connect, Connector, Task
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.debezium import failures
from contractline.debezium.asked import asked_snapshots, uncompared
from contractline.debezium.config import (
    HEARTBEAT_TABLE,
    SIGNAL_TABLE,
    CapturedStream,
    connector_contracts,
    render,
    streams_of,
)
from contractline.debezium.files import connector_names, connector_template
from contractline.debezium.source import Database
from contractline.finding import Finding
from contractline.plan import Change, Step
from contractline.project import Project
from contractline.targets import unrepresentable
from contractline.targets.differences import noticed, refused
from contractline.targets.postgres import checks
from contractline.targets.topics import Cluster

_PLACE = ("connector.class", "database.dbname", "database.hostname", "slot.name", "topic.prefix")
"""Properties that say where a connector stands in the log; another value loses that place."""

_NEW_SNAPSHOT = (
    "`contractline resnapshot --connector {0}` gives it a new place in the log, by a new snapshot of"
    " all its tables"
)


@dataclass(frozen=True, slots=True)
class ConfigureConnector:
    """Create a connector, or change its configuration.

    Attributes:
        name: the connector.
        config: its whole configuration.
    """

    name: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart what of a connector has failed."""

    name: str


@dataclass(frozen=True, slots=True)
class Bring:
    """Bring the rows of a table that its changes alone don't bring, and compare both sides.

    Attributes:
        stream: the stream of the table.
        is_there: whether they should be there already, by the connector's first snapshot.
    """

    stream: CapturedStream
    is_there: bool


class Differences:
    """One reading of everything that the connectors depend on.

    Args:
        project: the checkout.
        contracts: all its contracts.
        role: the role by which connectors read PostgreSQL.
        connect: Kafka Connect.
        registry: the schema registry.
        database: the source database.
        cluster: Kafka.
    """

    def __init__(
        self,
        project: Project,
        contracts: Sequence[Contract],
        *,
        role: str,
        connect: Connect,
        registry: Registry,
        database: Database,
        cluster: Cluster,
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._role = role
        self._registry = registry
        self._database = database
        self._cluster = cluster
        self._live = connect.connectors()
        tables = [stream.source.table for stream in streams_of(contracts)]
        self._tables = database.tables([*tables, HEARTBEAT_TABLE, SIGNAL_TABLE])

    def differences(self) -> Iterator[Step | Finding]:
        """Compare every connector, declared or not."""
        yield from self._astray()
        declared = connector_names(self._project)
        for name in declared:
            yield from self._connector(name)
        for name in sorted(self._live.keys() - set(declared)):
            yield noticed(
                "CONNECTOR_DECLARED",
                name,
                "runs in Kafka Connect, and no file in connect/connectors declares it",
                f"declare it, or delete it by hand: DELETE /connectors/{name}",
            )

    def _astray(self) -> Iterator[Finding]:
        """The snapshots asked for by hand of tables that no connector reads."""
        tables = [stream.source.table for stream in streams_of(self._contracts)]
        there = SIGNAL_TABLE in self._tables
        for one in asked_snapshots(self._database) if there else ():
            if not any(map(one.names, tables)):
                named = ", ".join(one.tables) or "no table that can be read from its data"
                yield noticed(
                    "CDC_SNAPSHOT_ASKED",
                    SIGNAL_TABLE,
                    f"the signal `{one.id}` asks for a snapshot of {named}: no contract reads it, so"
                    " nothing comes of it",
                    "name schema.table of a contract in data-collections, or delete the row",
                )

    def _connector(self, name: str) -> Iterator[Step | Finding]:
        template = connector_template(self._project, name)
        wanted = render(name, template, self._contracts)
        yield from self._columns(name)
        unmet = list(self._unmet(name, template))
        yield from unmet
        live = self._live.get(name)
        if live is None:
            if not unmet:
                yield from self._creation(name, wanted)
            return
        moved = [key for key in _PLACE if live.config.get(key) != wanted.get(key)]
        if moved:
            yield _moved(name, moved, live, wanted)
        elif live.config != wanted and not unmet:
            yield _change(name, live, wanted)
        else:
            running = list(self._running(live, is_ready=not unmet))
            yield from running
            if any(isinstance(one, Finding) for one in running):
                return
        if not unmet and not moved:
            yield from self._unread(name)

    def _unmet(self, name: str, template: Mapping[str, str]) -> Iterator[Finding]:
        """What the connector needs and other targets have not brought yet."""
        contracts = connector_contracts(self._contracts, name)
        topics = [contract.topic.name for contract in contracts]
        there = self._cluster.topics(topics)
        yield from _needs(name, "topics", "the topics", [t for t in topics if t not in there])
        unknown = [
            f"{contract.name} v{version.number} in {subject}"
            for contract in contracts
            for subject, versions in contract.subjects.items()
            for version in versions
            if not self._registry.holds(subject, version.schema)
        ]
        yield from _needs(name, "schemas", "the registered versions", unknown)
        tables = [stream.source.table for stream in streams_of(self._contracts, name)]
        needed = (*tables, HEARTBEAT_TABLE, SIGNAL_TABLE)
        missing = [table for table in needed if table not in self._tables]
        yield from _needs(name, "postgres", "the tables", missing)
        publication = template["publication.name"]
        live = self._database.publication(publication)
        unlisted = [t for t in needed if t in self._tables and not (live and t in live.tables)]
        yield from _needs(name, "postgres", f"in the publication {publication}", unlisted)
        yield from checks.types(self._database.server())

    def _columns(self, name: str) -> Iterator[Finding]:
        for stream in streams_of(self._contracts, name):
            if live := self._tables.get(stream.source.table):
                yield from checks.uncontracted(stream, live)

    def _creation(self, name: str, wanted: Mapping[str, str]) -> Iterator[Step]:
        """Create it; its first snapshot reads all tables, unless it goes on where it once was."""
        detail = json.dumps(wanted, indent=2)
        yield Step(Change.CREATE, name, "create it", detail, ConfigureConnector(name, wanted))
        if self._database.slot(wanted["slot.name"]) is None:
            for stream in streams_of(self._contracts, name):
                summary = f"compare the rows of {stream.source.table} once it has read them"
                yield Step(Change.ALTER, name, summary, payload=Bring(stream, is_there=True))

    def _running(self, live: Connector, *, is_ready: bool) -> Iterator[Step | Finding]:
        if live.state in HELD:
            yield refused(
                "CONNECTOR_RUNS",
                live.name,
                f"somebody has {live.state.lower()} it; changes wait in the replication slot"
                f" ({self._kept(live)})",
                f"PUT /connectors/{live.name}/resume",
            )
            return
        failed = [task for task in live.tasks if task.state == "FAILED"]
        problems = [self._explained(live, task) for task in failed]
        lasting = [problem for problem in problems if isinstance(problem, Finding)]
        yield from lasting
        if problems and not lasting and is_ready:
            summary = f"its task had failed ({problems[0]}), and what it needs is there now"
            yield Step(Change.RESTART, live.name, summary, payload=Restart(live.name))
        runs = {task.state for task in live.tasks} == {"RUNNING"}
        if runs and not self._database.reads(self._role, live.slot):
            yield refused(
                "CONNECTOR_READS",
                live.name,
                "its task says RUNNING, but nobody reads the replication slot; PostgreSQL refuses"
                f" it or is out of its reach, and it tries again every 10 s ({self._kept(live)})",
                "`contractline plan postgres` tells what it lacks, `contractline logs connect` more",
            )

    def _explained(self, live: Connector, task: Task) -> Finding | str:
        """Return the finding while the cause of a failure lasts; the cause once it is gone."""
        failure = failures.read(task.trace)
        kept = f"the change waits in the replication slot ({self._kept(live)})"
        if failure.is_lasting:
            hint = _NEW_SNAPSHOT.format(live.name)
            return refused("CONNECTOR_RUNS", live.name, failure.cause, hint)
        if failure.column:
            streams = streams_of(self._contracts, live.name)
            return unrepresentable.stopped_task(live.name, failure, streams, self._database, kept)
        contract = next((c for c in self._contracts if c.topic.name == failure.topic), None)
        if failure.schema is None or contract is None:
            return failure.cause
        subject = failures.subject_of(contract, failure.schema)
        if self._registry.holds(subject, failure.schema):
            if failure.is_unknown_schema:
                return f"{subject} did not hold its schema"
            return f"the schema registry could not be asked: {failure.cause}"
        table = getattr(contract.source, "table", contract.topic.name)
        words, remedy = failures.unknown_schema(contract, failure.schema, table)
        return refused("CONNECTOR_RUNS", live.name, words, f"{remedy}; {kept}")

    def _unread(self, name: str) -> Iterator[Step | Finding]:
        """The tables of which rows or values may be missing, although their changes arrive."""
        readings = self._database.readings(name)
        asked = asked_snapshots(self._database)
        for stream in streams_of(self._contracts, name):
            table, reading = stream.source.table, readings.get(stream.source.table)
            if reading is None:
                summary = f"read the rows that {table} held before it came under contract"
                yield Step(Change.ALTER, name, summary, payload=Bring(stream, is_there=False))
                continue
            missing = reading.lacks(stream.brought)
            if not missing and (signals := uncompared(asked, readings, table)):
                summary = f"compare the rows of {table}: {_by_hand(signals)}"
                yield Step(Change.ALTER, name, summary, payload=Bring(stream, is_there=True))
            if not missing:
                continue
            if reading.differs:
                yield refused(
                    "CDC_ROWS_ARRIVED",
                    stream.contract.name,
                    f"{table} was read, and ClickHouse does not hold the same: {reading.differs}",
                    f"`contractline verify {stream.contract.name}` shows the rows,"
                    " `contractline logs connect` why Debezium left some out",
                )
            what = f"the column {', '.join(missing)}" if reading.columns else "the rows"
            summary = f"compare {what} of {table}, and read again what is missing"
            # Values that can't be compared may be old ones, so they are read again at once.
            is_there = stream.contract.sink is not None or not reading.columns
            yield Step(Change.ALTER, name, summary, payload=Bring(stream, is_there=is_there))

    def _kept(self, live: Connector) -> str:
        slot = self._database.slot(live.slot)
        return f"{checks.size(slot.kept_bytes)} of WAL kept" if slot else "which does not exist"


def _by_hand(signals: Sequence[str]) -> str:
    named = ", ".join(f"`{signal}`" for signal in signals)
    return f"a snapshot was asked for by hand ({named}), and Debezium does not say what came of it"


def _change(name: str, live: Connector, wanted: Mapping[str, str]) -> Step:
    keys = [
        key
        for key in sorted(live.config.keys() | wanted.keys())
        if live.config.get(key) != wanted.get(key)
    ]
    lines = [f"{key}: {_turn(key, live, wanted)}" for key in keys]
    summary = f"change {', '.join(keys)}"
    return Step(Change.ALTER, name, summary, "\n".join(lines), ConfigureConnector(name, wanted))


def _moved(name: str, keys: Sequence[str], live: Connector, wanted: Mapping[str, str]) -> Finding:
    changes = ", ".join(f"{key} {_turn(key, live, wanted)}" for key in keys)
    return refused(
        "CONNECTOR_KEEPS_ITS_PLACE",
        name,
        f"differs in {changes}: with another value it loses its place in the log, and changes",
        f"declare a new connector in a file of its own; or {_NEW_SNAPSHOT.format(name)}",
    )


def _needs(name: str, target: str, what: str, missing: Sequence[str]) -> Iterator[Finding]:
    if missing:
        message = f"needs {what}: {', '.join(missing)}"
        hint = f"not there yet: `contractline apply {target}` brings it"
        yield refused("CONNECTOR_NEEDS", name, message, hint)


def _turn(key: str, live: Connector, wanted: Mapping[str, str]) -> str:
    return f"{_shown(key, live.config.get(key))} -> {_shown(key, wanted.get(key))}"


def _shown(key: str, value: str | None) -> str:
    """A property as it may be shown: a secret only where it is a reference."""
    if value is None:
        return "(none)"
    is_secret = any(word in key for word in ("password", "secret", "credential", "user.info"))
    return "***" if is_secret and not value.startswith("${") else value
