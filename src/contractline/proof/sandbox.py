"""A stream's real tables and views in databases of their own, on any ClickHouse."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from contractline.avro.schema import Schema
from contractline.clickhouse.columns import Column
from contractline.clickhouse.ddl import (
    INGESTION,
    KAFKA_BROKERS,
    SCHEMA_REGISTRY_URL,
    render,
    stream_columns,
)
from contractline.clickhouse.sql import (
    filled,
    identifier,
    statements,
)
from contractline.clients.clickhouse import ExternalTable, QueryRefused
from contractline.clients.wire import SchemaId, header
from contractline.contracts.model import ClickHouseSink, Contract
from contractline.errors import ContractlineError
from contractline.proof.containers import container_file
from contractline.proof.halving import narrowed
from contractline.proof.rowbinary import FORMAT, Rows, read_rows, selected
from contractline.proof.server import PREFIX, ProofServer
from contractline.proof.shapes import Path
from contractline.recovery.container import varint
from contractline.recovery.frames import FrameDecoder, LoadedStream, MessageBatch, sift
from contractline.settings import Endpoints

DROP_TRIES, DROP_PAUSE = 10, 0.2
OFFSET = "_offset"
"""Which record a row comes from."""

_PLACE = re.compile(r":? [Ww]hile (?:executing|pushing|processing)\b|:? \(at row \d+\)")
_ENDED = re.compile(r"EOF|Cannot read all data|unexpected end", re.IGNORECASE)
_NO_COLUMN = ("no field", "no_field", "Nullable(String)")
"""Reads nothing of a record, which is gone through all the same."""

_NO_BROKER = "127.0.0.1:1"
_ONE_FILE = "min_bytes_for_wide_part = 1000000000000"
"""All columns of a part in one file: thousands of columns would need more open files than may be."""

_KEEP_ALL = {"optimize_on_insert": "0"}
"""Rows of one identity must not replace each other: each is compared."""


@dataclass(frozen=True, slots=True)
class SandboxWriter:
    """Who writes records: a schema under its id."""

    schema: Schema
    id: SchemaId


@dataclass(frozen=True, slots=True)
class Frame:
    """A message.

    Attributes:
        offset: its offset; those of a batch follow each other without a gap.
        datum: its bytes after the frame's header.
    """

    offset: int
    datum: bytes


class ViewFailed(ContractlineError):
    """When a record could be decoded, and a view or a table refused its row.

    Attributes:
        problem: ClickHouse's words.
    """

    def __init__(self, stream: str, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{stream}: {problem}")


class TablesRefused(ContractlineError):
    """When ClickHouse refuses a table or a view of the stream.

    Attributes:
        problem: its words.
    """

    def __init__(self, name: str, problem: str) -> None:
        self.problem = f"{name}: {problem}"
        super().__init__(self.problem)


@dataclass(frozen=True, slots=True)
class SandboxRefused:
    """A record that can't be decoded.

    Attributes:
        frame: its message.
        reason: ClickHouse's words.
        is_of_all: whether no record of its schema can be.
    """

    frame: Frame
    reason: str
    is_of_all: bool


class Sandbox:
    """The tables of one stream.

    Attributes:
        columns: its columns.
        tables: the names of its tables as the contract gives them, each with the one here.
    """

    def __init__(self, server: ProofServer, contract: Contract, prefix: str) -> None:
        self._server = server
        self._warehouse = server.warehouse
        self._contract, self._prefix = contract, prefix
        self._ingestion = f"{prefix}_{INGESTION}"
        self.columns: tuple[Column, ...] = stream_columns(contract)
        self._selected: dict[str, str] = {}
        self._databases: list[str] = []
        sink = _sink(contract)
        self.tables = {t: f"{prefix}_{t}" for t in (sink.current, sink.history) if t}
        self._stream = LoadedStream(
            contract.name,
            contract.topic.name,
            tuple((column.path, column.name, column.queue_type) for column in self.columns),
            self._ingestion,
        )
        self._decoder = self._decoder_of(self._stream)

    def _decoder_of(self, stream: LoadedStream) -> FrameDecoder:
        ends = Endpoints(clickhouse_schema_registry_url=self._server.registry)
        form = "AvroConfluent" if self._server.fetches else "Avro"
        return FrameDecoder(self._warehouse, ends, stream, _KEEP_ALL, form)

    # Making

    def make(self) -> None:
        """Make the databases and everything in them.

        The feed becomes a plain view: nothing may begin to read from Kafka.
        """
        values = {KAFKA_BROKERS: _NO_BROKER, SCHEMA_REGISTRY_URL: self._server.registry}
        sql = filled(render(self._renamed(), self._ingestion), values)
        made = statements(sql)
        databases = [one for one in made if one.kind == "DATABASE"]
        for one in databases:
            self._databases.append(one.name)
            self._warehouse.run(one.sql)
        self._warehouse.run(self._server.errors.beside(f"{self._ingestion}.errors"))
        for one in made[len(databases) :]:
            if one.name.endswith("_arrivals"):
                continue  # it counts records; what they hold is the same without it
            is_feed = one.name.endswith("_feed")
            try:
                self._warehouse.run(one.beside(one.name) if is_feed else one.sql)
            except QueryRefused as refusal:
                name = one.name.removeprefix(f"{self._prefix}_")
                raise TablesRefused(name, refusal.problem) from refusal
        for table in self.tables.values():
            self._warehouse.run(f"SYSTEM STOP MERGES {table}")
            self._warehouse.run(f"ALTER TABLE {table} MODIFY SETTING {_ONE_FILE}")

    def drop(self) -> None:
        """Remove the databases."""
        for name in self._databases:
            self._drop(f"DROP DATABASE IF EXISTS {identifier(name)}")

    def _drop(self, sql: str) -> None:
        """Remove a database; a statement that was interrupted may still be adding a table to it."""
        for _ in range(DROP_TRIES):
            try:
                self._warehouse.run(sql)
            except QueryRefused:
                time.sleep(DROP_PAUSE)
            else:
                return
        self._warehouse.run(sql)

    def _renamed(self) -> Contract:
        """Return the contract with its tables in the databases of the sandbox."""
        sink = _sink(self._contract)
        history = self.tables[sink.history] if sink.history else None
        return self._contract.with_tables(self.tables[sink.current], history)

    # Using

    def feed(self, writer: SandboxWriter, frames: Sequence[Frame]) -> list[SandboxRefused]:
        """Put records of one schema through the stream, and return those that can't be decoded.

        Raises:
            ViewFailed: one could be decoded, and its row was refused.
        """
        problem = self._inserted(writer, frames)
        if problem is None:
            return []
        if self.problem(writer, frames) is None:
            raise ViewFailed(self._contract.name, problem)
        of_all = self.problem(writer, [Frame(0, b"")])
        if of_all is not None and not _ENDED.search(of_all):
            return [SandboxRefused(frame, of_all, is_of_all=True) for frame in frames]
        return list(self._sifted(writer, frames))

    def _sifted(self, writer: SandboxWriter, frames: Sequence[Frame]) -> Iterator[SandboxRefused]:
        parts = sift(frames, lambda part: self.problem(writer, part), lambda problem: False)
        for part, problem in parts:
            if problem is not None:
                yield SandboxRefused(part[0], problem, is_of_all=False)
            elif failure := self._inserted(writer, part):
                raise ViewFailed(self._contract.name, failure)

    def _inserted(self, writer: SandboxWriter, frames: Sequence[Frame]) -> str | None:
        try:
            self._decoder.insert(self._messages(writer, frames))
        except QueryRefused as refusal:
            return self._in_words(refusal.problem)
        return None

    def problem(self, writer: SandboxWriter, frames: Sequence[Frame]) -> str | None:
        """Return what keeps records of one schema from being decoded; None when nothing does."""
        problem = self._decoder.problem(self._messages(writer, frames))
        return None if problem is None else self._in_words(problem)

    def blamed(self, writer: SandboxWriter, frame: Frame, known: Sequence[Path] = ()) -> Path:
        """Return the field whose column alone can't read a record; empty where there is none.

        Args:
            writer: who wrote the record.
            frame: a record that can't be decoded.
            known: fields that were to blame for others, which are tried first.
        """
        for field in known:
            if not self._reads(writer, frame, [one for one in self.columns if one.field == field]):
                return field
        if not self._reads(writer, frame, ()):
            return ()
        columns = narrowed(self.columns, lambda part: not self._reads(writer, frame, part))
        return columns[0].field if len(columns) == 1 else ()

    def _reads(self, writer: SandboxWriter, frame: Frame, columns: Sequence[Column]) -> bool:
        part = tuple((column.path, column.name, column.queue_type) for column in columns)
        part = part or (_NO_COLUMN,)
        decoder = self._decoder_of(replace(self._stream, columns=part))
        return decoder.problem(self._messages(writer, [frame])) is None

    def _messages(self, writer: SandboxWriter, frames: Sequence[Frame]) -> MessageBatch:
        """Return messages for the decoder; their bytes are sent along."""
        data = [frame.datum for frame in frames]
        head = header(writer.id)
        sent = (
            b"".join(head + datum for datum in data)
            if self._server.fetches
            else container_file(writer.schema, data)
        )
        place = f"(toUInt64(0), toUInt64({frames[0].offset} + i), toDateTime64(0, 3, 'UTC'), '')"
        return MessageBatch(
            len(frames),
            "SELECT frames FROM sent",
            f"SELECT arrayMap(i -> {place}, range({len(frames)}))",
            ExternalTable("sent", "frames String", varint(len(sent)) + sent),
            sent,
        )

    def _in_words(self, problem: str) -> str:
        """Return what the engine says without where in the engine it happened."""
        return _PLACE.split(problem)[0].replace(f"{self._prefix}_", "").strip()

    def _listed(self, table: str) -> str:
        """Return what to select: what only a queue has is used up by the views."""
        if table not in self._selected:
            database, _, name = self.tables[table].partition(".")
            there = self._warehouse.rows(
                "SELECT name, type FROM system.columns WHERE database = {database:String}"
                " AND table = {name:String}",
                {"database": database, "name": name},
            )
            types = {str(name): str(type_) for name, type_ in there}
            names = (OFFSET, *(column.name for column in self.columns))
            wanted = [selected(one, types[one]) for one in names if one in types]
            self._selected[table] = ", ".join(wanted)
        return self._selected[table]

    def rows(self, table: str, first: int) -> Rows:
        """Return what a table holds of the records' fields, beginning with an offset.

        The offset comes first in each row.
        """
        sql = (
            f"SELECT {self._listed(table)} FROM {self.tables[table]}"  # noqa: S608
            f" WHERE {OFFSET} >= {first} ORDER BY {OFFSET}"
        )
        return read_rows(self._warehouse.raw(sql, FORMAT))


@contextmanager
def sandbox(server: ProofServer, contract: Contract) -> Iterator[Sandbox]:
    """Make the tables of a contract, and remove them after use.

    Args:
        server: where.
        contract: the contract, with a sink.

    Raises:
        SchemaUnmappable: ClickHouse can't hold what the contract describes.
        TablesRefused: ClickHouse refuses them.
        ServiceUnavailable: ClickHouse did not answer.
    """
    made = Sandbox(server, contract, f"{PREFIX}_{int(time.time())}_{secrets.token_hex(4)}")
    try:
        made.make()
        yield made
    finally:
        made.drop()


def _sink(contract: Contract) -> ClickHouseSink:
    if contract.sink is None:
        raise ValueError(f"{contract.name} has no sink")
    return contract.sink
