"""What the source database says about itself: its catalogue as values. Only signals are written here."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from contractline.debezium.config import SIGNAL_TABLE
from contractline.debezium.types import PostgresColumn
from contractline.errors import ServiceUnavailable
from contractline.settings import Endpoints

CONNECT_TIMEOUT_SECONDS = 5
SERVICE = "PostgreSQL"
_SLOT_SECONDS = 30.0
"""How long a connector that was deleted may take to let go of its slot."""

_PAUSE_SECONDS = 0.2
TRUNCATE_FUNCTION = "public.contractline_publish_truncate()"
"""Publishes a TRUNCATE as deletes, where a table's trigger calls it (connect/postgres)."""

BEING_READ = "being read"
"""How the message of a reading begins that has not ended."""

Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SourceServer:
    """The settings that logical replication depends on, and what of them is used up.

    Attributes:
        version: its major version.
        keep_size_mb: how much log a slot may hold back; -1 for any amount.
        odd_types: the types that Debezium can't start beside: called enumerations, without labels.
    """

    version: int
    wal_level: str
    max_slots: int
    used_slots: int
    max_senders: int
    used_senders: int
    keep_size_mb: int
    odd_types: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot.

    Attributes:
        active: whether somebody reads it.
        state: ``reserved``, ``extended``, ``unreserved`` or ``lost``.
        kept_bytes: how much of the log is kept for it.
    """

    active: bool
    state: str
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the source.

    Attributes:
        name: ``schema.table``.
        columns: in their order, without generated ones, which are not in the log.
        primary_key: its columns; none for a table without one.
        unique_keys: the columns of each unique index over whole columns.
        full_identity: whether a change carries the whole old row.
        row_security: whether policies may hide rows from a reader.
        truncate_trigger: whether a trigger publishes a TRUNCATE as deletes.
        generated: how it keeps generated columns: ``s`` stored, ``v`` virtual.
        unpublished: why its changes are not in the log under its name; empty where they are.
    """

    name: str
    columns: tuple[PostgresColumn, ...]
    primary_key: tuple[str, ...]
    unique_keys: frozenset[frozenset[str]]
    full_identity: bool
    row_security: bool
    truncate_trigger: bool
    generated: frozenset[str] = frozenset()
    unpublished: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication.

    Attributes:
        all_tables: whether it is FOR ALL TABLES, whatever it lists.
        operations: what it publishes: insert, update, delete, truncate.
        tables: the tables that it publishes.
        restricted: those of them that it publishes only in part (a column list or a row filter).
        generated: whether it publishes stored generated columns.
    """

    all_tables: bool
    operations: frozenset[str]
    tables: frozenset[str]
    restricted: frozenset[str]
    generated: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A role: whether it can replicate, and what it may do beyond that."""

    can_login: bool
    can_replicate: bool
    excess: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of a table's rows has come, for which its changes are not enough.

    Attributes:
        message: the same in words.
        columns: the columns whose values have arrived.
        position: the position in the log at which both sides were compared last.
        differs: what differed then; empty where nothing did.
        noted: when it was noted; None where that is not known.
        snapshots: the signals for a snapshot by hand that were there when the comparison began.
    """

    message: str
    columns: tuple[str, ...] = ()
    position: str = ""
    differs: str = ""
    noted: datetime | None = None
    snapshots: tuple[str, ...] = ()

    def lacks(self, wanted: Sequence[str]) -> list[str]:
        """Return which of some columns have not arrived."""
        return [column for column in wanted if column not in self.columns]

    def to_json(self) -> str:
        """Return it as the data of a signal, which Debezium writes into its log."""
        return json.dumps(asdict(self) | {"noted": datetime.now(UTC).isoformat()})


class Database:
    """One connection to the source database.

    Attributes:
        connection: for what changes the database.
        where: its place, for messages.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self.connection = connection
        self.where = where

    def rows(self, query: Any, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return self.connection.execute(query, values or None).fetchall()

    def server(self) -> SourceServer:
        """Return the server's settings."""
        return SourceServer(**self.rows(_SERVER)[0])

    def slot(self, name: str) -> Slot | None:
        """Return a replication slot; None where there is none."""
        rows = self.rows(_SLOT, name)
        return Slot(**rows[0]) if rows else None

    def drop_slot(self, name: str) -> None:
        """Drop a replication slot, once who read it has let go of it.

        Raises:
            ServiceUnavailable: it is still read.
        """
        deadline = time.monotonic() + _SLOT_SECONDS
        while (slot := self.slot(name)) and slot.active and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        try:
            self.connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                " WHERE slot_name = %s",
                [name],
            )
        except psycopg.errors.ObjectInUse as problem:
            raise ServiceUnavailable(SERVICE, self.where, words(problem)) from problem

    def read_up_to(self, slot: str) -> int | None:
        """Return the position in the log up to which a slot was read; None where there is none."""
        rows = self.rows(_READ_UP_TO, slot)
        return int(rows[0]["at"]) if rows else None

    def reader(self, slot: str) -> int | None:
        """Return the process id of the server's process that a slot is read through; None if by none.

        Another one means that who reads the slot was started again, or lost its connection.
        """
        rows = self.rows(_READER, slot)
        return rows[0]["active_pid"] if rows else None

    def reads(self, role: str, slot: str) -> bool:
        """Tell whether a role reads a slot, or takes the snapshot that comes before."""
        return bool(self.rows(_READS, slot, role)[0]["reads"])

    def exists(self, kind: str, name: str) -> bool:
        """Tell whether a table, or a function with its arguments, exists."""
        find = "to_regprocedure" if kind == "function" else "to_regclass"
        query = sql.SQL("SELECT {}(%s) IS NOT NULL AS there").format(sql.SQL(find))
        return bool(self.rows(query, name)[0]["there"])

    def tables(self, names: Sequence[str]) -> dict[str, Table]:
        """Return those of the named tables that exist."""
        return {
            row["name"]: self._table(row)
            for row in self.rows(_TABLES, TRUNCATE_FUNCTION, list(names))
        }

    def publication(self, name: str) -> Publication | None:
        """Return a publication; None where there is none."""
        rows = self.rows(_PUBLICATION, name)
        if not rows:
            return None
        sets = {key: frozenset(rows[0][key]) for key in ("operations", "tables", "restricted")}
        return Publication(rows[0]["all_tables"], **sets, generated=rows[0]["generated"])

    def role(self, name: str) -> Role | None:
        """Return a role; None where there is none."""
        rows = self.rows(_ROLE, name)
        if not rows:
            return None
        return Role(rows[0]["can_login"], rows[0]["can_replicate"], tuple(rows[0]["excess"]))

    def may(self, role: str, right: str, table: str) -> bool:
        """Tell whether a role has a right on a table, and on its schema."""
        rows = self.rows(_MAY, role, right, role, table)
        return bool(rows and rows[0]["may"])

    def readings(self, connector: str) -> dict[str, Reading]:
        """Return what was noted about the reading of a connector's tables, by table."""
        mark = f"{connector}: "
        rows = self.rows(_READINGS, mark)
        return {row["id"].removeprefix(mark): _reading(row["data"]) for row in rows}

    def asked_snapshots(self) -> list[tuple[str, str]]:
        """Return the id and the data of each signal for a snapshot that stays in the signal table."""
        return [(row["id"], row["data"] or "") for row in self.rows(_ASKED)]

    def note_reading(self, connector: str, table: str, reading: Reading) -> None:
        """Note how far the reading of a table has come, beside the signals of its connector."""
        number = f"{connector}: {table}"
        with self.connection.transaction():
            self.connection.execute(_DELETE_SIGNAL, (number,))
            self.connection.execute(_INSERT_SIGNAL, (number, "log", reading.to_json()))

    def signal(self, connector: str, kind: str, data: dict[str, Any]) -> int:
        """Send a connector a signal; return the position in the log after it.

        It reads it from the log, so the row need not stay.
        """
        number = f"{connector} {uuid.uuid4()}"
        with self.connection.transaction():
            self.connection.execute(_INSERT_SIGNAL, (number, kind, json.dumps(data)))
            self.connection.execute(_DELETE_SIGNAL, (number,))
        return int(self.rows(_POSITION)[0]["at"])

    def next_transaction(self) -> int:
        """Return the id that the next transaction gets: later ones began after now."""
        return int(self.rows(_NEXT_TRANSACTION)[0]["id"])

    def oldest_transaction(self) -> tuple[int, str]:
        """Return the id of the oldest running transaction that changed something, and whose it is."""
        row = self.rows(_OLDEST)[0]
        return int(row["id"]), row["words"]

    def _table(self, row: dict[str, Any]) -> Table:
        indexes = self.rows(_UNIQUE, row["oid"])
        return Table(
            name=row["name"],
            columns=tuple(PostgresColumn(**column) for column in self.rows(_COLUMNS, row["oid"])),
            primary_key=next((tuple(i["columns"]) for i in indexes if i["is_primary"]), ()),
            unique_keys=frozenset(frozenset(index["columns"]) for index in indexes),
            full_identity=row["full_identity"],
            row_security=row["row_security"],
            truncate_trigger=row["truncate_trigger"],
            generated=frozenset(row["generated"]),
            unpublished=row["unpublished"],
        )


@contextmanager
def connected(endpoints: Endpoints) -> Iterator[Database]:
    """Connect to the source database; whatever PostgreSQL refuses inside comes out in words.

    Raises:
        SettingInvalid: nothing says where it is.
        ServiceUnavailable: it did not answer, or refused.
    """
    dsn = endpoints.need("postgres_dsn")
    where = place(dsn)
    try:
        with psycopg.connect(
            dsn,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="contractline",
            row_factory=dict_row,
        ) as connection:
            yield Database(connection, where)
    except psycopg.Error as problem:
        raise ServiceUnavailable(SERVICE, where, words(problem)) from problem


def refusal(dsn: str, user: str, password: str) -> str | None:
    """Return why a role can't log in with a password; None when it can."""
    conninfo = make_conninfo(dsn, user=user, password=password)
    try:
        psycopg.connect(conninfo, connect_timeout=CONNECT_TIMEOUT_SECONDS).close()
    except psycopg.Error as problem:
        return words(problem)
    return None


def _reading(text: str | None) -> Reading:
    """Read a note; one of an earlier version holds only words."""
    try:
        data = json.loads(text or "{}")
        return Reading(
            str(data.get("message", "")),
            tuple(map(str, data.get("columns", ()))),
            str(data.get("position", "")),
            str(data.get("differs", "")),
            datetime.fromisoformat(data["noted"]) if "noted" in data else None,
            tuple(map(str, data.get("snapshots", ()))),
        )
    except (ValueError, AttributeError, TypeError):
        return Reading("")


def place(dsn: str) -> str:
    """Return where a DSN leads, without its credentials."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "POSTGRES_DSN"
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def words(problem: psycopg.Error) -> str:
    """Return the first line of what PostgreSQL or its client library says."""
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]


def identifier(name: str) -> sql.Identifier:
    """Return a ``schema.table`` name, quoted where it must be."""
    return sql.Identifier(*name.split(".", 1))


_SERVER = """
SELECT current_setting('server_version_num')::int / 10000 AS version,
       current_setting('wal_level') AS wal_level,
       current_setting('max_replication_slots')::int AS max_slots,
       (SELECT count(*) FROM pg_replication_slots) AS used_slots,
       current_setting('max_wal_senders')::int AS max_senders,
       (SELECT count(*) FROM pg_stat_replication) AS used_senders,
       (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_size_mb,
       ARRAY(SELECT format('%I.%I', n.nspname, t.typname)
             FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
             WHERE t.typcategory = 'E' AND NOT EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid = t.oid)
             ORDER BY 1) AS odd_types
"""

_SLOT = """
SELECT active, coalesce(wal_status, 'lost') AS state,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint AS kept_bytes
FROM pg_replication_slots WHERE slot_name = %s
"""

_READ_UP_TO = """
SELECT coalesce(pg_wal_lsn_diff(confirmed_flush_lsn, '0/0'), 0)::bigint AS at
FROM pg_replication_slots WHERE slot_name = %s
"""

_READER = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s"

_READS = """
SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %s AND active)
    OR EXISTS (SELECT FROM pg_stat_activity WHERE usename = %s AND datname = current_database()
               AND backend_type = 'client backend'
               AND state IN ('active', 'idle in transaction')) AS reads
"""

_READINGS = sql.SQL("SELECT id, data FROM {} WHERE starts_with(id, %s)").format(
    identifier(SIGNAL_TABLE)
)

_ASKED = sql.SQL("SELECT id, data FROM {} WHERE type = 'execute-snapshot' ORDER BY id").format(
    identifier(SIGNAL_TABLE)
)

_INSERT_SIGNAL = sql.SQL("INSERT INTO {} (id, type, data) VALUES (%s, %s, %s)").format(
    identifier(SIGNAL_TABLE)
)

_DELETE_SIGNAL = sql.SQL("DELETE FROM {} WHERE id = %s").format(identifier(SIGNAL_TABLE))

_POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS at"

_NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS id"

_OLDEST = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS id,
       coalesce((SELECT format('process %s of %s, since %s', pid, usename, xact_start::timestamptz(0))
                 FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid != pg_backend_pid()
                 ORDER BY xact_start LIMIT 1), 'a prepared transaction') AS words
"""

_TABLES = """
SELECT c.oid, n.nspname || '.' || c.relname AS name,
       c.relreplident = 'f' AS full_identity, c.relrowsecurity AS row_security,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')
               AND t.tgfoid = to_regprocedure(%s)) AS truncate_trigger,
       ARRAY(SELECT DISTINCT a.attgenerated::text FROM pg_attribute a WHERE a.attrelid = c.oid
             AND a.attgenerated != '' AND NOT a.attisdropped) AS generated,
       CASE WHEN c.relkind = 'p'
            THEN 'is partitioned, and PostgreSQL publishes each partition as a table of its own'
            WHEN c.relpersistence != 'p' THEN 'is unlogged, so its changes are not in the log'
            ELSE '' END AS unpublished
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY (%s)
"""

EXACT_TYPE = """
(WITH RECURSIVE base(type, modifier) AS (
   SELECT a.atttypid, a.atttypmod
   UNION ALL
   SELECT t.typbasetype, t.typtypmod FROM base JOIN pg_type t ON t.oid = base.type
   WHERE t.typtype = 'd'
 )
 SELECT format_type(base.type, base.modifier) FROM base JOIN pg_type t ON t.oid = base.type
 WHERE t.typtype != 'd')
"""
"""The type of the column ``a`` with length and precision; of a domain, that of its base."""

_COLUMNS = f"""
SELECT a.attname AS name, {EXACT_TYPE} AS exactly,
       CASE WHEN t.typtype = 'e' THEN 'enum'
            WHEN 'c' IN (t.typtype, item.typtype) THEN 'composite'
            WHEN 'm' IN (t.typtype, item.typtype) THEN 'multirange'
            ELSE format_type(t.oid, NULL) END AS type,
       NOT a.attnotnull AS nullable,
       coalesce(pg_get_expr(d.adbin, d.adrelid) NOT LIKE 'NULL::%%', false) AS has_default
FROM pg_attribute a JOIN pg_type declared ON declared.oid = a.atttypid
JOIN pg_type t ON t.oid = coalesce(nullif(declared.typbasetype, 0), declared.oid)
LEFT JOIN pg_type item ON item.oid = t.typelem
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum
"""  # noqa: S608 - own words

_UNIQUE = """
SELECT i.indisprimary AS is_primary,
       ARRAY(SELECT a.attname FROM unnest(i.indkey) WITH ORDINALITY AS k (number, position)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE k.position <= i.indnkeyatts ORDER BY k.position)::text[] AS columns
FROM pg_index i
WHERE i.indrelid = %s AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
      AND i.indisvalid
"""

_PUBLICATION = """
SELECT p.puballtables AS all_tables,
       coalesce(to_jsonb(p) ->> 'pubgencols', 'n') = 's' AS generated,
       array_remove(ARRAY[
         CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
         CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END
       ], NULL) AS operations,
       ARRAY(SELECT t.schemaname || '.' || t.tablename FROM pg_publication_tables t
             WHERE t.pubname = p.pubname) AS tables,
       ARRAY(SELECT n.nspname || '.' || c.relname FROM pg_publication_rel r
             JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE r.prpubid = p.oid AND (r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)
       ) AS restricted
FROM pg_publication p WHERE p.pubname = %s
"""

_ROLE = """
SELECT rolcanlogin AS can_login, rolreplication AS can_replicate,
       array_remove(ARRAY[
         CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
         CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END
       ], NULL) || ARRAY(SELECT 'membership in ' || g.rolname FROM pg_auth_members m
                         JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS excess
FROM pg_roles r WHERE rolname = %s
"""

_MAY = """
SELECT has_table_privilege(%s, c.oid, %s) AND has_schema_privilege(%s, n.oid, 'USAGE') AS may
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname = %s
"""
