"""The ClickHouse that a proof runs on, and what is asked of it once."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from contractline.avro.schema import Schema
from contractline.clickhouse.ddl import ERRORS
from contractline.clickhouse.sql import Statement, StatementUnknown, identifier, literal, statements
from contractline.clients.clickhouse import QueryRefused, Warehouse
from contractline.clients.wire import header
from contractline.project import Project
from contractline.proof.ids import Ids
from contractline.targets.tables.target import DdlUnreadable

PREFIX = "contractline_proof"
"""How the names of a proof's databases begin."""

STALE_SECONDS = 3600
_MADE = re.compile(rf"{PREFIX}_([0-9]+)_[0-9a-f]+_")


@dataclass(frozen=True, slots=True)
class ProofServer:
    """A ClickHouse to make tables on.

    Attributes:
        warehouse: the connection.
        registry: where it asks for the schemas of ids.
        errors: the table of the messages that can't be read.
        fetches: whether it can ask there; else records come as container files, which hold their
            schema and are read by the same code of ClickHouse.
    """

    warehouse: Warehouse
    registry: str
    errors: Statement
    fetches: bool


def fetches(warehouse: Warehouse, ids: Ids) -> bool:
    """Tell whether ClickHouse can ask this process for schemas: it may run on another machine."""
    schema = Schema.parse(
        '{"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]}'
    )
    frame = header(ids.register(schema)) + b"\0"
    sql = (
        f"SELECT a FROM format(AvroConfluent, 'a Int64', unhex('{frame.hex()}'))"  # noqa: S608
        f" SETTINGS format_avro_schema_registry_url = {literal(ids.url)}"
    )
    try:
        return bool(warehouse.rows(sql))
    except QueryRefused:
        return False


def errors_table(project: Project) -> Statement:
    """Return the table of the messages that can't be read, as the checkout holds it.

    Raises:
        DdlUnreadable: the file can't be read, or does not hold it.
    """
    file = project.ddl / "databases.sql"
    try:
        found = {one.name: one for one in statements(file.read_text(encoding="utf-8"))}
        return found[ERRORS]
    except (OSError, UnicodeDecodeError, StatementUnknown) as problem:
        raise DdlUnreadable(file, f"can't be read: {problem}") from problem
    except KeyError as problem:
        raise DdlUnreadable(file, f"does not hold {ERRORS}") from problem


def sweep(warehouse: Warehouse) -> None:
    """Remove the databases of proofs that were killed."""
    now = int(time.time())
    for name in _databases(warehouse, PREFIX):
        made = _MADE.match(name)
        if made and int(made.group(1)) < now - STALE_SECONDS:
            warehouse.run(f"DROP DATABASE IF EXISTS {identifier(name)}")


def _databases(warehouse: Warehouse, prefix: str) -> list[str]:
    start = literal(prefix)
    sql = f"SELECT name FROM system.databases WHERE startsWith(name, {start}) ORDER BY name"  # noqa: S608
    return [str(row[0]) for row in warehouse.rows(sql)]
