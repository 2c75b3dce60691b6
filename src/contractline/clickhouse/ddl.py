"""The ClickHouse DDL of a stream, from its contract. Pure.

A record's way: the queue (Kafka engine) decodes; one view, the feed, hands every row on to a Null
table with the stream's name; from there views fill the tables, and the errors where a row could
not be decoded. One feed, so that reading starts and stops in one step: with two views on the queue
the rows that arrive between making the first and the second would miss one of them. And a Null
table, so that a kept message can be put into the stream a second time with its own offset.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from contractline.clickhouse.columns import Column, columns_of
from contractline.clickhouse.sql import identifier, literal
from contractline.clickhouse.unmappable import Refusal, SchemaUnmappable, Unmappable
from contractline.contracts.model import ClickHouseSink, Contract, PostgresSource, RowVersion
from contractline.project import Project

QUEUE_SUFFIX = "_queue"
INGESTION = "ingestion"
"""The database of queues, views and errors."""

STREAMS = "streams"
"""The folder of the generated files in clickhouse_ddl."""

ERRORS = f"{INGESTION}.errors"
ARRIVALS = f"{INGESTION}.arrivals"
QUALITY_RESULTS = f"{INGESTION}.quality_results"
SHARED = (ERRORS, ARRIVALS, QUALITY_RESULTS)
"""The tables that all streams share."""

_SUFFIXES = ("", "_current", "_history", "_errors", "_arrivals", QUEUE_SUFFIX, "_feed")

KAFKA_BROKERS = "kafka_brokers"
SCHEMA_REGISTRY_URL = "schema_registry_url"
"""The placeholders of the committed SQL, filled in where it is applied."""

DECODING = {"input_format_avro_allow_missing_fields": "1", "input_format_null_as_default": "1"}
"""Settings of everything that decodes: a field that a record lacks is no error."""

LINEAGE = {
    "_topic": "LowCardinality(String)",
    "_partition": "UInt64",
    "_offset": "UInt64",
}
"""Where in Kafka a row comes from: columns of every table."""

ENVELOPE = {
    **LINEAGE,
    "_timestamp_ms": "Nullable(DateTime64(3, 'UTC'))",
    "_key": "String",
    "_error": "String",
    "_raw_message": "String",
}
"""What the Kafka engine says of each message: columns of the Null table."""

TRANSIENT = "_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%'"
"""Whether only the registry kept a message from being read, not the message itself, in SQL."""

MERGE_AFTER_SECONDS = 3600
_MAX_VERSION_MICROS = 2**56 - 1
_MIN_FLUSH, _FROM_FLUSH = timedelta(milliseconds=50), timedelta(milliseconds=200)
_MIN_PAUSE_MS, _MAX_PAUSE_MS = 20, 500
_CDC_FIELDS = ("__deleted", "__op", "__lsn", "__source_ts_ms")
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class _Made:
    """A column of a table that is not a field of the record.

    Attributes:
        name: the column.
        type: its type.
        expression: what the view fills it with; empty where the table's default does.
        comment: what it means.
        default: the table's default.
    """

    name: str
    type: str
    expression: str
    comment: str
    default: str = ""


def render(contract: Contract, ingestion: str = INGESTION) -> str:
    """Return the DDL of a stream as the text of its file; empty for a stream without a sink.

    Args:
        contract: the contract.
        ingestion: the database of queues, views and errors.

    Raises:
        SchemaUnmappable: ClickHouse can't hold what the contract describes.
    """
    return "" if contract.sink is None else _Stream(contract, contract.sink, ingestion).text()


def stream_columns(contract: Contract) -> tuple[Column, ...]:
    """Return the columns of a stream, as its DDL holds them; none for a stream without a sink.

    Raises:
        SchemaUnmappable: ClickHouse can't hold what the contract describes.
    """
    return () if contract.sink is None else _Stream(contract, contract.sink, INGESTION).columns


def identity_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns that tell one row of a stream from another; none without a sink.

    Raises:
        SchemaUnmappable: ClickHouse can't hold what the contract describes.
    """
    return () if contract.sink is None else _Stream(contract, contract.sink, INGESTION).identity


def consumer_group(stream: str) -> str:
    """Return the consumer group by which ClickHouse reads a stream's topic."""
    return f"contractline_{stream}"


def machinery(stream: str) -> tuple[str, ...]:
    """Return the tables and views between a stream's topic and its tables, as ``database.name``.

    They are in the order in which they are made: whatever reads another one comes after it.
    """
    return tuple(f"{INGESTION}.{stream}{suffix}" for suffix in _SUFFIXES)


def own_column(contract: Contract, wanted: str) -> str:
    """Return the name of a column that is not a field of the record, such as ``version``."""
    taken = {column.name for column in stream_columns(contract)}
    while wanted in taken:
        wanted = f"_{wanted}"
    return wanted


def stream_files(project: Project, contracts: Sequence[Contract]) -> dict[Path, str]:
    """Return the files under clickhouse_ddl/streams as the contracts want them.

    Raises:
        SchemaUnmappable: ClickHouse can't hold what a contract describes.
    """
    folder = project.ddl / STREAMS
    return {folder / f"{c.name}.sql": render(c) for c in contracts if c.sink is not None}


def is_transient(reason: str) -> bool:
    """Tell the same as :data:`TRANSIENT` of a reason at hand."""
    return "while fetching schema" in reason and "HTTP status code: 404" not in reason


class _Stream:
    """One stream on its way to text."""

    def __init__(self, contract: Contract, sink: ClickHouseSink, ingestion: str) -> None:
        self.contract = contract
        self.sink = sink
        self.ingestion = ingestion
        versions = [version.schema for version in contract.values] or [contract.value]
        self.is_cdc = isinstance(contract.source, PostgresSource)
        self.columns = columns_of(
            contract.name, versions, contract.properties, sink.types, is_captured=self.is_cdc
        )
        self._refuse_taken_names()
        self.kept = [c for c in self.columns if not (self.is_cdc and c.name in _CDC_FIELDS)]
        self.made = list(self._made_columns())

    def text(self) -> str:
        """Return the file: the tables first, the feed last, so that it is also the safe order."""
        name, topic = self.contract.name, self.contract.topic.name
        head = (
            f"-- {name}: the topic {topic} into {self._tables_in_words()}.\n"
            f"-- Generated from contracts/{name} by `contractline generate tables`."
            " The two ${…} are filled in when it is applied.\n"
        )
        parts = [head, *self._databases(), *self._tables()]
        parts += [self._stream(), *self._views(), self._errors(), self._arrivals()]
        parts += [self._queue(), self._feed()]
        return "\n".join(parts)

    def _tables_in_words(self) -> str:
        return " and ".join(t for t in (self.sink.current, self.sink.history) if t)

    def _databases(self) -> Iterator[str]:
        tables = (t for t in (self.sink.current, self.sink.history) if t)
        for name in dict.fromkeys([self.ingestion, *(t.partition(".")[0] for t in tables)]):
            yield f"CREATE DATABASE IF NOT EXISTS {identifier(name)};\n"

    # The tables

    def _tables(self) -> Iterator[str]:
        deleted = f", {self._name('is_deleted')}" if self.is_cdc else ""
        version = self._name("version")
        order = self.identity
        yield self._table(
            self.sink.current,
            "The newest record of each row. Read it with FINAL."
            if self.sink.order_by or self.contract.key_fields or not self.is_cdc
            else "The rows, which all their columns tell apart: an update leaves the old one. Read it"
            " with FINAL.",
            self._purpose,
            f"ReplacingMergeTree({version}{deleted})",
            order,
        )
        if self.sink.history:
            yield self._table(
                self.sink.history,
                "Every change of each row. Read it with FINAL: a change that Kafka delivered twice"
                " is one.",
                f"Every change. {self._purpose}",
                "ReplacingMergeTree",
                (*order, version),
            )

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that tell one row from another."""
        order = self.sink.order_by or self.contract.key_fields
        if not order and self.is_cdc:
            return tuple(c.name for c in self.kept if not c.type.startswith("Map("))
        known = {column.name for column in self.columns}
        for name in order:
            if name not in known:
                words = "is part of the key and no field of the value"
                raise self._refusal(Unmappable.KEY_OUTSIDE, (name,), words)
        return order or tuple(LINEAGE)

    @property
    def _purpose(self) -> str:
        said = self.contract.odcs.description
        return " ".join(((said and said.purpose) or self.contract.name).split())

    def _table(self, name: str, words: str, comment: str, engine: str, order: Sequence[str]) -> str:
        settings = [f"min_age_to_force_merge_seconds = {MERGE_AFTER_SECONDS}"]
        nullable = {c.name for c in self.kept if "Nullable(" in c.type}
        if nullable & set(order):
            settings.append("allow_nullable_key = 1")
        lines = [
            *(_definition(c.name, c.type, c.stored_default, c.comment) for c in self.kept),
            *(_definition(m.name, m.type, m.default, m.comment) for m in self.made),
        ]
        return (
            f"{_remark(words)}"
            f"CREATE TABLE IF NOT EXISTS {name}\n(\n" + ",\n".join(lines) + "\n)\n"
            f"ENGINE = {engine}\n"
            f"ORDER BY ({', '.join(identifier(part) for part in order)})\n"
            f"SETTINGS {', '.join(settings)}\n"
            f"COMMENT {literal(comment)};\n"
        )

    def _made_columns(self) -> Iterator[_Made]:
        for derived in self.sink.derived:
            words = " ".join(derived.description.split())
            yield _Made(derived.name, derived.type, "", words, default=derived.expression.strip())
        if self.is_cdc:
            yield from self._cdc_columns()
        yield self._version()
        yield _Made("_topic", LINEAGE["_topic"], "_topic", "Topic that the record came from.")
        yield _Made("_partition", LINEAGE["_partition"], "_partition", "Its partition.")
        yield _Made("_offset", LINEAGE["_offset"], "_offset", "Its offset there.")

    def _cdc_columns(self) -> Iterator[_Made]:
        have = {column.name for column in self.columns}
        if not {"__deleted", "__lsn"} <= have:
            words = "are missing; without them neither deletes nor the order of changes are known"
            raise self._refusal(Unmappable.METADATA_MISSING, ("__deleted, __lsn",), words)
        yield _Made(
            self._name("is_deleted"),
            "UInt8",
            "ifNull(__deleted, '') = 'true'",
            "1 when the row was deleted in PostgreSQL.",
        )
        if "__op" in have:
            yield _Made(
                self._name("op"),
                "LowCardinality(String)",
                "ifNull(__op, '')",
                "What happened: r read at the start, c created, u updated, d deleted.",
            )
        if "__source_ts_ms" in have:
            yield _Made(
                self._name("changed_at"),
                "DateTime64(3, 'UTC')",
                "fromUnixTimestamp64Milli(ifNull(__source_ts_ms, 0), 'UTC')",
                "When PostgreSQL committed the change.",
            )

    def _version(self) -> _Made:
        name = self._name("version")
        source = self.contract.source
        if isinstance(source, PostgresSource):
            sql = (
                f"bitOr(bitOr(bitShiftLeft(toUInt128({source.epoch}), 96),"
                " bitShiftLeft(toUInt128(greatest(ifNull(__lsn, 0), 0)), 32)),"
                " toUInt128(bitAnd(_offset, 4294967295)))"
            )
            words = "Which change is later: epoch << 96 | log position << 32 | offset."
            return _Made(name, "UInt128", sql, words)
        if self.sink.version is None:
            return _Made(name, "UInt64", "_offset", "Which record is later: its offset.")
        words = (
            "Which record wins: how complete it is, then how late"
            f" ({' > '.join((*self.sink.version.rank, self.sink.version.latest))})."
        )
        return _Made(name, "UInt64", self._ranked(self.sink.version), words)

    def _ranked(self, version: RowVersion) -> str:
        """Completeness in the upper eight bits, microseconds below; never negative."""
        by_name = {column.name: column for column in self.columns}
        if version.latest not in by_name:
            words = "is not a field of the value, so it can't say what is later"
            raise self._refusal(Unmappable.NO_TIME, (version.latest,), words)
        late = _micros(by_name[version.latest], self.contract.name)
        ranks = len(version.rank)
        bits = [
            f"bitShiftLeft(toUInt64(isNotNull({identifier(field)})), {56 + ranks - 1 - position})"
            for position, field in enumerate(version.rank)
        ]
        return " + ".join([*bits, f"toUInt64({late})"])

    # The way there

    def _stream(self) -> str:
        lines = [
            *(f"    {identifier(c.name)} {c.queue_type}" for c in self.columns),
            *(f"    {name} {type_}" for name, type_ in ENVELOPE.items()),
        ]
        return (
            f"{_remark('Every record on its way to the tables; keeps nothing itself.')}"
            f"CREATE TABLE IF NOT EXISTS {self.ingestion}.{self.contract.name}\n(\n"
            + ",\n".join(lines)
            + "\n)\nENGINE = Null;\n"
        )

    def _views(self) -> Iterator[str]:
        yield self._view("current", self.sink.current)
        if self.sink.history:
            yield self._view("history", self.sink.history)

    def _view(self, role: str, table: str) -> str:
        shown = [
            *(_selected(c.expression, c.name) for c in self.kept),
            *(_selected(m.expression, m.name) for m in self.made if m.expression),
        ]
        return (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self.ingestion}.{self.contract.name}_{role}"
            f" TO {table} AS\nSELECT\n"
            + ",\n".join(f"    {one}" for one in shown)
            + f"\nFROM {self.ingestion}.{self.contract.name}\nWHERE _error = '';\n"
        )

    def _errors(self) -> str:
        name = self.contract.name
        return (
            f"{_remark('What could not be decoded is kept: bytes, place, reason.')}"
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self.ingestion}.{name}_errors"
            f" TO {self.ingestion}.errors AS\n"
            "SELECT\n"
            "    _topic AS topic,\n"
            "    _partition AS partition,\n"
            "    _offset AS offset,\n"
            "    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,\n"
            "    _key AS key,\n"
            "    _raw_message AS raw,\n"
            "    _error AS reason,\n"
            f"    if({TRANSIENT}, 'transient', 'poison') AS class\n"
            f"FROM {self.ingestion}.{name}\nWHERE _error != '';\n"
        )

    def _arrivals(self) -> str:
        """Count records by the minute, and how long each was on its way.

        Rows that a snapshot read are not counted: nobody waited for them since they were written.
        """
        name, have = self.contract.name, {column.name for column in self.columns}
        sent, counted = "_timestamp_ms", ["_error = ''"]
        if self.is_cdc and "__source_ts_ms" in have:
            sent = "fromUnixTimestamp64Milli(__source_ts_ms)"
        if self.is_cdc and "__op" in have:
            counted.append("ifNull(__op, '') != 'r'")
        promised = self.contract.latency // timedelta(milliseconds=1)
        delay = f"greatest(dateDiff('millisecond', assumeNotNull({sent}), now64(3)), 0)"
        return (
            f"{_remark('How many records arrived in each minute, and how long they took.')}"
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self.ingestion}.{name}_arrivals"
            f" TO {self.ingestion}.arrivals AS\n"
            f"WITH toFloat64({delay}) AS delay\n"
            "SELECT\n"
            f"    {literal(name)} AS stream,\n"
            "    toStartOfMinute(now('UTC')) AS minute,\n"
            "    count() AS messages,\n"
            f"    countIf(delay > {promised}) AS late,\n"
            "    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,\n"
            f"    toUInt64({promised}) AS promised_ms\n"
            f"FROM {self.ingestion}.{name}\n"
            f"WHERE {' AND '.join((*counted, f'isNotNull({sent})'))}\n"
            "GROUP BY stream, minute;\n"
        )

    def _queue(self) -> str:
        lines = [f"    {identifier(c.path)} {c.queue_type}" for c in self.columns]
        settings = ",\n    ".join(f"{k} = {v}" for k, v in self._settings().items())
        return (
            f"{_remark(f'Reads {self.contract.topic.name}; its group keeps the place.')}"
            f"CREATE TABLE IF NOT EXISTS {self.ingestion}.{self.contract.name}_queue\n(\n"
            + ",\n".join(lines)
            + f"\n)\nENGINE = Kafka\nSETTINGS\n    {settings};\n"
        )

    def _settings(self) -> Mapping[str, str]:
        flush = flush_interval(self.contract)
        flush_ms = flush // timedelta(milliseconds=1)
        pause = min(max(flush_ms // 25, _MIN_PAUSE_MS), _MAX_PAUSE_MS)
        return {
            "kafka_broker_list": f"'${{{KAFKA_BROKERS}}}'",
            "kafka_topic_list": literal(self.contract.topic.name),
            "kafka_group_name": literal(consumer_group(self.contract.name)),
            "kafka_format": "'AvroConfluent'",
            "format_avro_schema_registry_url": f"'${{{SCHEMA_REGISTRY_URL}}}'",
            **DECODING,
            "kafka_handle_error_mode": "'stream'",
            "kafka_num_consumers": "1",
            "kafka_thread_per_consumer": "1",
            "kafka_flush_interval_ms": str(flush_ms),
            "kafka_poll_timeout_ms": str(pause),
            "kafka_consumer_reschedule_ms": str(pause),
        }

    def _feed(self) -> str:
        name = self.contract.name
        fields = [_selected(identifier(c.path), c.name) for c in self.columns]
        shown = [*fields, *(identifier(one) for one in ENVELOPE)]
        return (
            f"{_remark('Hands every row on. Reading begins when this exists: it comes last.')}"
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {self.ingestion}.{name}_feed"
            f" TO {self.ingestion}.{name} AS\nSELECT\n"
            + ",\n".join(f"    {one}" for one in shown)
            + f"\nFROM {self.ingestion}.{name}_queue;\n"
        )

    # Names

    def _name(self, wanted: str) -> str:
        """Return the name of a column of our own, one that no field has."""
        taken = {column.name for column in self.columns}
        while wanted in taken:
            wanted = f"_{wanted}"
        return wanted

    def _refuse_taken_names(self) -> None:
        for column in self.columns:
            if column.name in ENVELOPE:
                words = f"the column {column.name} is the Kafka engine's own"
                hint = "give the field another name"
                raise self._refusal(Unmappable.NAME_TAKEN, column.field, words, hint)

    def _refusal(
        self, kind: Unmappable, field: tuple[str, ...], problem: str, hint: str = ""
    ) -> SchemaUnmappable:
        return SchemaUnmappable(self.contract.name, Refusal(kind, field, problem, hint))


def flush_interval(contract: Contract) -> timedelta:
    """Return how long the queue gathers rows, so that the promised latency holds.

    A PostgreSQL stream spends the rest of the time on its way to Kafka.
    """
    if isinstance(contract.source, PostgresSource):
        return max(contract.latency / 3, _MIN_FLUSH)
    return max(contract.latency - _FROM_FLUSH, _MIN_FLUSH)


def _micros(column: Column, contract: str) -> str:
    """Return the SQL of a time in whole microseconds, within 56 bits; never fails."""
    for type_, unit, scaled in (
        ("DateTime64(6", "Micro", "{}"),
        ("DateTime64(3", "Milli", "1000 * {}"),
        ("DateTime64(9", "Nano", "intDiv({}, 1000)"),
    ):
        if type_ in column.type and column.text_of != "timestamp":
            limit = {"Micro": _MAX_VERSION_MICROS, "Milli": _MAX_VERSION_MICROS // 1000}
            raw = f"toUnixTimestamp64{unit}({column.expression})"
            raw = f"ifNull({raw}, 0)" if "Nullable(" in column.type else raw
            clamped = f"least(greatest({raw}, 0), {limit.get(unit, 2**63 - 1)})"
            return scaled.format(clamped)
    words = "is not a timestamp, so it can't say what is later"
    raise SchemaUnmappable(contract, Refusal(Unmappable.NO_TIME, column.field, words))


def _definition(name: str, type_: str, default: str, comment: str) -> str:
    default = f" DEFAULT {default}" if default else ""
    comment = f" COMMENT {literal(comment)}" if comment else ""
    return f"    {identifier(name)} {type_}{default}{comment}"


def _selected(expression: str, name: str) -> str:
    return expression if expression == identifier(name) else f"{expression} AS {identifier(name)}"


def _remark(words: str) -> str:
    return "".join(f"-- {line}\n" for line in textwrap.wrap(words, _WIDTH))
