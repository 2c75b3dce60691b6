"""Replay: messages that could not be decoded are put into their streams a second time.

ClickHouse decodes the kept bytes itself and nothing leaves it: the rows go through the stream's own
Null table and views with their first topic, partition and offset, so that an old change stays old.
A message is marked as resolved after its row is in. A replay that is cut short is safe to repeat:
the tables hold one row of each identity and version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contractline.clickhouse.ddl import ERRORS, is_transient
from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from contractline.kafka.place import MessagePlace
from contractline.recovery.frames import FrameDecoder, LoadedStream, MessageBatch, sift, topics
from contractline.settings import Endpoints

CLASSES = ("transient", "poison")
BATCH_MESSAGES = 2_000
BATCH_BYTES = 8 * 2**20
PASS_MESSAGES = 100_000
_SCHEMA_BYTES = 5


@dataclass(frozen=True, slots=True)
class OpenErrors:
    """The open errors of one topic and class.

    Attributes:
        topic: the topic.
        stream: its stream; None where ClickHouse has none (any more).
        kind: transient or poison.
        messages: how many.
        oldest: when the first of them was produced.
        reason: the words of one of them.
    """

    topic: str
    stream: str | None
    kind: str
    messages: int
    oldest: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of replaying a stream's errors.

    Attributes:
        stream: the stream.
        replayed: messages whose rows are in the tables now.
        poison: messages that can't be read as they are.
        waiting: messages whose schema can't be fetched yet.
        reason: why the last of those that are still open could not be read.
    """

    stream: str
    replayed: int = 0
    poison: int = 0
    waiting: int = 0
    reason: str = ""

    @property
    def left(self) -> int:
        """How many messages are still open."""
        return self.poison + self.waiting


@dataclass(frozen=True, slots=True)
class _Message:
    """The place of one message, which identifies it, and what a batch is cut by."""

    partition: int
    offset: int
    at_ms: int
    schema: bytes
    size: int


def open_errors(warehouse: Warehouse) -> list[OpenErrors]:
    """Return what is open, by topic and class.

    Raises:
        ServiceUnavailable: ClickHouse did not answer.
    """
    streams = {topic: name for name, topic in topics(warehouse).items()}
    rows = warehouse.rows(
        f"SELECT topic, class, count(), min(at), any(reason) FROM {ERRORS} FINAL"  # noqa: S608
        " WHERE isNull(resolved_at) GROUP BY topic, class ORDER BY topic, class"
    )
    return [OpenErrors(t, streams.get(t), k, n, at, why) for t, k, n, at, why in rows]


def replay_stream(
    warehouse: Warehouse,
    endpoints: Endpoints,
    stream: str,
    kinds: Sequence[str] = ("transient",),
    *,
    places: Sequence[MessagePlace] = (),
) -> Replayed:
    """Put the open errors of a stream into it again.

    Args:
        warehouse: ClickHouse.
        endpoints: tells how ClickHouse reaches the registry.
        stream: the stream.
        kinds: the classes to replay.
        places: only the messages at these places.

    Raises:
        StreamUnknown: ClickHouse has no such stream.
        ServiceUnavailable: ClickHouse did not answer.
    """
    found = LoadedStream.find(warehouse, stream)
    decoder = FrameDecoder(warehouse, endpoints, found)
    return _Replay(warehouse, decoder, found, places).run(kinds)


class _Replay:
    """One stream's replay."""

    def __init__(
        self,
        warehouse: Warehouse,
        decoder: FrameDecoder,
        stream: LoadedStream,
        places: Sequence[MessagePlace],
    ) -> None:
        self._warehouse = warehouse
        self._decoder = decoder
        self._stream = stream
        numbers = ", ".join(f"({place.partition}, {place.offset})" for place in places)
        self._chosen = f" AND (partition, offset) IN ({numbers})" if places else ""
        self._counts: Counter[str] = Counter()
        self._reason = ""

    def run(self, kinds: Sequence[str]) -> Replayed:
        """Replay everything that is open now."""
        after: tuple[bytes, int, int, int] | None = None
        while messages := self._open(kinds, after):
            for batch in _batches(messages):
                self._try(batch)
            last = messages[-1]
            after = (last.schema, last.partition, last.offset, last.at_ms)
        return Replayed(self._stream.name, **self._counts, reason=self._reason)

    def _open(
        self, kinds: Sequence[str], after: tuple[bytes, int, int, int] | None
    ) -> list[_Message]:
        """Return the next open messages; those of one schema lie together."""
        beyond = ""
        if after is not None:
            schema, *place = after
            numbers = ", ".join(str(one) for one in place)
            beyond = (
                f" AND (substring(raw, 1, {_SCHEMA_BYTES}), partition, offset,"
                f" toUnixTimestamp64Milli(at)) > (unhex('{schema.hex()}'), {numbers})"
            )
        rows = self._warehouse.rows(
            "SELECT partition, offset, toUnixTimestamp64Milli(at) AS at_ms,"  # noqa: S608
            f" hex(substring(raw, 1, {_SCHEMA_BYTES})) AS schema, length(raw)"
            f" FROM {ERRORS} FINAL WHERE topic = {literal(self._stream.topic)}"
            f" AND isNull(resolved_at) AND class IN ({', '.join(map(literal, kinds))})"
            f"{self._chosen}{beyond}"
            f" ORDER BY schema, partition, offset, at_ms LIMIT {PASS_MESSAGES}"
        )
        return [_Message(p, o, at, bytes.fromhex(schema), size) for p, o, at, schema, size in rows]

    def _try(self, batch: Sequence[_Message]) -> None:
        """Replay a batch; where a message keeps it from that, all but that one.

        A batch is of one schema id: what can't be fetched for one of it can't be for any.
        """
        parts = sift(batch, self._problem, lambda problem: "while fetching schema" in problem)
        for part, problem in parts:
            if problem is None:
                self._decoder.insert(self._messages(part))
                self._mark(part, "now64(3) AS resolved_at")
                self._counts["replayed"] += len(part)
                continue
            self._reason = problem.strip()
            if is_transient(problem):
                self._counts["waiting"] += len(part)
            else:
                self._mark(part, f"'poison' AS class, {literal(problem)} AS reason", unless=problem)
                self._counts["poison"] += len(part)

    def _problem(self, batch: Sequence[_Message]) -> str | None:
        return self._decoder.problem(self._messages(batch))

    def _messages(self, batch: Sequence[_Message]) -> MessageBatch:
        kept = self._kept(batch)
        return MessageBatch(
            len(batch),
            f"SELECT arrayStringConcat(groupArray(raw)) FROM {kept}",  # noqa: S608
            f"SELECT groupArray((partition, offset, at, key)) FROM {kept}",  # noqa: S608
        )

    def _kept(self, batch: Sequence[_Message]) -> str:
        """Return the rows of a batch in its order; the same ones whatever arrives meanwhile."""
        return (
            f"(SELECT * FROM {ERRORS} FINAL WHERE {self._where(batch)}"  # noqa: S608
            " ORDER BY partition, offset, at)"
        )

    def _where(self, batch: Sequence[_Message]) -> str:
        places = ", ".join(f"({m.partition}, {m.offset}, {m.at_ms})" for m in batch)
        return (
            f"topic = {literal(self._stream.topic)}"
            f" AND offset BETWEEN {min(m.offset for m in batch)} AND {max(m.offset for m in batch)}"
            f" AND (partition, offset, toUnixTimestamp64Milli(at)) IN ({places})"
        )

    def _mark(self, batch: Sequence[_Message], what: str, *, unless: str | None = None) -> None:
        """Write a decision about messages: their rows again, with a higher revision."""
        known = f" AND NOT (class = 'poison' AND reason = {literal(unless)})" if unless else ""
        # The inner query: an alias of REPLACE would stand for the column in a WHERE beside it.
        self._warehouse.run(
            f"INSERT INTO {ERRORS} SELECT * REPLACE ({what},"  # noqa: S608
            " toUInt64(toUnixTimestamp64Micro(now64(6))) AS revision)"
            f" FROM (SELECT * FROM {ERRORS} FINAL"
            f" WHERE isNull(resolved_at) AND {self._where(batch)}{known})"
        )


def _batches(messages: Sequence[_Message]) -> Iterator[list[_Message]]:
    """Cut messages into batches of one schema id and of bearable size."""
    batch: list[_Message] = []
    size = 0
    for message in messages:
        is_full = len(batch) >= BATCH_MESSAGES or size + message.size > BATCH_BYTES
        if batch and (is_full or message.schema != batch[0].schema):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message.size
    if batch:
        yield batch
