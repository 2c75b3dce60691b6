"""Reading a topic to where it ended when reading began, in batches, and what comes after that."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from contractline.clients.errors import AWAY, KafkaUnavailable, TopicMissing
from contractline.clients.retry import Patience, Say

TIMEOUT_SECONDS = 10.0
STEP_SECONDS = 0.2
QUIET_SECONDS = 10.0
TAKEN_AT_ONCE = 1_000
QUEUE_KILOBYTES = 16_384


class Record(NamedTuple):
    """A message and its place.

    Attributes:
        partition: its partition.
        offset: its offset there.
        at_ms: its time in milliseconds since 1970; None where it has none.
        key: the bytes of its key; none where it has no key.
        value: the bytes of its value; none for a tombstone.
    """

    partition: int
    offset: int
    at_ms: int | None
    key: bytes
    value: bytes


class Log:
    """A topic's messages up to its end of now, and what comes after it; a context manager.

    Nothing is joined and no offset is kept, so that no other reader notices. What belongs to a
    transaction that is not committed is passed over.

    Attributes:
        total: the offsets between beginning and end; gaps count.
        ends: the end of each partition: the offset after its last message.
    """

    def __init__(self, servers: str, topic: str, say: Say, *, last: int | None = None) -> None:
        """Find the beginning and end of each partition.

        Args:
            servers: the brokers' addresses.
            topic: its name.
            say: told when nothing comes for long.
            last: how many offsets before the end of each partition reading begins; at the
                beginning unless said.

        Raises:
            TopicMissing: the broker has no such topic.
            KafkaUnavailable: the broker did not answer, or refused.
        """
        self._servers = servers
        self._topic = topic
        self._patience = Patience(say)
        self._say_at = time.monotonic() + QUIET_SECONDS
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": f"contractline-log-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "queued.max.messages.kbytes": QUEUE_KILOBYTES,
                "log_level": 0,
            }
        )
        try:
            bounds = {part: self._bounds(part) for part in self._partitions()}
        except KafkaException as problem:
            self._consumer.close()
            raise KafkaUnavailable.of(servers, problem) from problem
        except TopicMissing:
            self._consumer.close()
            raise
        if last is not None:
            bounds = {part: (max(low, high - last), high) for part, (low, high) in bounds.items()}
        self._next = {part: low for part, (low, high) in bounds.items() if low < high}
        self.ends = {part: high for part, (_, high) in bounds.items()}
        self.total = sum(high - low for low, high in bounds.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    @property
    def left(self) -> int:
        """The offsets that are still to be read."""
        return sum(self.ends[part] - at for part, at in self._next.items())

    def beginnings(self) -> dict[int, int]:
        """Return the first offset that each partition holds by now.

        Raises:
            KafkaUnavailable: the broker did not answer.
        """
        try:
            return {part: self._bounds(part)[0] for part in self.ends}
        except KafkaException as problem:
            raise KafkaUnavailable.of(self._servers, problem) from problem

    def batches(
        self, most: int, most_bytes: int, stop: threading.Event
    ) -> Iterator[Sequence[Record]]:
        """Read on to the end, or until told to stop; each partition's messages in their order.

        Args:
            most: the messages of a batch.
            most_bytes: a batch is given out once its keys and values have so many bytes.
            stop: ends the reading.

        Raises:
            KafkaUnavailable: the broker refused for good.
        """
        batch: list[Record] = []
        size, largest = 0, most_bytes // 100
        try:
            self._consumer.assign([TopicPartition(self._topic, *at) for at in self._next.items()])
            while self._next and not stop.is_set():
                # Not more than there is room for, as far as the last ones tell.
                room = (most_bytes - size) // largest
                taken = self._take(max(1, min(room, most - len(batch), TAKEN_AT_ONCE)))
                sizes = [len(record.key) + len(record.value) for record in taken]
                largest = max(sizes, default=largest) or 1
                size += sum(sizes)
                batch += taken
                if batch and (len(batch) >= most or size >= most_bytes or not self._next):
                    yield batch
                    batch, size = [], 0
        except KafkaException as problem:
            raise KafkaUnavailable.of(self._servers, problem) from problem

    def after(self, stop: threading.Event) -> Iterator[Sequence[Record]]:
        """Read what comes after the end, as it comes, until told to stop.

        Raises:
            KafkaUnavailable: the broker refused for good.
        """
        try:
            ends = [TopicPartition(self._topic, *at) for at in self.ends.items()]
            self._consumer.assign(ends)
            # Those that were read to their ends are paused, and a new assignment leaves them so.
            self._consumer.resume(ends)
            while not stop.is_set():
                messages = self._consumer.consume(TAKEN_AT_ONCE, STEP_SECONDS)
                for message in messages:
                    error = message.error()
                    if error is not None and error.code() not in {
                        *AWAY,
                        KafkaError._PARTITION_EOF,
                    }:
                        raise KafkaException(error)
                if read := [record_of(message) for message in messages if message.error() is None]:
                    yield read
        except KafkaException as problem:
            raise KafkaUnavailable.of(self._servers, problem) from problem

    def _take(self, most: int) -> list[Record]:
        """Return the next messages of any partition; none when nothing has come yet."""
        messages = self._consumer.consume(most, STEP_SECONDS)
        self._notice(is_quiet=not messages)
        return [record for message in messages if (record := self._record(message)) is not None]

    def _record(self, message: Message) -> Record | None:
        """Return what a message is; None where it only says how far the reading is."""
        partition, error = message.partition() or 0, message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._next.pop(partition, None)
            elif error.code() not in AWAY:
                raise KafkaException(error)
            return None
        record, end = record_of(message), self.ends[partition]
        if record.offset + 1 < end:
            self._next[partition] = record.offset + 1
        elif self._next.pop(partition, None) is not None:
            # What is produced meanwhile must not keep the others waiting.
            self._consumer.pause([TopicPartition(self._topic, partition)])
        return record if record.offset < end else None

    def _notice(self, *, is_quiet: bool) -> None:
        """Say when nothing comes for long, and when it does again; the client itself tries on."""
        now = time.monotonic()
        if not is_quiet:
            self._patience.over(f"Kafka at {self._servers} answers again")
            self._say_at = now + QUIET_SECONDS
        elif now > self._say_at:
            words = f"Kafka at {self._servers}: nothing comes from {self._topic}"
            self._say_at = now + max(self._patience.next_pause(words), QUIET_SECONDS)

    def _partitions(self) -> list[int]:
        found = self._consumer.list_topics(self._topic, timeout=TIMEOUT_SECONDS)
        topic = found.topics[self._topic]
        if topic.error is not None or not topic.partitions:
            raise TopicMissing(self._topic, self._servers)
        return sorted(topic.partitions)

    def _bounds(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        low, high = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
        return low, high


def record_of(message: Message) -> Record:
    """Return a message of the client that holds no error."""
    kind, at_ms = message.timestamp()
    return Record(
        message.partition() or 0,
        message.offset() or 0,
        None if kind == TIMESTAMP_NOT_AVAILABLE else at_ms,
        message.key() or b"",
        message.value() or b"",
    )
