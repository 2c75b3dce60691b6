"""The target ``postgres``: what change data capture needs of the source database.

The tables themselves belong to the database's owner: only what CDC needs of them is planned, and
what the credentials don't allow is handed over as SQL. Settings of the server are never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg import sql

from contractline.contracts.model import Contract
from contractline.debezium.config import HEARTBEAT_TABLE, SIGNAL_TABLE, CapturedStream, streams_of
from contractline.debezium.files import SqlFile, connector_template, sql_files
from contractline.debezium.source import (
    SERVICE,
    TRUNCATE_FUNCTION,
    Connection,
    Database,
    Table,
    connected,
    identifier,
    refusal,
    words,
)
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets import unrepresentable
from contractline.targets.differences import noticed, plan_of, refused
from contractline.targets.postgres import checks

RIGHTS = {
    HEARTBEAT_TABLE: ("SELECT", "UPDATE"),
    SIGNAL_TABLE: ("SELECT", "INSERT", "DELETE"),
}
"""What the replication role may do with the connector's own tables; of captured ones it reads."""

OPERATIONS = ("insert", "update", "delete")
LOCK_TIMEOUT = "5s"
_INFINITE_INTERVALS = 17
"""The version of PostgreSQL from which on intervals may be infinite."""

_PLACEHOLDER = ":'password'"
"""Stands for the password in a statement, as in psql: no plan holds the password itself."""


@dataclass(frozen=True, slots=True)
class RunStatement:
    """One SQL statement."""

    text: str


class PostgresTarget:
    """The source database against the contracts of its tables and connect/postgres."""

    name = "postgres"

    def __init__(
        self, project: Project, contracts: Sequence[Contract], endpoints: Endpoints
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints

    def plan(self) -> Plan:
        """Compare the source database with what CDC needs."""
        streams = streams_of(self._contracts)
        if not streams:
            return Plan(self.name)
        user = self._endpoints.need("postgres_replication_user")
        with connected(self._endpoints) as database:
            source = _SourceState(self._project, streams, database, user)
            return plan_of(self.name, self._differences(source))

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Run the statements, each in a transaction of its own.

        Raises:
            ServiceUnavailable: PostgreSQL refused some; the message holds their SQL.
        """
        left: list[str] = []
        with connected(self._endpoints) as database:
            for step in plan.steps:
                try:
                    with database.connection.transaction():
                        self._run(database.connection, step.payload)
                except psycopg.ProgrammingError as problem:
                    left.append(f"-- {step}: {words(problem)}\n{step.detail}")
                    continue
                yield step
            if left:
                raise ServiceUnavailable(
                    SERVICE,
                    database.where,
                    f"refused {len(left)} of {len(plan.steps)} steps:\n" + "\n".join(left),
                    hint="let the database's owner run them (psql -v password=... for a password),"
                    " then apply again",
                )

    def _run(self, connection: Connection, payload: object) -> None:
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode())
        match payload:
            case SqlFile():
                payload.run(connection)
            case RunStatement(text):
                connection.execute(self._with_password(connection, text).encode())

    def _with_password(self, connection: Connection, text: str) -> str:
        """Put the password's SCRAM verifier in, so that the password never reaches a log."""
        if _PLACEHOLDER not in text:
            return text
        password = self._endpoints.need("postgres_replication_password")
        user = self._endpoints.need("postgres_replication_user")
        verifier = connection.pgconn.encrypt_password(
            password.encode(), user.encode(), b"scram-sha-256"
        )
        return text.replace(_PLACEHOLDER, sql.Literal(verifier.decode()).as_string(connection))

    def _differences(self, source: _SourceState) -> Iterator[Step | Finding]:
        yield from source.server()
        yield from source.files()
        for stream in source.streams:
            yield from source.table(stream)
        yield from self._role(source)
        for connector in source.connectors:
            yield from source.publication(connector)
        yield from source.rights()

    def _role(self, source: _SourceState) -> Iterator[Step | Finding]:
        password = self._endpoints.need("postgres_replication_password")
        role = source.database.role(source.user)
        attributes = "LOGIN REPLICATION"
        if role is None:
            yield source.step(
                Change.CREATE,
                f"role {source.user}",
                f"{attributes}, password from POSTGRES_REPLICATION_PASSWORD",
                f"CREATE ROLE {{role}} {attributes} PASSWORD {_PLACEHOLDER}",
            )
            return
        if not (role.can_login and role.can_replicate):
            yield source.step(
                Change.ALTER,
                f"role {source.user}",
                attributes,
                f"ALTER ROLE {{role}} {attributes}",
            )
        elif problem := refusal(self._endpoints.need("postgres_dsn"), source.user, password):
            yield source.step(
                Change.ALTER,
                f"role {source.user}",
                f"password from POSTGRES_REPLICATION_PASSWORD, since it can't log in: {problem}",
                f"ALTER ROLE {{role}} PASSWORD {_PLACEHOLDER}",
            )
        if role.excess:
            yield noticed(
                "POSTGRES_ROLE_RIGHTS",
                f"role {source.user}",
                f"may do more than replication needs: {', '.join(role.excess)}",
                f"ALTER ROLE {source.user} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;"
                " REVOKE what it is a member of",
            )


class _SourceState:
    """One reading of the source database, and what differs in it."""

    def __init__(
        self, project: Project, streams: Sequence[CapturedStream], database: Database, user: str
    ) -> None:
        self.streams = streams
        self.database = database
        self.user = user
        self._project = project
        names = [stream.source.table for stream in streams]
        self._live = database.tables([*names, *RIGHTS])

    @cached_property
    def connectors(self) -> dict[str, dict[str, str]]:
        """The templates of the connectors that read the tables, by name."""
        names = dict.fromkeys(stream.source.connector for stream in self.streams)
        return {name: connector_template(self._project, name) for name in names}

    @cached_property
    def _missing_files(self) -> list[SqlFile]:
        return [f for f in sql_files(self._project) if not self.database.exists(*f.creates)]

    @cached_property
    def _coming(self) -> frozenset[str]:
        """The tables that the files will create."""
        return frozenset(f.creates[1] for f in self._missing_files if f.creates[0] == "table")

    def _is_there(self, table: str) -> bool:
        live = self._live.get(table)
        return table in self._coming if live is None else not live.unpublished

    def step(self, change: Change, subject: str, summary: str, text: str, **names: Any) -> Step:
        """Return the step that runs one statement, with its identifiers quoted."""
        composed = sql.SQL(text).format(role=sql.Identifier(self.user), **names)
        statement = composed.as_string(self.database.connection)
        return Step(change, subject, summary, f"{statement};", RunStatement(statement))

    def server(self) -> Iterator[Finding]:
        """Check the server's settings and each connector's slot."""
        server = self.database.server()
        yield from checks.server(server)
        for connector, template in self.connectors.items():
            name = template["slot.name"]
            yield from checks.slot(connector, name, self.database.slot(name), server)

    def files(self) -> Iterator[Step]:
        """Plan the files whose object does not exist."""
        for file in self._missing_files:
            kind, name = file.creates
            summary = f"{kind}, from connect/postgres/{file.path.name}"
            yield Step(Change.CREATE, name, summary, file.text, file)

    def table(self, stream: CapturedStream) -> Iterator[Step | Finding]:
        """Compare a captured table with its contract."""
        name = stream.source.table
        live = self._live.get(name)
        if live and live.unpublished:
            hint = "contract another table, or make this one a plain, logged one"
            yield refused("POSTGRES_TABLE_PUBLISHED", name, live.unpublished, hint)
            return
        if live:
            yield from checks.table(stream, live)
            yield from checks.nulls(stream, self.connectors[stream.source.connector])
            yield from unrepresentable.nullified(stream, live, self.database)
            yield from unrepresentable.texts(stream, live, self.database)
            yield from unrepresentable.merged_keys(stream, live, self.database)
            if self.database.server().version >= _INFINITE_INTERVALS:
                yield from unrepresentable.intervals(stream, live, self.database)
        elif name not in self._coming:
            yield refused(
                "POSTGRES_TABLE_EXISTS",
                name,
                f"does not exist, and the contract {stream.contract.name} reads it",
                "create it, or add a file to connect/postgres that does",
            )
            return
        yield from self._published_in_full(name, live)

    def _published_in_full(self, name: str, live: Table | None) -> Iterator[Step | Finding]:
        if live and "v" in live.generated:
            yield refused(
                "POSTGRES_IDENTITY_FULL",
                name,
                "has virtual generated columns, and with replica identity full PostgreSQL would"
                " refuse every UPDATE and DELETE of it",
                "make the columns STORED, or drop them",
            )
        elif live is None or not live.full_identity:
            yield self.step(
                Change.ALTER,
                name,
                "replica identity full, so that deletes and changed keys carry the whole row",
                "ALTER TABLE {table} REPLICA IDENTITY FULL",
                table=identifier(name),
            )
        if live is None or not live.truncate_trigger:
            yield self.step(
                Change.ALTER,
                name,
                "publish a TRUNCATE as deletes",
                "CREATE OR REPLACE TRIGGER contractline_publish_truncate BEFORE TRUNCATE ON {table}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {TRUNCATE_FUNCTION}",
                table=identifier(name),
            )

    def publication(self, connector: str) -> Iterator[Step | Finding]:
        """Compare a connector's publication with the tables of its contracts."""
        name = self.connectors[connector]["publication.name"]
        wanted = [s.source.table for s in self.streams if s.source.connector == connector]
        wanted = [table for table in (*wanted, *RIGHTS) if self._is_there(table)]
        tables = sql.SQL(", ").join(map(identifier, wanted))
        parts = {"name": sql.Identifier(name), "tables": tables}
        # Without them PostgreSQL 18 refuses every UPDATE of a table that has some.
        generated = self.database.server().version >= 18
        options = ", publish_generated_columns = stored" if generated else ""
        publish = f"(publish = '{', '.join(OPERATIONS)}'{options})"
        live = self.database.publication(name)
        subject = f"publication {name}"
        if live is None:
            yield self.step(
                Change.CREATE,
                subject,
                f"of {', '.join(wanted)}",
                f"CREATE PUBLICATION {{name}} FOR TABLE {{tables}} WITH {publish}",
                **parts,
            )
        elif live.all_tables:
            yield refused(
                "POSTGRES_PUBLICATION_LISTS",
                subject,
                "publishes all tables, and a publication can't be made to list them afterwards",
                "stop the connector, drop the publication, and apply again",
            )
        else:
            if live.operations != set(OPERATIONS) or (generated and not live.generated):
                yield self.step(
                    Change.ALTER,
                    subject,
                    f"publish {', '.join(OPERATIONS)}{' and generated columns' if generated else ''}",
                    f"ALTER PUBLICATION {{name}} SET {publish}",
                    **parts,
                )
            if live.tables != set(wanted) or live.restricted:
                yield self.step(
                    Change.ALTER,
                    subject,
                    _membership(live.tables, live.restricted, wanted),
                    "ALTER PUBLICATION {name} SET TABLE {tables}",
                    **parts,
                )

    def rights(self) -> Iterator[Step | Finding]:
        """Grant the replication role what it needs and does not have."""
        exists = self.database.role(self.user) is not None
        wanted = {stream.source.table: ("SELECT",) for stream in self.streams}
        for table, needed in (wanted | RIGHTS).items():
            if not self._is_there(table):
                continue
            lacking = [
                right
                for right in needed
                if table in self._coming
                or not exists
                or not self.database.may(self.user, right, table)
            ]
            if lacking:
                rights = ", ".join(lacking)
                schema = sql.Identifier(table.partition(".")[0])
                yield self.step(
                    Change.ALTER,
                    f"role {self.user}",
                    f"may {rights} on {table}",
                    f"GRANT USAGE ON SCHEMA {{schema}} TO {{role}};"
                    f" GRANT {rights} ON {{table}} TO {{role}}",
                    schema=schema,
                    table=identifier(table),
                )


def _membership(live: frozenset[str], restricted: frozenset[str], wanted: Sequence[str]) -> str:
    parts = []
    if added := [table for table in wanted if table not in live]:
        parts.append(f"add {', '.join(added)}")
    if dropped := sorted(live.difference(wanted)):
        parts.append(f"drop {', '.join(dropped)}, which no contract holds")
    if restricted:
        parts.append(f"all columns and rows of {', '.join(sorted(restricted))}")
    return "; ".join(parts)
