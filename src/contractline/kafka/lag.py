"""How far ClickHouse has read each topic, and how many messages come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from contractline.clients.errors import KafkaUnavailable
from contractline.errors import ServiceUnavailable

TIMEOUT_SECONDS = 3.0
READ_SECONDS = 1.0
POSITION_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the reader of a topic is.

    Attributes:
        messages: the end offsets together: what was ever written.
        waiting: messages that are not read yet.
        behind_seconds: the age of the oldest of them; 0 when there is none, None when unknown.
    """

    messages: int
    waiting: int
    behind_seconds: float | None

    @property
    def read(self) -> int:
        """How many messages are read."""
        return self.messages - self.waiting


@dataclass(frozen=True, slots=True)
class GroupPosition:
    """How far a consumer group had read a topic at a moment.

    Attributes:
        ends: the end of each partition then.
        read: up to where each was read; what Kafka has deleted needs no reading.
    """

    ends: Mapping[int, int]
    read: Mapping[int, int]

    def behind(self, ends: Mapping[int, int]) -> int:
        """Return how many records up to some ends the group has not read."""
        return sum(max(0, end - self.read[part]) for part, end in ends.items())


def group_position(
    servers: str, topic: str, group: str, partitions: Iterable[int]
) -> GroupPosition:
    """Ask Kafka how far a consumer group has read a topic.

    Raises:
        ServiceUnavailable: Kafka did not answer, or refused.
    """
    places = [TopicPartition(topic, part) for part in partitions]
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    try:
        limits = {
            place.partition: consumer.get_watermark_offsets(place, timeout=POSITION_SECONDS)
            for place in places
        }
        committed = consumer.committed(places, timeout=POSITION_SECONDS)
    except KafkaException as problem:
        reason = problem.args[0].str()
        raise ServiceUnavailable("Kafka", servers, f"refused: {reason}") from problem
    finally:
        consumer.close()
    return GroupPosition(
        {part: high for part, (_, high) in limits.items()},
        {one.partition: max(one.offset, limits[one.partition][0]) for one in committed},
    )


class LagReader:
    """Asks Kafka; its clients stay connected between questions.

    Attributes:
        servers: the brokers.
    """

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._clients: tuple[AdminClient, Consumer] | None = None

    def lags(self, groups: Mapping[str, str]) -> dict[str, Lag]:
        """Return the lag of each topic that exists.

        Args:
            groups: the consumer group that reads it, by topic.

        Raises:
            KafkaUnavailable: Kafka did not answer.
        """
        try:
            ends = self._ends(groups)
            return {
                topic: self._lag(topic, groups[topic], partitions)
                for topic, partitions in ends.items()
            }
        except KafkaException as problem:
            raise self._failed(problem) from problem

    def arrived(self, topics: Iterable[str], seconds: float) -> dict[str, int]:
        """Return how many messages of the last seconds, by their timestamps, each topic holds.

        Raises:
            KafkaUnavailable: Kafka did not answer.
        """
        since = OffsetSpec.for_timestamp(int((time.time() - seconds) * 1000))
        try:
            ends = self._ends(topics)
            begins = self._offsets(ends, since)
        except KafkaException as problem:
            raise self._failed(problem) from problem
        # Kafka answers -1 where no message is as new as that.
        return {
            topic: sum(max(0, ends[topic][part] - at) for part, at in begun.items() if at >= 0)
            for topic, begun in begins.items()
        }

    def close(self) -> None:
        """Let the connections go."""
        if self._clients is not None:
            self._clients[1].close()
            self._clients = None

    def _connected(self) -> tuple[AdminClient, Consumer]:
        if self._clients is None:
            # Without log_level 0 librdkafka writes each failed connection to the terminal.
            shared: dict[str, str | int | float | bool] = {
                "bootstrap.servers": self.servers,
                "log_level": 0,
            }
            consumer = Consumer(
                {
                    **shared,
                    "group.id": "contractline-lag",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "queued.max.messages.kbytes": 1024,
                }
            )
            self._clients = AdminClient(shared), consumer
        return self._clients

    @property
    def _admin(self) -> AdminClient:
        return self._connected()[0]

    @property
    def _consumer(self) -> Consumer:
        return self._connected()[1]

    def _failed(self, problem: KafkaException) -> KafkaUnavailable:
        """Return a failure in words; the next question begins with new clients.

        One whose broker went away and came back answers with time-outs for good.
        """
        self.close()
        return KafkaUnavailable.of(self.servers, problem)

    def _ends(self, topics: Iterable[str]) -> dict[str, dict[int, int]]:
        known = self._admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        there = {topic: known[topic].partitions for topic in topics if topic in known}
        return self._offsets(there, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _offsets(
        self, topics: Mapping[str, Iterable[int]], spec: OffsetSpec
    ) -> dict[str, dict[int, int]]:
        places = [TopicPartition(topic, part) for topic, parts in topics.items() for part in parts]
        if not places:
            return {}
        futures = self._admin.list_offsets(
            dict.fromkeys(places, spec), request_timeout=TIMEOUT_SECONDS
        )
        offsets: dict[str, dict[int, int]] = {}
        for place, future in futures.items():
            offsets.setdefault(place.topic, {})[place.partition] = future.result().offset
        return offsets

    def _lag(self, topic: str, group: str, ends: Mapping[int, int]) -> Lag:
        read = self._read(topic, group, ends)
        unread = {part: read[part] for part, end in ends.items() if read[part] < end}
        waiting = sum(ends[part] - at for part, at in unread.items())
        return Lag(sum(ends.values()), waiting, self._age(topic, unread) if unread else 0.0)

    def _read(self, topic: str, group: str, ends: Mapping[int, int]) -> dict[int, int]:
        """Return up to where each partition is read; 0 where nothing was yet."""
        places = [TopicPartition(topic, part) for part in ends]
        request = [ConsumerGroupTopicPartitions(group, places)]
        futures = self._admin.list_consumer_group_offsets(request, request_timeout=TIMEOUT_SECONDS)
        (future,) = futures.values()
        found = {place.partition: place.offset for place in future.result().topic_partitions}
        return {part: max(found.get(part, 0), 0) for part in ends}

    def _age(self, topic: str, unread: Mapping[int, int]) -> float | None:
        """Return the age of the oldest unread message, by its own timestamp."""
        self._consumer.assign([TopicPartition(topic, *place) for place in unread.items()])
        missing, oldest = set(unread), None
        deadline = time.monotonic() + READ_SECONDS
        while missing and (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(left)
            if message is None or message.error() or message.partition() not in missing:
                continue
            missing.discard(message.partition() or 0)
            kind, at_ms = message.timestamp()
            if kind != TIMESTAMP_NOT_AVAILABLE:
                oldest = at_ms if oldest is None else min(oldest, at_ms)
        self._consumer.unassign()
        return None if oldest is None else max(0.0, time.time() - oldest / 1000)
