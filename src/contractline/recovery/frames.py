"""Frames that ClickHouse decodes at our request, into the Null table of their stream.

The Kafka engine decodes what arrives. What was kept (replay) and what a topic still holds (rebuild)
is decoded here, by the same format with the same settings, and goes through the same views. Each
row keeps the place of its message: topic, partition, offset, time and key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contractline.clickhouse.ddl import DECODING, ENVELOPE, INGESTION, QUEUE_SUFFIX
from contractline.clickhouse.sql import identifier, literal
from contractline.clients.addresses import registry_url
from contractline.clients.clickhouse import ExternalTable, QueryRefused, Warehouse
from contractline.errors import ContractlineError
from contractline.settings import Endpoints

Message = TypeVar("Message")

_STAGE = re.compile(r": While executing \w+$")
"""What ClickHouse adds to the words of a format, unless the Kafka engine reads by it."""

_TOPIC = re.compile(r"kafka_topic_list = '((?:[^'\\]|\\.)*)'")


class StreamUnknown(ContractlineError):
    """When ClickHouse has no stream of that name."""

    def __init__(self, stream: str, known: Sequence[str]) -> None:
        self.stream = stream
        super().__init__(
            f"ClickHouse has no stream {stream}; it has: {', '.join(known) or 'none'}",
            hint="`contractline apply tables` makes the streams of the contracts",
        )


@dataclass(frozen=True, slots=True)
class LoadedStream:
    """A stream as ClickHouse has it.

    Attributes:
        name: the stream.
        topic: what its queue reads.
        columns: name in the queue, name in the Null table, type.
        database: where the Null table is.
    """

    name: str
    topic: str
    columns: tuple[tuple[str, str, str], ...]
    database: str = INGESTION

    @classmethod
    def find(cls, warehouse: Warehouse, name: str) -> LoadedStream:
        """Read a stream's topic and columns; the Null table begins with those of the queue.

        Raises:
            StreamUnknown: ClickHouse has no such stream.
            ServiceUnavailable: ClickHouse did not answer.
        """
        known = topics(warehouse)
        if name not in known:
            raise StreamUnknown(name, sorted(known))
        rows = warehouse.rows(
            "SELECT table, name, type FROM system.columns WHERE database = {database:String}"
            " AND table IN ({queue:String}, {stream:String}) ORDER BY table, position",
            {"database": INGESTION, "queue": f"{name}{QUEUE_SUFFIX}", "stream": name},
        )
        queue = [(column, type_) for table, column, type_ in rows if table != name]
        names = [column for table, column, _ in rows if table == name]
        pairs = zip(queue, names, strict=False)
        return cls(name, known[name], tuple((path, n, type_) for (path, type_), n in pairs))

    @property
    def table(self) -> str:
        """The Null table."""
        return f"{self.database}.{identifier(self.name)}"


def topics(warehouse: Warehouse) -> dict[str, str]:
    """Return the topic that each stream reads."""
    rows = warehouse.rows(
        "SELECT name, engine_full FROM system.tables WHERE database = {database:String}"
        " AND engine = 'Kafka' ORDER BY name",
        {"database": INGESTION},
    )
    found = {str(name): _TOPIC.search(full) for name, full in rows}
    return {n.removesuffix(QUEUE_SUFFIX): topic.group(1) for n, topic in found.items() if topic}


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """Messages that ClickHouse can get at, as the SQL that gives them.

    Attributes:
        count: how many.
        frames: a query whose one value is their bytes, one after another.
        places: a query whose one value is an array of (partition, offset, time, key) in that order.
        table: what must be sent along for these queries.
        data: their bytes, where they are at hand: an INSERT then reads them as they come. In a query
            they are a constant of it, which takes minutes for thousands of columns.
    """

    count: int
    frames: str
    places: str
    table: ExternalTable | None = None
    data: bytes | None = None


class FrameDecoder:
    """Decodes messages of one stream.

    Args:
        warehouse: ClickHouse.
        endpoints: tells how ClickHouse reaches the registry.
        stream: the stream.
        settings: more settings of the queries, as SQL.
        form: the format of the bytes; ``Avro`` for container files, which hold their schema.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        endpoints: Endpoints,
        stream: LoadedStream,
        settings: Mapping[str, str] | None = None,
        form: str = "AvroConfluent",
    ) -> None:
        self._warehouse = warehouse
        self._stream = stream
        self._form = form
        used = {
            "format_avro_schema_registry_url": literal(registry_url(endpoints)),
            **DECODING,
            # Rows must come in the order of their bytes: their places are counted off.
            "max_threads": "1",
            "max_insert_threads": "1",
            **(settings or {}),
        }
        self._settings = ", ".join(f"{key} = {value}" for key, value in used.items())

    def problem(self, messages: MessageBatch) -> str | None:
        """Return what keeps messages from being decoded; None when nothing does.

        Of a single message it is word for word what the Kafka engine says of it.

        Raises:
            ServiceUnavailable: ClickHouse did not answer.
        """
        sql = f"SELECT count() FROM {self._decoded(messages)} SETTINGS {self._settings}"  # noqa: S608
        try:
            count = self._warehouse.rows(sql, table=messages.table)[0][0]
        except QueryRefused as refusal:
            return _STAGE.sub("", refusal.words)
        # Bytes of one message can run on into the next. Alone a message may hold several records,
        # as the Kafka engine reads it too.
        aligned = count == messages.count or messages.count == 1
        return None if aligned else f"{messages.count} messages gave {count} rows"

    def insert(self, messages: MessageBatch) -> None:
        """Put messages into the stream.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused; then none of them is in.
        """
        names = [identifier(name) for _, name, _ in self._stream.columns]
        paths = [identifier(path) for path, _, _ in self._stream.columns]
        place = "places[least(rowNumberInAllBlocks() + 1, length(places))]"
        envelope = {
            "_topic": literal(self._stream.topic),
            "_partition": f"{place}.1",
            "_offset": f"{place}.2",
            "_timestamp_ms": f"{place}.3",
            "_key": f"{place}.4",
            "_error": "''",
            "_raw_message": "''",
        }
        is_sent = messages.data is not None
        self._warehouse.run(
            f"INSERT INTO {self._stream.table} ({', '.join([*names, *ENVELOPE])})"  # noqa: S608
            f" WITH ({messages.places}) AS places"
            f" SELECT {', '.join([*paths, *(envelope[one] for one in ENVELOPE)])}"
            f" FROM {f'input({self._structure})' if is_sent else self._decoded(messages)}"
            f" SETTINGS {self._settings}{f' FORMAT {self._form}' if is_sent else ''}",
            data=messages.data,
            table=None if is_sent else messages.table,
        )

    def _decoded(self, messages: MessageBatch) -> str:
        return f"format({self._form}, {self._structure}, ({messages.frames}))"

    @property
    def _structure(self) -> str:
        return literal(", ".join(f"{identifier(p)} {t}" for p, _, t in self._stream.columns))


def sift(
    batch: Sequence[Message],
    problem_of: Callable[[Sequence[Message]], str | None],
    is_of_all: Callable[[str], bool],
    *,
    smallest: int = 1,
) -> Iterator[tuple[Sequence[Message], str | None]]:
    """Part those of a batch that can be decoded from those that can't, by halving it.

    Args:
        batch: the messages.
        problem_of: tells what keeps some of them from being decoded.
        is_of_all: whether a problem holds for each of a batch, so that it need not be halved.
        smallest: so few are not halved any more.

    Yields:
        A part of the batch, in its order, and the problem of it; None where there is none.
    """
    problem = problem_of(batch)
    if problem is None or len(batch) <= smallest or is_of_all(problem):
        yield batch, problem
        return
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        yield from sift(half, problem_of, is_of_all, smallest=smallest)
