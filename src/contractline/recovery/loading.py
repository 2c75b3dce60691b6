"""Loading a topic's messages into their stream: many rows an INSERT, each with its own place.

What the Kafka engine does with a message happens to it here as well: its rows go to the stream's
tables, or its bytes and the engine's reason to the errors. No message keeps another one out.
"""

from __future__ import annotations

import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.clickhouse.ddl import is_transient
from contractline.clients.clickhouse import (
    ClickHouseAway,
    ExternalTable,
    QueryRefused,
    Warehouse,
)
from contractline.clients.errors import RegistryAway, SchemaUnknown
from contractline.clients.registry import Registry
from contractline.clients.retry import Say, persist
from contractline.clients.wire import HEADER_BYTES, split
from contractline.errors import ContractlineError, ServiceUnavailable
from contractline.kafka.log import Record
from contractline.recovery.container import Container, varint
from contractline.recovery.frames import FrameDecoder, LoadedStream, MessageBatch, sift

Result = TypeVar("Result")
Refused = tuple[Record, str]

FEW = 4
"""So many messages are decoded one by one sooner than halved again."""

MAX_REMEMBERED = 10_000
_PLACE = "Tuple(UInt64, UInt64, Nullable(DateTime64(3, 'UTC')), String)"
_SENT = f"frames String, places Array({_PLACE})"
_AT, _NO_AT = struct.Struct("<QQbq"), struct.Struct("<QQb")


class LoadingStopped(ContractlineError):
    """When the loading was told to stop while it waited for something that is away."""

    def __init__(self) -> None:
        super().__init__("stopped while waiting")


class SchemaAway(ServiceUnavailable):
    """When ClickHouse could not fetch a schema, so that trying again can help."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__("ClickHouse", where, problem)


class Loader:
    """Loads messages of one stream. Whatever is away, it says so and waits.

    Args:
        warehouse: ClickHouse.
        registry: the schema registry.
        decoder: the stream's; decodes what is odd, alone.
        stream: the stream.
        say: takes a sentence about what is waited for.
        stop: ends the waiting.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        registry: Registry,
        decoder: FrameDecoder,
        stream: LoadedStream,
        say: Say,
        stop: threading.Event,
    ) -> None:
        self._warehouse = warehouse
        self._registry = registry
        self._decoder = decoder
        self._stream = stream
        self._say = say
        self._stop = stop
        self._containers: dict[bytes, Container | None] = {}
        self._reasons: dict[bytes, str] = {}

    def load(self, records: Sequence[Record]) -> list[Refused]:
        """Load messages that have a value; return those that can't be decoded, with the reasons.

        Raises:
            Stopped: told to stop while waiting; the messages may be in, or some of them.
            ServiceUnavailable: a service refused for another reason than the messages.
        """
        groups: dict[bytes, list[Record]] = defaultdict(list)
        for record in records:
            groups[record.value[:HEADER_BYTES]].append(record)
        refused: list[Refused] = []
        for head, group in groups.items():
            container = self._container(head)
            if container is None:
                refused += self._alone(group)
            else:
                refused += self._together(container, head, group)
        if refused:
            self._patiently(lambda: self._keep(refused))
        return refused

    def _container(self, head: bytes) -> Container | None:
        """Return what takes the messages of a head; None where it leads to no schema."""
        if head not in self._containers:
            if len(self._containers) >= MAX_REMEMBERED:
                self._containers.clear()
            schema = self._schema(head)
            self._containers[head] = Container(self._stream, schema) if schema else None
        return self._containers[head]

    def _schema(self, head: bytes) -> Schema | None:
        if len(head) < HEADER_BYTES or head[0]:
            return None
        schema_id, _ = split(head)

        def ask() -> tuple[Schema | None]:
            try:
                schema = self._registry.schema(schema_id)
            except (SchemaUnknown, SchemaInvalid):
                return (None,)
            return (schema if schema.fields else None,)

        return self._patiently(ask)[0]

    def _together(
        self, container: Container, head: bytes, records: Sequence[Record]
    ) -> Iterator[Refused]:
        def problem_of(part: Sequence[Record]) -> str | None:
            return self._problem_of_insert(container, part)

        if problem_of(records) is None:
            return
        # No message of the schema, or only some: an empty datum tells.
        reason = self._reason_of_schema(head)
        if reason is not None:
            yield from ((record, reason) for record in records)
            return
        for part, problem in sift(records, problem_of, lambda _: False, smallest=FEW):
            if problem is not None:
                yield from self._alone(part)

    def _alone(self, records: Sequence[Record]) -> Iterator[Refused]:
        """Load messages one by one, decoded exactly as the Kafka engine does it."""
        for record in records:
            reason = self._reason(record)
            if reason is None:
                self._insert_alone(record)
            else:
                yield record, reason

    def _reason(self, record: Record) -> str | None:
        """Return why a message can't be decoded; ClickHouse is asked once for those that are alike."""
        value = record.value
        alike = value[: 1 if value[0] else HEADER_BYTES]
        if alike in self._reasons:
            return self._reasons[alike]
        reason = self._problem(record)
        is_of_head = value[0] or len(value) < HEADER_BYTES
        if reason and (is_of_head or "while fetching schema" in reason):
            if len(self._reasons) >= MAX_REMEMBERED:
                self._reasons.clear()
            self._reasons[alike] = reason
        return reason

    def _reason_of_schema(self, head: bytes) -> str | None:
        """Return why no message of a schema can be decoded; None where it is not the schema."""
        reason = self._problem(Record(0, 0, None, b"", head))
        return None if reason is None or "EOF" in reason else reason

    # What ClickHouse is asked

    def _problem_of_insert(self, container: Container, records: Sequence[Record]) -> str | None:
        file = container.file(records)

        def insert() -> tuple[str | None]:
            try:
                self._warehouse.run(container.sql, data=file)
            except QueryRefused as refusal:
                return (refusal.problem,)
            return (None,)

        return self._patiently(insert)[0]

    def _problem(self, record: Record) -> str | None:
        def ask() -> tuple[str | None]:
            problem = self._decoder.problem(_sent(record))
            if problem is not None and is_transient(problem):
                raise SchemaAway(self._warehouse.where, problem)
            return (problem,)

        return self._patiently(ask)[0]

    def _insert_alone(self, record: Record) -> None:
        def insert() -> bool:
            self._decoder.insert(_sent(record))
            return True

        self._patiently(insert)

    def _keep(self, refused: Sequence[Refused]) -> bool:
        """Put messages into the stream as the Kafka engine does with what it can't decode."""
        topic = _text(self._stream.topic.encode())
        rows: list[bytes] = []
        for record, reason in refused:
            rows += (topic, _place(record), _text(reason.encode()), _text(record.value))
        self._warehouse.run(
            f"INSERT INTO {self._stream.table} (_topic, _partition, _offset, _timestamp_ms, _key,"
            " _error, _raw_message) FORMAT RowBinary",
            data=b"".join(rows),
        )
        return True

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        away = (ClickHouseAway, RegistryAway, SchemaAway)
        result = persist(attempt, away, self._say, self._stop)
        if result is None:
            raise LoadingStopped
        return result


def _sent(record: Record) -> MessageBatch:
    """Return a message as a table that is sent along with the query."""
    data = b"".join((_text(record.value), varint(1), _place(record)))
    table = ExternalTable("sent", _SENT, data)
    return MessageBatch(1, "SELECT frames FROM sent", "SELECT places FROM sent", table)


def _place(record: Record) -> bytes:
    at = record.at_ms
    place = record.partition, record.offset
    numbers = _NO_AT.pack(*place, 1) if at is None else _AT.pack(*place, 0, at)
    return numbers + _text(record.key)


def _text(value: bytes) -> bytes:
    return varint(len(value)) + value
