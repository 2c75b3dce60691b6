"""Captures what Debezium makes of connect/postgres, in a PostgreSQL, a Connect and a registry of its own.

They hold nothing else: the SQL is run, each table gets a row where it has none, each connector reads
whole tables with its own configuration, and the converter may register what comes out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from contractline.clients.connect import Connect
from contractline.clients.registry import Registry
from contractline.contracts.captured import INDEX, Index, capture_sources, schema_file
from contractline.contracts.checksums import digest
from contractline.contracts.model import Contract, PostgresSource, Subject
from contractline.debezium import failures
from contractline.debezium.config import HEARTBEAT_TABLE, SIGNAL_TABLE, render_capture
from contractline.debezium.files import SqlFile, connector_names, connector_template, sql_files
from contractline.debezium.source import Connection, Database, connected, identifier, words
from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.settings import Endpoints

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.2
_STALE_SECONDS = 5.0

Keys = Mapping[tuple[str, str], Sequence[str]]
"""The connector and the name of tables that are contracted, and the columns of their keys.

A table without key columns has its primary key; one that nobody contracts is read by every connector.
"""


class SqlBroken(ContractlineError):
    """When PostgreSQL refuses a file of connect/postgres."""

    def __init__(self, file: Path, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: PostgreSQL refuses it: {problem}", hint="correct the SQL")


class TableStaysEmpty(ContractlineError):
    """When no row can be made for a table, so that Debezium writes no record of it."""

    def __init__(self, table: str, problem: str) -> None:
        self.table = table
        super().__init__(
            f"{table} holds no row, and none could be made: {problem}",
            hint="let its file in connect/postgres insert one",
        )


class NothingCaptured(ContractlineError):
    """When Debezium wrote no record of a table."""

    def __init__(self, connector: str, missing: Sequence[str], cause: str) -> None:
        super().__init__(
            f"the connector {connector} wrote nothing into {', '.join(missing)}: {cause}",
            hint=f"does connect/connectors/{connector}.json fit the tables?",
        )


@dataclass(frozen=True, slots=True)
class Captured:
    """What came out.

    Attributes:
        files: the files of connect/captured, with their texts.
        topics: how many topics there were.
    """

    files: Mapping[Path, str]
    topics: int


def contract_keys(contracts: Iterable[Contract]) -> dict[tuple[str, str], Sequence[str]]:
    """Return the columns of the keys that contracts give their tables."""
    return {
        (contract.source.connector, contract.source.table): contract.key_fields
        for contract in contracts
        if isinstance(contract.source, PostgresSource)
    }


def capture(
    project: Project, endpoints: Endpoints, keys: Keys, made_with: Mapping[str, str]
) -> Captured:
    """Run the SQL and the connectors of a checkout, and return what they made.

    Args:
        project: the checkout.
        endpoints: services that hold nothing yet.
        keys: the keys of tables whose contracts give one.
        made_with: the versions of what runs.

    Raises:
        SqlBroken: PostgreSQL refuses a file.
        TableStaysEmpty: no row can be made for a table.
        NothingCaptured: Debezium wrote no record of a table.
        ServiceUnavailable: a service did not answer.
    """
    templates = {name: connector_template(project, name) for name in connector_names(project)}
    publications = {template["publication.name"] for template in templates.values()}
    with connected(endpoints) as database:
        tables = _prepared(database, sql_files(project), publications, endpoints)
        live = database.tables(tables)
        left_out = _never_contracted(database, tables)
    texts: dict[Path, str] = {}
    captured: dict[str, Sequence[str]] = {}
    with Registry.of(endpoints) as registry, Connect(endpoints) as connect:
        for name, template in templates.items():
            wanted = {
                table: _existing(keys.get((name, table), ()), live[table].columns)
                for table in tables
                if (name, table) in keys or all(table != other for _, other in keys)
            }
            if not wanted:
                continue
            connect.configure(name, render_capture(template, wanted, left_out))
            topics = [f"{template['topic.prefix']}.{table}" for table in wanted]
            _wait(name, topics, registry, connect)
            for topic in topics:
                found = _schemas(registry, topic)
                texts |= {schema_file(project, s): text for s, text in found.items()}
                captured[topic] = _key_columns(registry, topic)
    index = Index(made_with, _digests(project), captured)
    texts[project.captured / INDEX] = index.text
    return Captured(texts, len(captured))


def _prepared(
    database: Database,
    files: Sequence[SqlFile],
    publications: Iterable[str],
    endpoints: Endpoints,
) -> list[str]:
    """Run the SQL, let everything be read, and return the tables of the streams."""
    connection = database.connection
    for file in files:
        try:
            with connection.transaction():
                file.run(connection)
        except psycopg.Error as problem:
            raise SqlBroken(file.path, words(problem)) from problem
    created = [name for kind, name in (file.creates for file in files) if kind == "table"]
    tables = [table for table in created if table not in {HEARTBEAT_TABLE, SIGNAL_TABLE}]
    for table in tables:
        _fill(connection, table)
    role = sql.Identifier(endpoints.need("postgres_replication_user"))
    password = sql.Literal(endpoints.need("postgres_replication_password"))
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(role, password))
    for name in publications:
        publish = sql.SQL("CREATE PUBLICATION {} FOR ALL TABLES")
        connection.execute(publish.format(sql.Identifier(name)))
    return tables


def _fill(connection: Connection, table: str) -> None:
    """Give an empty table a row."""
    name = identifier(table)
    some = sql.SQL("SELECT EXISTS (SELECT FROM {}) AS some").format(name)
    if connection.execute(some).fetchall()[0]["some"]:
        return
    columns = connection.execute(_NEEDED, [table]).fetchall()
    try:
        values = [_literal(connection, row["type"], row["labels"]) for row in columns]
        with connection.transaction():
            # References to other tables don't matter here.
            connection.execute("SET LOCAL session_replication_role = replica")
            for row in connection.execute(_CHECKS, [table]).fetchall():
                drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
                connection.execute(drop.format(name, sql.Identifier(row["name"])))
            connection.execute(_insert(name, [row["name"] for row in columns], values))
    except (psycopg.Error, LookupError) as problem:
        text = words(problem) if isinstance(problem, psycopg.Error) else str(problem.args[0])
        raise TableStaysEmpty(table, text) from problem


def _insert(table: sql.Identifier, names: Sequence[str], values: Sequence[str]) -> sql.Composed:
    if not names:
        return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    literals = sql.SQL(", ").join(map(sql.Literal, values))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, columns, literals)


def _literal(connection: Connection, kind: str, labels: Sequence[str]) -> str:
    """Return a text that PostgreSQL takes for a value of a type.

    Raises:
        LookupError: none is known.
    """
    bits = re.fullmatch(r"bit\((\d+)\)", kind)
    texts: list[str] = [*labels, *_TEXTS, *(["0" * int(bits[1])] if bits else [])]
    for text in texts:
        row = connection.execute("SELECT pg_input_is_valid(%s, %s) AS fits", [text, kind])
        if row.fetchall()[0]["fits"]:
            return text
    raise LookupError(f"no value of the type {kind} is known")


def _never_contracted(database: Database, tables: Sequence[str]) -> list[str]:
    """Return the generated columns, which are not in the log, and those with no name for Avro."""
    return [row["name"] for row in database.rows(_NEVER_CONTRACTED, list(tables))]


def _existing(key: Sequence[str], columns: Iterable[object]) -> Sequence[str]:
    """Return a key whose columns are all there; else none, and the primary key counts."""
    names = {getattr(column, "name", "") for column in columns}
    return tuple(key) if names.issuperset(key) else ()


def _wait(name: str, topics: Sequence[str], registry: Registry, connect: Connect) -> None:
    """Wait until something was written into each topic."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    missing = list(topics)
    while missing := [t for t in missing if not registry.versions(Subject(f"{t}-value"))]:
        live = connect.connectors().get(name)
        failed = [task for task in live.tasks if task.state == "FAILED"] if live else []
        if failed:
            failure = failures.read(failed[0].trace)
            if not _registered(failure, registry):
                raise NothingCaptured(name, missing, failure.cause)
            _restart(name, connect)
        if time.monotonic() > deadline:
            raise NothingCaptured(name, missing, f"not within {PATIENCE_SECONDS:.0f} s")
        time.sleep(_PAUSE_SECONDS)


def _restart(name: str, connect: Connect) -> None:
    """Restart what failed, and wait until Connect no longer tells the old failure."""
    connect.restart(name)
    deadline = time.monotonic() + _STALE_SECONDS
    while time.monotonic() < deadline:
        live = connect.connectors().get(name)
        if live and all(task.state != "FAILED" for task in live.tasks):
            return
        time.sleep(_PAUSE_SECONDS)


def _registered(failure: failures.Failure, registry: Registry) -> bool:
    """Register the schema that the converter could not, where that is why it failed."""
    if not (failure.is_undiscovered and failure.topic and failure.schema):
        return False
    subject = Subject(f"{failure.topic}-value")
    if registry.holds(subject, failure.schema):
        return False
    registry.register(subject, failure.schema)
    return True


def _schemas(registry: Registry, topic: str) -> dict[str, str]:
    """Return the text of what was registered for a topic, by subject."""
    found = {}
    for part in ("key", "value"):
        for version in registry.versions(Subject(f"{topic}-{part}")):
            if version.schema is not None:
                found[f"{topic}-{part}"] = version.schema.formatted
    return found


def _key_columns(registry: Registry, topic: str) -> Sequence[str]:
    for version in registry.versions(Subject(f"{topic}-key")):
        if version.schema is not None:
            return [field["name"] for field in version.schema.fields]
    return ()


def _digests(project: Project) -> dict[str, str]:
    return {
        file.relative_to(project.root).as_posix(): digest(file.read_bytes())
        for file in capture_sources(project)
    }


_TEXTS = (
    *(
        "",
        "0",
        "1",
        "100",
        "{}",
        "1970-01-01",
        "00:00",
        "false",
        "00000000-0000-0000-0000-000000000000",
    ),
    *("(0,0)", "((0,0),(1,1))", "<(0,0),1>", "{1,1,1}", "empty", "127.0.0.1"),
    *("00:00:00:00:00:00", "00:00:00:00:00:00:00:00", "[]"),
)
"""Values of common types, as texts."""

_NEEDED = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = a.atttypid
             ORDER BY e.enumsortorder LIMIT 1) AS labels
FROM pg_attribute a
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
      AND NOT a.atthasdef AND a.attidentity = '' ORDER BY a.attnum
"""

_CHECKS = """
SELECT conname AS name FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'c'
"""

_NEVER_CONTRACTED = """
SELECT n.nspname || '.' || c.relname || '.' || a.attname AS name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped
      AND (a.attgenerated != '' OR a.attname !~ '^[A-Za-z_][A-Za-z0-9_]*$')
"""
