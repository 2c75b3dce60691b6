"""Labels of enumerations that ClickHouse holds and PostgreSQL no longer has: they were renamed there.

``ALTER TYPE … RENAME VALUE`` writes nothing into the log, so rows that had arrived keep the old label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from contractline.clickhouse.ddl import stream_columns
from contractline.clickhouse.sql import identifier, qualified
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import ClickHouseSink, Contract
from contractline.debezium.config import CapturedStream, streams_of
from contractline.debezium.source import connected
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.settings import Endpoints
from contractline.targets.differences import refused

_SHOWN = 5
_ENUMERATIONS = """
SELECT n.nspname || '.' || c.relname AS table, a.attname AS name, t.typtype != 'e' AS is_list,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid IN (t.oid, t.typelem)) AS labels
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname || '.' || c.relname = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped
      AND EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid IN (t.oid, t.typelem))
"""


@dataclass(frozen=True, slots=True)
class _Enumeration:
    """A column of an enumeration, or of lists of one."""

    table: str
    name: str
    is_list: bool
    labels: list[str]


def renamed_labels(
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    warehouse: Warehouse,
    tables: Collection[str],
) -> Iterator[Finding]:
    """Tell of columns that hold labels which their enumeration lacks.

    PostgreSQL that does not answer is the target ``postgres``' to tell.

    Args:
        contracts: all contracts.
        endpoints: where the services are.
        warehouse: ClickHouse.
        tables: the tables that exist there, as ``database.name``.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    streams = {s.source.table: s for s in streams_of(contracts) if s.contract.sink}
    if not streams or not endpoints.postgres_dsn:
        return
    try:
        with connected(endpoints) as database:
            rows = database.rows(_ENUMERATIONS, list(streams))
    except ServiceUnavailable:
        return
    for column in (_Enumeration(**row) for row in rows):
        stream = streams[column.table]
        if stream.contract.sink and stream.contract.sink.current in tables:
            yield from _lost(warehouse, stream, stream.contract.sink, column)


def _lost(
    warehouse: Warehouse, stream: CapturedStream, sink: ClickHouseSink, column: _Enumeration
) -> Iterator[Finding]:
    held = {c.field: c for c in stream_columns(stream.contract) if not c.is_own}.get((column.name,))
    if held is None:
        return
    label = f"arrayJoin({identifier(held.name)})" if column.is_list else identifier(held.name)
    table = qualified(sink.current)
    seen = f"SELECT {label} AS label, count() FROM {table}"  # noqa: S608 - names are quoted
    lacking = "GROUP BY label HAVING label IS NOT NULL AND NOT has({labels:Array(String)}, label)"
    labels = {"labels": column.labels}
    # Merging the rows costs more, and there is mostly nothing to find.
    if not warehouse.rows(f"{seen} {lacking}", labels):
        return
    if found := warehouse.rows(f"{seen} FINAL {lacking} ORDER BY label", labels):
        shown = ", ".join(
            f"`{name}` in {count:,} row{'' if count == 1 else 's'}"
            for name, count in found[:_SHOWN]
        )
        yield refused(
            "CDC_LABELS_KNOWN",
            sink.current,
            f"holds labels in `{held.name}` that the enumeration of {column.table} lacks: {shown};"
            " a label that was renamed is not in the log",
            f"send the rows again: UPDATE {column.table} SET {column.name} = {column.name}",  # noqa: S608
        )
