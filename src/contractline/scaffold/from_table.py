"""The contract of a table of PostgreSQL: its columns as Debezium writes them, its comments as words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contractline.avro.schema import Schema
from contractline.contracts.captured import Capture
from contractline.contracts.model import Contract
from contractline.debezium.config import HEARTBEAT_TABLE, SIGNAL_TABLE, streams_of
from contractline.debezium.files import connector_names, connector_template
from contractline.debezium.types import (
    alike,
    exact_key,
    is_cut,
    is_name,
    is_with_zone,
    merges_values,
)
from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.scaffold.blueprint import Blueprint, Described
from contractline.scaffold.infer import words_of
from contractline.scaffold.table_sql import LiveColumn, LiveTable

COMPACTION_LAG = "P30D"
_STEP = 10
_PLAIN_TABLE = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*\Z")

_LOGICAL_TYPES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "string": "string",
    "bytes": "string",
    "array": "array",
    "map": "map",
    "record": "object",
    "date": "date",
    "time-millis": "time",
    "time-micros": "time",
    "timestamp-millis": "timestamp",
    "timestamp-micros": "timestamp",
}


class TableTaken(ContractlineError):
    """When a table can't become a stream: it is one, the machinery's, not in the log, needs quotes."""

    def __init__(self, table: str, problem: str) -> None:
        self.table = table
        super().__init__(f"{table} {problem}", hint="name another table")


class ConnectorUnclear(ContractlineError):
    """When it can't be told which connector shall read a table."""

    def __init__(self, name: str | None, known: Sequence[str]) -> None:
        what = f"there is no connector `{name}`" if name else "several connectors could read it"
        listed = ", ".join(known) or "none; connect/connectors holds them"
        super().__init__(
            what if known else "no connector could read it", hint=f"--connector: {listed}"
        )


class TableNotRebuilt(ContractlineError):
    """When what a table is made of can't be made from its columns alone."""

    def __init__(self, table: LiveTable, problem: str) -> None:
        super().__init__(
            f"{table.name} can't be made a second time from its columns: {problem}",
            hint="write a file of connect/postgres by hand that creates it, with what it needs",
        )


class KeyUnknown(ContractlineError):
    """When a key names what is not a column of the table."""

    def __init__(self, name: str, table: LiveTable) -> None:
        columns = ", ".join(column.name for column in table.columns)
        super().__init__(f"{table.name} has no column `{name}`", hint=f"its columns: {columns}")


class KeyMerges(ContractlineError):
    """When several values of a column of a wanted key arrive as one."""

    def __init__(self, column: LiveColumn, table: LiveTable, problem: str) -> None:
        super().__init__(
            f"the key column `{column.name}` of {table.name} is {column.exactly}: {problem}",
            hint=f"{exact_key(column.exactly)}; or name another key with --key",
        )


class KeyNullable(ContractlineError):
    """When a column of a wanted key takes NULL."""

    def __init__(self, name: str, table: LiveTable) -> None:
        super().__init__(
            f"the key column `{name}` of {table.name} takes NULL",
            hint=f"ALTER TABLE {table.name} ALTER COLUMN {name} SET NOT NULL, or name another key",
        )


def qualified(table: str) -> str:
    """Return a table's name with its schema, which is public where none is said."""
    return table if "." in table else f"public.{table}"


def connector_for(project: Project, name: str | None) -> str:
    """Return the connector that shall read a table: the named one, or the only one.

    Raises:
        ConnectorUnclear: it can't be told.
    """
    known = connector_names(project)
    if name is None and len(known) == 1:
        return known[0]
    if name is None or name not in known:
        raise ConnectorUnclear(name, known)
    return name


def refuse_taken(table: str, connector: str, contracts: Sequence[Contract]) -> None:
    """Refuse a table that is the connector's already, the machinery's, or one that needs quotes.

    Raises:
        TableTaken: it is.
    """
    if table in {HEARTBEAT_TABLE, SIGNAL_TABLE}:
        raise TableTaken(table, "belongs to the machinery")
    if not _PLAIN_TABLE.match(table):
        words = (
            "is not a schema.table in small letters, digits and underscores, as connectors name it"
        )
        raise TableTaken(table, words)
    for stream in streams_of(contracts, connector):
        if stream.source.table == table:
            raise TableTaken(table, f"is the stream {stream.contract.name} already")


def refuse_unpublished(table: LiveTable) -> None:
    """Refuse a table whose changes PostgreSQL does not publish under its name, or Debezium not read.

    Raises:
        TableTaken: it is one.
    """
    if table.unpublished:
        raise TableTaken(table.name, table.unpublished)
    if same := alike(column.name for column in table.columns):
        words = f"has columns that differ only by case ({', '.join(same)}), which Debezium refuses"
        raise TableTaken(table.name, words)


def key_of(table: LiveTable, wanted: Sequence[str]) -> Sequence[str]:
    """Return the columns of a stream's key: the wanted ones, or the primary key.

    Raises:
        KeyUnknown: a wanted one is not a column.
        KeyNullable: a wanted one takes NULL.
        KeyMerges: several values of one arrive as one.
    """
    columns = {column.name: column for column in table.columns}
    for name in wanted:
        if name not in columns:
            raise KeyUnknown(name, table)
        if columns[name].nullable:
            raise KeyNullable(name, table)
    key = tuple(wanted) or table.primary_key
    for name in key:
        if merged := merges_values(columns[name].exactly):
            raise KeyMerges(columns[name], table, merged)
    return key


def sql_file(project: Project, table: str) -> Path:
    """Return the next free file of connect/postgres for a table."""
    numbers = [file.name.partition("_")[0] for file in project.postgres_sql.glob("*.sql")]
    last = max((int(number) for number in numbers if number.isdigit()), default=0)
    number = last - last % _STEP + _STEP
    return project.postgres_sql / f"{number:03}_{table.partition('.')[2]}.sql"


def left_out(table: LiveTable, capture: Capture, topic: str) -> Iterator[str]:
    """Yield the columns that do not reach the topic, with the reason."""
    value = capture.schema(topic, "value")
    fields = {field["name"] for field in value.fields} if value else set()
    for column in table.columns:
        if column.generated:
            yield f"{column.name}: it is generated, and generated columns are not in the log"
        elif not is_name(column.name):
            yield f"{column.name}: Avro takes letters, digits and underscores in a name"
        elif column.name not in fields:
            yield f"{column.name} ({column.type}): Debezium does not know the type"


def losses(table: LiveTable, capture: Capture, topic: str) -> Iterator[str]:
    """Yield the columns whose values do not arrive as they are, with what becomes of them."""
    value = capture.schema(topic, "value")
    fields = {field["name"] for field in value.fields} if value else set()
    for column in table.columns:
        if column.name in fields and (words := _loss(column)):
            yield f"{column.name} ({column.type}): {words}"


def _loss(column: LiveColumn) -> str:
    if column.exactly == "name":
        return "null in every change, Debezium reads this type only when it copies the table"
    if column.dimensions > 1:
        return "a value with lists inside the list stops the stream, or is null (`nullify`)"
    if is_cut(column.exactly):
        return "cut to the millisecond"
    if column.exactly.startswith("interval") and not column.exactly.endswith("[]"):
        return "in microseconds, a month counts as 30.4375 days, and infinity as 0"
    if is_with_zone(column.exactly):
        return "in UTC without its zone, and 24:00 as 00:00"
    return ""


def blueprint(
    stream: str,
    table: LiveTable,
    capture: Capture,
    *,
    project: Project,
    connector: str,
    owner: str,
    database: str,
) -> Blueprint:
    """Return the contract of a captured table."""
    topic = topic_of(project, connector, table.name)
    value = without_foreign(capture.schemas[f"{topic}-value"], table)
    key = capture.schema(topic, "key")
    keys = [field["name"] for field in key.fields] if key else []
    compacted = {"cleanup": "compact", "minCompactionLag": COMPACTION_LAG}
    return Blueprint(
        name=stream,
        owner=owner,
        purpose=_sentence(table.comment) or f"The rows of {table.name}, by change data capture.",
        source_words=(
            "Documented here and not in the .avsc files: Debezium's converter looks the exact"
            " schema up, and a doc would make it another one."
        ),
        physical_name=table.name,
        topic={"name": topic, "partitions": 1, **(compacted if keys else {"cleanup": "delete"})},
        source={
            "kind": "postgres",
            "connector": connector,
            "table": table.name,
            "uncontractedColumns": "report",
            "epoch": 1,
        },
        clickhouse={"current": f"{database}.{stream}"},
        values=[value],
        key=key,
        described=tuple(described_columns(table, value, keys)),
    )


def topic_of(project: Project, connector: str, table: str) -> str:
    """Return the topic into which a connector writes a table."""
    return f"{connector_template(project, connector)['topic.prefix']}.{table}"


def without_foreign(value: Schema, table: LiveTable) -> Schema:
    """Leave out what Debezium gave another name than the column's: connectors name columns."""
    names = {column.name for column in table.columns}
    fields = [f for f in value.fields if f["name"] in names or f["name"].startswith("__")]
    return Schema(value.definition | {"fields": fields}, value.where)


def described_columns(table: LiveTable, value: Schema, keys: Sequence[str]) -> Iterator[Described]:
    """Yield what a document says of each column of a table that a schema holds."""
    fields: Mapping[str, Any] = {field["name"]: field for field in value.fields}
    for column in table.columns:
        if column.name not in fields:
            continue
        type_ = fields[column.name]["type"]
        null = "may be null" if column.nullable else "never null"
        words = f"{words_of(column.name)}: a column of {table.name} ({column.type}), {null}."
        loss = _loss(column)
        said = (_sentence(column.comment) or words, _sentence(loss[:1].upper() + loss[1:]))
        yield Described(
            column.name,
            " ".join(filter(None, said)),
            _logical_type(column.type, type_),
            column.type,
            required=not _is_nullable(type_),
            key_position=keys.index(column.name) + 1 if column.name in keys else 0,
        )


def _logical_type(sql_type: str, node: Any) -> str:
    """Return what ODCS calls a column's type; a time with its zone travels as a text."""
    if sql_type.startswith("timestamp"):
        return "timestamp"
    if isinstance(node, list):
        node = next((branch for branch in node if branch != "null"), "string")
    if isinstance(node, Mapping):
        node = node.get("logicalType") or node["type"]
    return _LOGICAL_TYPES.get(str(node), "string")


def _is_nullable(node: Any) -> bool:
    return isinstance(node, list) and "null" in node


def _sentence(comment: str) -> str:
    words = " ".join(comment.split())
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."
