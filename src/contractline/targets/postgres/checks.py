"""What change data capture needs of a server, a slot and a table, checked on what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contractline.debezium.config import METADATA_PREFIX, CapturedStream
from contractline.debezium.nulls import nulls_become_defaults
from contractline.debezium.source import Slot, SourceServer, Table
from contractline.debezium.types import (
    alike,
    differences,
    exact_key,
    fields_of,
    is_known,
    is_name,
    merges_values,
)
from contractline.finding import Finding
from contractline.targets.differences import noticed, refused


def server(server: SourceServer) -> Iterator[Finding]:
    """Check the settings of the server, and the types of its database."""
    yield from types(server)
    if server.wal_level != "logical":
        yield refused(
            "POSTGRES_WAL_LEVEL",
            "wal_level",
            f"is {server.wal_level}, and changes can be read only from a logical log",
            "ALTER SYSTEM SET wal_level = logical; then restart PostgreSQL",
        )
    if server.keep_size_mb < 0:
        yield noticed(
            "POSTGRES_WAL_BOUNDED",
            "max_slot_wal_keep_size",
            "is unlimited, so a connector that stands still fills the source's disk",
            "ALTER SYSTEM SET max_slot_wal_keep_size = '4GB'; SELECT pg_reload_conf()",
        )


def types(server: SourceServer) -> Iterator[Finding]:
    """Check that Debezium can start: it reads every type of the database, whoever uses it."""
    for name in server.odd_types:
        yield refused(
            "POSTGRES_TYPES_READ",
            f"type {name}",
            "is a domain over an enumeration, or one without values: a connector can't start in a"
            " database that has one (Debezium ends with a NullPointerException)",
            f"give its columns the enumeration itself, and a CHECK; then DROP TYPE {name}",
        )


def slot(connector: str, name: str, found: Slot | None, server: SourceServer) -> Iterator[Finding]:
    """Check that a connector's slot is usable, or that one can be made."""
    if found is None and server.used_slots >= server.max_slots:
        yield refused(
            "POSTGRES_SLOT_FREE",
            "max_replication_slots",
            f"all {server.max_slots} are used, and the slot {name} does not exist yet",
            "drop one that nobody reads (the view pg_replication_slots shows them), or"
            f" ALTER SYSTEM SET max_replication_slots = {server.max_slots + 4}; then restart",
        )
    if not (found and found.active) and server.used_senders >= server.max_senders:
        yield refused(
            "POSTGRES_SENDER_FREE",
            "max_wal_senders",
            f"all {server.max_senders} are used, so the connector can't connect",
            f"ALTER SYSTEM SET max_wal_senders = {server.max_senders + 4}; then restart PostgreSQL",
        )
    if found and found.state == "lost":
        yield refused(
            "POSTGRES_SLOT_KEEPS",
            f"slot {name}",
            "lost its place: PostgreSQL dropped log that was not read yet, changes are missing",
            f"`contractline resnapshot --connector {connector}` makes a new one, and reads every row"
            " again",
        )
    elif found and found.state == "unreserved":
        yield refused(
            "POSTGRES_SLOT_KEEPS",
            f"slot {name}",
            f"holds back {size(found.kept_bytes)} of log, more than max_slot_wal_keep_size: the"
            " next checkpoint drops it and changes will be missing",
            "bring the connector back now, or raise max_slot_wal_keep_size",
        )


def table(stream: CapturedStream, live: Table) -> Iterator[Finding]:
    """Check the columns, the key and the policies of a captured table."""
    yield from _columns(stream, live)
    yield from _key(stream, live)
    if live.row_security:
        yield noticed(
            "POSTGRES_ROWS_VISIBLE",
            live.name,
            "has row security: a snapshot holds only the rows that policies let the role see",
            "add a policy for the replication role: USING (true)",
        )


def nulls(stream: CapturedStream, template: Mapping[str, str]) -> Iterator[Finding]:
    """Report the columns whose NULL arrives as their default, since their connector lets it."""
    missing = nulls_become_defaults(template)
    for field in _contracted(stream) if missing else ():
        if isinstance(field["type"], list) and field.get("default") is not None:
            yield noticed(
                "CDC_NULL_KEPT",
                stream.contract.name,
                f"NULL in `{field['name']}` of {stream.source.table} arrives as the default"
                f" {field['default']!r}",
                f"connect/connectors/{stream.source.connector}.json lacks {missing}",
            )


def uncontracted(stream: CapturedStream, live: Table) -> Iterator[Finding]:
    """Report the columns of a table that its contract could hold and does not."""
    version = stream.contract.values[-1]
    same = alike(column.name for column in live.columns)
    found = fields_of(
        column
        for column in live.columns
        if is_known(column.type) and is_name(column.name) and column.name not in same
    )
    for difference in differences(live.name, found, version_name(stream), _contracted(stream)):
        if difference.kind != "extra":
            continue
        stops = stream.source.uncontracted_columns == "stop"
        then = (
            "with the policy `stop` the task fails at the next change of this table"
            if stops
            else "it is kept out (policy `report`)"
        )
        yield (refused if stops else noticed)(
            "CDC_COLUMN_CONTRACTED",
            stream.contract.name,
            f"{difference.words}: {then}",
            f"add it to {stream.contract.folder.name}/value.avsc after the table's other columns,"
            f" `contractline release {stream.contract.name}`, `make register-schemas`"
            f" (it becomes v{version.number + 1})",
        )


def version_name(stream: CapturedStream) -> str:
    """Return how messages name the newest released version of a stream."""
    return f"{stream.contract.name} v{stream.contract.values[-1].number}"


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    value, unit = float(count), "bytes"
    for larger in ("KB", "MB", "GB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}"


def _contracted(stream: CapturedStream) -> list[dict[str, object]]:
    fields = stream.contract.values[-1].schema.fields
    return [field for field in fields if not field["name"].startswith(METADATA_PREFIX)]


def _columns(stream: CapturedStream, live: Table) -> Iterator[Finding]:
    if same := alike(column.name for column in live.columns):
        yield refused(
            "CDC_COLUMNS_DISTINCT",
            live.name,
            f"has columns that differ only by case ({', '.join(same)}), and Debezium reads no such"
            " table: the connector stops at its next change, for all of its tables",
            "rename or drop one of them now; once the connector stopped, it also needs a new"
            " snapshot (docs/guides/cdc.md)",
        )
    held = fields_of(column for column in live.columns if column.name in stream.columns)
    for difference in differences(live.name, held, version_name(stream), _contracted(stream)):
        report = noticed if difference.kind == "default" else refused
        yield report(
            "CDC_COLUMNS_FIT",
            stream.contract.name,
            f"{difference.words}: the connector stops at the next change of this table",
            "put the column back, or release a version that holds it as it is now",
        )


def _key(stream: CapturedStream, live: Table) -> Iterator[Finding]:
    key = stream.contract.key_fields
    if not key:
        if live.primary_key:
            yield refused(
                "CDC_KEY_FITS",
                stream.contract.name,
                f"{live.name} has the primary key ({', '.join(live.primary_key)}), and the"
                " contract has no key schema",
                "add key.avsc to the contract",
            )
        return
    nullable = [c.name for c in live.columns if c.name in key and c.nullable]
    if nullable:
        yield refused(
            "CDC_KEY_FITS",
            stream.contract.name,
            f"the key column {', '.join(nullable)} of {live.name} takes NULL",
            f"ALTER TABLE {live.name} "
            + ", ".join(f"ALTER COLUMN {name} SET NOT NULL" for name in nullable),
        )
    for column in live.columns:
        if column.name in key and (merged := merges_values(column.exactly)):
            yield refused(
                "CDC_KEY_EXACT",
                stream.contract.name,
                f"the key column `{column.name}` of {live.name} is {column.exactly}: {merged}",
                f"{exact_key(column.exactly)}; or take another key",
            )
    if not any(unique <= set(key) for unique in live.unique_keys):
        yield noticed(
            "CDC_KEY_UNIQUE",
            stream.contract.name,
            f"nothing keeps the key ({', '.join(key)}) of {live.name} unique: of rows that share"
            " it, readers see the one that changed last",
            f"CREATE UNIQUE INDEX ON {live.name} ({', '.join(key)})",
        )
