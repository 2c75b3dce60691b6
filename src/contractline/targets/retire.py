"""Taking a stream out of the running systems: its writer first, then its readers, then what it holds.

Each part is a target of its own, so that a retirement is planned, shown and carried out as every
other change is, and one that broke off goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from contractline.clickhouse.ddl import ERRORS, render
from contractline.clickhouse.sql import identifier, literal, statements
from contractline.clients.clickhouse import Warehouse
from contractline.clients.connect import Connect
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract, PostgresSource, Subject
from contractline.debezium.config import heartbeat_of, is_read, streams_of, without_table
from contractline.debezium.files import connector_names, connector_template
from contractline.debezium.source import Database, connected
from contractline.debezium.source import identifier as quoted
from contractline.errors import ContractlineError
from contractline.finding import Finding
from contractline.plan import Change, Plan, Step, Target
from contractline.project import Project
from contractline.recovery.dead_letters import dismissal
from contractline.settings import Endpoints
from contractline.targets.connectors.plan import ConfigureConnector
from contractline.targets.connectors.target import AWAY_SECONDS, settle
from contractline.targets.differences import noticed, plan_of
from contractline.targets.postgres import checks
from contractline.targets.postgres.target import PostgresTarget, RunStatement
from contractline.targets.tables.diff import Unit, dropping, stopping_order
from contractline.targets.topics import Cluster


class LastTable(ContractlineError):
    """When the only connector would have no table left to read."""

    def __init__(self, stream: str, connector: str) -> None:
        super().__init__(
            f"{stream} is the last table that the connector {connector} reads, and it is the only"
            " connector",
            hint="bring another table under contract first (`contractline new stream`)",
        )


@dataclass(frozen=True, slots=True)
class RetireChoice:
    """What becomes of what a stream holds.

    Attributes:
        drops_tables: whether its tables in ClickHouse go, with their rows.
        deletes_topic: whether its topic goes, with its messages.
        deletes_subjects: whether its schemas go from the registry.
        by: who decides so, for messages that could not be read and never will be.
    """

    drops_tables: bool
    deletes_topic: bool
    deletes_subjects: bool
    by: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A stream that is retired.

    Attributes:
        project: the checkout.
        contract: the stream's contract.
        left: the contracts of all other streams.
        endpoints: where the services are.
        choice: what becomes of what it holds.
    """

    project: Project
    contract: Contract
    left: Sequence[Contract]
    endpoints: Endpoints
    choice: RetireChoice


def retirement(leaving: Leaving) -> tuple[Target, ...]:
    """Return the parts of a retirement, in the order in which they are carried out.

    A connector that has no other table goes with it, and so do its slot, its publication and the
    topic of its heartbeats.

    Raises:
        LastTable: the only connector would have no table left.
    """
    source = leaving.contract.source
    parts: list[Target] = [_Tables(leaving), _TopicRemoval(leaving), _Subjects(leaving)]
    if not isinstance(source, PostgresSource):
        return tuple(parts)
    if not takes_connector_along(leaving.contract, leaving.left):
        return (_Connector(leaving, source), _SourceRemoval(leaving, source), *parts)
    if connector_names(leaving.project) == [source.connector]:
        raise LastTable(leaving.contract.name, source.connector)
    parts[:0] = [_LastOfConnector(leaving, source), _SourceRemoval(leaving, source)]
    template = connector_template(leaving.project, source.connector)
    if beat := heartbeat_of(leaving.left, source.connector, template):
        choice = replace(leaving.choice, deletes_topic=True, deletes_subjects=True)
        beats = replace(leaving, contract=beat, choice=choice)
        parts += [_TopicRemoval(beats), _Subjects(beats)]
    return tuple(parts)


def takes_connector_along(contract: Contract, left: Sequence[Contract]) -> bool:
    """Tell whether a stream is the last that its connector reads.

    Args:
        contract: the stream's.
        left: all others.
    """
    source = contract.source
    return isinstance(source, PostgresSource) and not streams_of(left, source.connector)


class _Connector:
    """The connector that reads the table."""

    name = "connectors"

    def __init__(self, leaving: Leaving, source: PostgresSource) -> None:
        self._leaving = leaving
        self._source = source

    def plan(self) -> Plan:
        connector, table = self._source.connector, self._source.table
        with Connect(self._leaving.endpoints) as connect:
            live = connect.connectors().get(connector)
        if live is None or not is_read(live.config, table):
            return Plan(self.name)
        config = without_table(connector, live.config, table, self._leaving.left)
        changed = sorted(key for key in live.config if live.config[key] != config.get(key))
        detail = "\n".join(f"{k}: {live.config[k]} -> {config.get(k, '(none)')}" for k in changed)
        step = Step(
            Change.ALTER,
            connector,
            f"read {table} no more; it restarts, and its other tables go on where they were",
            detail,
            ConfigureConnector(connector, config),
        )
        return Plan(self.name, (step,))

    def apply(self, plan: Plan) -> Iterator[Step]:
        endpoints = self._leaving.endpoints
        role = endpoints.need("postgres_replication_user")
        with (
            Connect(endpoints, patience_seconds=AWAY_SECONDS) as connect,
            connected(endpoints) as database,
        ):
            for step in plan.steps:
                if isinstance(step.payload, ConfigureConnector):
                    connect.configure(step.payload.name, step.payload.config)
                    settle(connect, step.payload.name, database, role)
                yield step


class _LastOfConnector:
    """The connector that has no other table."""

    name = "connectors"

    def __init__(self, leaving: Leaving, source: PostgresSource) -> None:
        self._leaving = leaving
        self._connector = source.connector

    def plan(self) -> Plan:
        with (
            Connect(self._leaving.endpoints) as connect,
            connected(self._leaving.endpoints) as database,
        ):
            steps = []
            if self._connector in connect.connectors():
                words = "delete it; it reads no other table"
                steps.append(Step(Change.REMOVE, self._connector, words, payload=self._connector))
            if slot := database.slot(self._slot):
                words = (
                    f"drop the replication slot, which keeps {checks.size(slot.kept_bytes)} of WAL"
                )
                steps.append(Step(Change.REMOVE, self._slot, words))
            return Plan(self.name, tuple(steps))

    def apply(self, plan: Plan) -> Iterator[Step]:
        with (
            Connect(self._leaving.endpoints, patience_seconds=AWAY_SECONDS) as connect,
            connected(self._leaving.endpoints) as database,
        ):
            for step in plan.steps:
                if step.payload is not None:
                    connect.remove(self._connector)
                else:
                    database.drop_slot(self._slot)
                yield step

    @property
    def _slot(self) -> str:
        return connector_template(self._leaving.project, self._connector)["slot.name"]


class _SourceRemoval:
    """What change data capture had of the table in PostgreSQL; the table itself stays as it is."""

    name = "postgres"

    def __init__(self, leaving: Leaving, source: PostgresSource) -> None:
        self._leaving = leaving
        self._source = source

    def plan(self) -> Plan:
        with connected(self._leaving.endpoints) as database:
            return plan_of(self.name, self._steps(database))

    def apply(self, plan: Plan) -> Iterator[Step]:
        leaving = self._leaving
        return PostgresTarget(leaving.project, leaving.left, leaving.endpoints).apply(plan)

    def _steps(self, database: Database) -> Iterator[Step | Finding]:
        connector, table = self._source.connector, self._source.table
        publication = connector_template(self._leaving.project, connector)["publication.name"]
        published = database.publication(publication)
        if published and takes_connector_along(self._leaving.contract, self._leaving.left):
            yield self._step(
                database,
                f"publication {publication}",
                "drop it; no other table is in it",
                "DROP PUBLICATION {name}",
                name=sql.Identifier(publication),
            )
        elif published and not published.all_tables and table in published.tables:
            yield self._step(
                database,
                f"publication {publication}",
                f"drop {table}",
                "ALTER PUBLICATION {name} DROP TABLE {table}",
                name=sql.Identifier(publication),
            )
        # Another stream of the table needs all that follows as it is.
        is_shared = any(one.source.table == table for one in streams_of(self._leaving.left))
        live = None if is_shared else database.tables([table]).get(table)
        if live and live.truncate_trigger:
            yield self._step(
                database,
                table,
                "TRUNCATE publishes no deletes any more",
                "DROP TRIGGER contractline_publish_truncate ON {table}",
            )
        if live and live.full_identity and not database.rows(_OTHERS, table, publication):
            yield self._step(
                database,
                table,
                "replica identity default again",
                "ALTER TABLE {table} REPLICA IDENTITY DEFAULT",
            )
        user = self._leaving.endpoints.need("postgres_replication_user")
        if live and database.rows(_GRANTED, table, user):
            yield self._step(
                database,
                f"role {user}",
                f"may not read {table} any more",
                "REVOKE SELECT ON {table} FROM {role}",
                role=sql.Identifier(user),
            )
        if table in database.readings(connector):
            yield self._step(
                database,
                table,
                "forget that its rows were compared, so that they are read should it come back",
                "DELETE FROM public.debezium_signal WHERE id = {note}",
                note=sql.Literal(f"{connector}: {table}"),
            )

    def _step(
        self, database: Database, subject: str, summary: str, text: str, **parts: Any
    ) -> Step:
        composed = sql.SQL(text).format(table=quoted(self._source.table), **parts)
        statement = composed.as_string(database.connection)
        return Step(Change.ALTER, subject, summary, f"{statement};", RunStatement(statement))


class _Tables:
    """The queue, the views and the tables in ClickHouse."""

    name = "tables"

    def __init__(self, leaving: Leaving) -> None:
        self._leaving = leaving

    def plan(self) -> Plan:
        if self._leaving.contract.sink is None:
            return Plan(self.name)
        with closing(Warehouse(self._leaving.endpoints)) as warehouse:
            return plan_of(self.name, self._differences(warehouse))

    def apply(self, plan: Plan) -> Iterator[Step]:
        with closing(Warehouse(self._leaving.endpoints)) as warehouse:
            for step in plan.steps:
                if isinstance(step.payload, tuple):
                    for statement in step.payload:
                        warehouse.run(statement)
                yield step

    def _differences(self, warehouse: Warehouse) -> Iterator[Step | Finding]:
        contract, choice = self._leaving.contract, self._leaving.choice
        unit = Unit(contract.name, tuple(statements(render(contract))))
        there = {str(name): rows for name, rows in warehouse.rows(_EXISTING)}
        movers = [s for s in stopping_order(unit.movers) if s.name in there]
        if movers:
            summary = (
                f"read {contract.topic.name} no more, and drop the views that filled the tables"
            )
            yield _dropped(movers[0].name, summary, [dropping(s) for s in movers])
        if (unread := _open_errors(warehouse, contract.topic.name)) > 0:
            because = f"{contract.name} is retired"
            statement = dismissal(
                f"topic = {literal(contract.topic.name)}", by=choice.by, because=because
            )
            words = f"dismiss {unread:,} messages of {contract.topic.name} that could not be read"
            yield _changed(ERRORS, words, [statement])
        tables = [s for s in unit.statements if s.kind == "TABLE" and s not in unit.movers]
        dropped = [s for s in tables if s.name in there]
        for table in dropped:
            rows = f"{there[table.name] or 0:,} rows"
            if choice.drops_tables:
                yield _dropped(table.name, f"drop it with its {rows}", [dropping(table)])
            else:
                yield kept(table.name, f"stays, with its {rows}", "`--tables drop` drops it")
        if choice.drops_tables:
            yield from self._empty_databases(there, {table.name for table in dropped})

    def _empty_databases(self, there: dict[str, int], dropped: set[str]) -> Iterator[Step]:
        """Drop a database that was there for this stream alone."""
        left = {name.partition(".")[0] for name in there.keys() - dropped}
        declared = {
            name.partition(".")[0]
            for contract in self._leaving.left
            if contract.sink
            for name in (contract.sink.current, contract.sink.history or "")
        }
        for name in sorted({name.partition(".")[0] for name in dropped} - left - declared):
            statement = f"DROP DATABASE IF EXISTS {identifier(name)}"
            yield _dropped(name, "drop the database, which is empty then", [statement])


class _TopicRemoval:
    """The topic in Kafka."""

    name = "topics"

    def __init__(self, leaving: Leaving) -> None:
        self._leaving = leaving

    def plan(self) -> Plan:
        return plan_of(self.name, self._differences(Cluster(self._leaving.endpoints)))

    def apply(self, plan: Plan) -> Iterator[Step]:
        cluster = Cluster(self._leaving.endpoints)
        for step in plan.steps:
            cluster.delete(step.subject)
            yield step

    def _differences(self, cluster: Cluster) -> Iterator[Step | Finding]:
        name = self._leaving.contract.topic.name
        live = cluster.topics([name]).get(name)
        if live is None:
            return
        written = f"{cluster.written(name, live.partitions):,} messages were ever written into it"
        if self._leaving.choice.deletes_topic:
            yield Step(Change.REMOVE, name, f"delete it with all its messages ({written})")
        else:
            yield kept(name, f"stays ({written})", "`--topic delete` deletes it")


class _Subjects:
    """The schemas in the registry."""

    name = "schemas"

    def __init__(self, leaving: Leaving) -> None:
        self._leaving = leaving

    def plan(self) -> Plan:
        with Registry.of(self._leaving.endpoints) as registry:
            return plan_of(self.name, self._differences(registry))

    def apply(self, plan: Plan) -> Iterator[Step]:
        with Registry.of(self._leaving.endpoints) as registry:
            for step in plan.steps:
                registry.remove_subject(Subject(step.subject))
                yield step

    def _differences(self, registry: Registry) -> Iterator[Step | Finding]:
        topic = self._leaving.contract.topic.name
        for subject in (Subject(f"{topic}-key"), Subject(f"{topic}-value")):
            if not (versions := registry.versions(subject)):
                continue
            numbers = "1 version" if len(versions) == 1 else f"{len(versions)} versions"
            if self._leaving.choice.deletes_subjects:
                words = f"delete it with its {numbers}; messages that carry their ids can't be read then"
                yield Step(Change.REMOVE, subject, words)
            else:
                hint = "`--subjects delete` deletes it together with the topic"
                yield kept(subject, f"stays, with its {numbers}", hint)


def kept(subject: str, words: str, hint: str) -> Finding:
    """Return the finding for what a retirement leaves as it is."""
    return noticed("RETIRED_KEPT", subject, words, hint)


def _open_errors(warehouse: Warehouse, topic: str) -> int:
    rows = warehouse.rows(
        f"SELECT count() FROM {ERRORS} FINAL WHERE isNull(resolved_at) AND topic = {{topic:String}}",  # noqa: S608
        {"topic": topic},
    )
    return int(rows[0][0])


def _dropped(subject: str, summary: str, statements: Sequence[str]) -> Step:
    return _step(Change.REMOVE, subject, summary, statements)


def _changed(subject: str, summary: str, statements: Sequence[str]) -> Step:
    return _step(Change.ALTER, subject, summary, statements)


def _step(change: Change, subject: str, summary: str, statements: Sequence[str]) -> Step:
    detail = ";\n".join((*statements, ""))
    return Step(change, subject, summary, detail, tuple(statements))


_EXISTING = "SELECT database || '.' || name, ifNull(total_rows, 0) FROM system.tables"

_OTHERS = """
SELECT pubname FROM pg_publication_tables
WHERE schemaname || '.' || tablename = %s AND pubname != %s
"""
"""The publications of others, which may need the whole old row."""

_GRANTED = """
SELECT 1 FROM pg_class c, aclexplode(c.relacl) a
WHERE c.oid = to_regclass(%s) AND a.grantee = to_regrole(%s) AND a.privilege_type = 'SELECT'
"""
