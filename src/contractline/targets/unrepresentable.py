"""Values of PostgreSQL that a topic can't hold: which rows have one, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from contractline.clickhouse.columns import holds
from contractline.clickhouse.ddl import stream_columns
from contractline.debezium.config import CapturedStream
from contractline.debezium.failures import Failure
from contractline.debezium.reading import label_lists
from contractline.debezium.source import Database, Table, identifier
from contractline.debezium.types import PostgresColumn
from contractline.finding import Finding
from contractline.targets.differences import noticed, refused

PATIENCE_MS = 5000
"""How long PostgreSQL may look for such values."""

SHOWN_ROWS = 3

_ZONED = "timestamp with time zone"
_INFINITE = ("date", "timestamp without time zone", _ZONED)
_INTERVAL = re.compile(r"interval[^\[]*\Z")
_IS_CHECKED = """
SELECT EXISTS (SELECT FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid
               WHERE c.conrelid = to_regclass(%s) AND c.contype = 'c' AND a.attname = %s
                     AND a.attnum = ANY (c.conkey)
                     AND pg_get_constraintdef(c.oid) LIKE '%%isfinite(%%') AS is_checked
"""


def stopped_task(
    name: str, failure: Failure, streams: Sequence[CapturedStream], database: Database, kept: str
) -> Finding | str:
    """Explain a task that stopped before a value; the cause alone once no row has such a value.

    Args:
        name: the connector.
        failure: what its trace tells, with the column.
        streams: the tables that it reads.
        database: the source database.
        kept: what is said of the changes that wait.
    """
    table, _, column = failure.column.rpartition(".")
    stream = next((one for one in streams if one.source.table == table), None)
    live = database.tables([table]).get(table)
    if stream is None or live is None or column not in {c.name for c in live.columns}:
        return failure.cause
    rows = _rows(database, live, stream, column, failure.value)
    if rows == []:
        return failure.cause
    where = f" (rows: {'; '.join(rows)})" if rows else ""
    what = "correct the rows"
    if any(c.name == column and c.nullable for c in live.columns):
        what += (
            f", or let such values become null: `unrepresentableValues: nullify` in the source of"
            f" the contract {stream.contract.name}, `contractline apply connectors`"
        )
    passes = "a change that is in the log already passes only as null, or by a new snapshot"
    hint = f"{what}; {passes}; {kept}"
    return refused("CONNECTOR_RUNS", name, failure.cause + where, hint)


def nullified(stream: CapturedStream, live: Table, database: Database) -> Iterator[Finding]:
    """Count the values of a table that its contract lets become null."""
    if stream.source.unrepresentable_values != "nullify":
        return
    labels = label_lists(stream.contract.values[-1].schema)
    for column in live.columns:
        lost = _unheld(column, has_labels=column.name in labels)
        if column.name not in stream.columns or lost is None:
            continue
        number = _number_of_rows(database, live, lost)
        if number != "0 rows":
            yield noticed(
                "CDC_VALUES_NULLED",
                stream.contract.name,
                f"`{column.name}` of {live.name} holds what the topic can't in {number}: null"
                " in the topic (policy `nullify`)",
                "correct the rows, or read the column with that in mind",
            )


def texts(stream: CapturedStream, live: Table, database: Database) -> Iterator[Finding]:
    """Tell of values of uuid and numeric that are NULL in ClickHouse's columns of these types."""
    if stream.contract.sink is None:
        return
    text_of = {c.field[0]: c.text_of for c in stream_columns(stream.contract)}
    numerics = []
    for column in live.columns:
        kind = text_of.get(column.name)
        if kind not in {"uuid", "numeric"}:
            continue
        described = stream.contract.properties[column.name].physicalType or ""
        if not holds(described, column.exactly):
            name = stream.contract.name
            words = (
                f"`{column.name}` of {live.name} is {column.exactly}, and {described} in the"
                " contract: what does not fit is NULL in ClickHouse"
            )
            hint = f"contractline evolve {name}; `contractline rebuild {name}` brings those back"
            yield refused("CDC_TYPE_HELD", name, words, hint)
        elif kind == "numeric":
            numerics.append(column.name)
    yield from _not_numbers(stream, live, numerics, database)


def _not_numbers(
    stream: CapturedStream, live: Table, numerics: Sequence[str], database: Database
) -> Iterator[Finding]:
    """Count the rows whose numeric is NaN, in one reading of the table."""
    if not numerics:
        return
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE {0} = 'NaN') AS {0}").format(sql.Identifier(name))
        for name in numerics
    )
    query = sql.SQL("SELECT {} FROM {}").format(counts, identifier(live.name))
    for name, number in (_patiently(database, query) or [{}])[0].items():
        if number:
            words = (
                f"`{name}` of {live.name} is NaN in {_rows_of(number)}, which no Decimal holds: NULL in"
                " ClickHouse"
            )
            hint = (
                "correct the rows, or read the column with that in mind;"
                f" `types: {{{name}: String}}` in the contract keeps the text"
            )
            yield noticed("CDC_VALUES_NULLED", stream.contract.name, words, hint)


def intervals(stream: CapturedStream, live: Table, database: Database) -> Iterator[Finding]:
    """Tell of columns that hold, or may hold, an infinite interval: Debezium's driver reads it as 0."""
    for column in live.columns:
        if column.name not in stream.columns or not _INTERVAL.match(column.exactly):
            continue
        infinite = sql.SQL("NOT isfinite({})").format(sql.Identifier(column.name))
        number = _number_of_rows(database, live, infinite)
        check = sql.SQL("ALTER TABLE {} ADD CHECK (isfinite({}))").format(
            identifier(live.name), sql.Identifier(column.name)
        )
        keep_out = check.as_string(database.connection)
        what = f"`{column.name}` of {live.name}"
        if number != "0 rows":
            words = f"{what} is infinite in {number}, which arrives as 0"
            hint = f"correct the rows, and keep it out: {keep_out}"
            yield refused("CDC_INTERVAL_FINITE", stream.contract.name, words, hint)
        elif not database.rows(_IS_CHECKED, live.name, column.name)[0]["is_checked"]:
            words = f"{what} takes infinity, which would arrive as 0"
            yield noticed("CDC_INTERVAL_FINITE", stream.contract.name, words, keep_out)


def merged_keys(stream: CapturedStream, live: Table, database: Database) -> Iterator[Finding]:
    """Tell of rows whose keys become one in ClickHouse, since it knows no such times."""
    key = stream.contract.key_fields
    if stream.contract.sink is None:
        return
    times = {c.field[0] for c in stream_columns(stream.contract) if c.text_of == "timestamp"}
    for column in live.columns:
        if column.name not in times.intersection(key) or column.type != _ZONED:
            continue
        beyond = sql.SQL("{0} < '1900-01-01Z' OR {0} >= '2300-01-01Z'")
        number = _number_of_rows(database, live, beyond.format(sql.Identifier(column.name)))
        if number != "0 rows":
            yield refused(
                "CDC_KEY_EXACT",
                stream.contract.name,
                f"the key column `{column.name}` of {live.name} lies outside the years 1900 to 2299"
                f" in {number}: it is NULL in ClickHouse, so that rows become one",
                "correct the rows, or take another key",
            )


def _unheld(column: PostgresColumn, *, has_labels: bool) -> sql.Composed | None:
    """Return the SQL of whether a row's value of a column is one that the topic can't hold."""
    name = sql.Identifier(column.name)
    kind = column.type.removesuffix("[]")
    if kind == column.type:
        return sql.SQL("NOT isfinite({})").format(name) if kind in _INFINITE else None
    conditions = [sql.SQL("array_ndims({}) > 1")]
    if kind in _INFINITE:
        item = "EXISTS (SELECT FROM unnest({}) AS item WHERE NOT isfinite(item))"
        conditions.append(sql.SQL(item))
    if has_labels:
        item = "EXISTS (SELECT FROM unnest({}) AS item WHERE item IS NULL)"
        conditions.append(sql.SQL(item))
    return sql.SQL(" OR ").join(condition.format(name) for condition in conditions)


def _number_of_rows(database: Database, live: Table, condition: sql.Composed) -> str:
    """Return in how many rows of a table a condition holds, in words, such as ``1 row``."""
    query = sql.SQL("SELECT count(*) AS number FROM {} WHERE {}")
    rows = _patiently(database, query.format(identifier(live.name), condition))
    return "an unknown number of rows" if rows is None else _rows_of(rows[0]["number"])


def _rows_of(number: object) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _rows(
    database: Database, live: Table, stream: CapturedStream, column: str, value: str
) -> list[str] | None:
    """Return the keys of some rows that hold a value; None where it can't be told."""
    if not value:
        return None
    key = stream.contract.key_fields or live.primary_key
    shown = [c.name for c in live.columns if c.name in key] or [column]
    pairs = sql.SQL(" || ', ' || ").join(
        sql.SQL("{} || coalesce({}::text, 'NULL')").format(
            sql.Literal(f"{name} = "), sql.Identifier(name)
        )
        for name in shown
    )
    is_list = any(c.name == column and c.type.endswith("[]") for c in live.columns)
    holds = "{} = ANY ({}::text[])" if is_list and not value.startswith("{") else "{} = {}::text"
    query = sql.SQL("SELECT {} AS shown FROM {} WHERE {} LIMIT {}").format(
        pairs,
        identifier(live.name),
        sql.SQL(holds).format(sql.Literal(value), sql.Identifier(column)),
        sql.Literal(SHOWN_ROWS),
    )
    rows = _patiently(database, query)
    return None if rows is None else [str(row["shown"]) for row in rows]


def _patiently(database: Database, query: sql.Composed) -> list[dict[str, object]] | None:
    """Return the rows of a query; None where it takes too long or is refused."""
    try:
        with database.connection.transaction():
            database.connection.execute(f"SET LOCAL statement_timeout = {PATIENCE_MS}")
            return database.rows(query)
    except psycopg.Error:
        return None
