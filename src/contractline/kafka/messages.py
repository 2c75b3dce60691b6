"""Reading single messages by their places."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from contractline.clients.errors import AWAY, KafkaAway, KafkaUnavailable
from contractline.kafka.log import Record, record_of
from contractline.kafka.place import MessagePlace

ANSWER_SECONDS = 5.0

_GONE = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._PARTITION_EOF,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
"""What librdkafka says where a topic does not hold an offset."""


def messages_at(servers: str, places: Iterable[MessagePlace]) -> dict[MessagePlace, Record]:
    """Return the messages at some places; those that Kafka does not hold any more are left out.

    No group is joined and no offset kept, so that no other reader notices.

    Raises:
        KafkaUnavailable: the broker did not answer, or refused.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"contractline-messages-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "queued.max.messages.kbytes": 1024,
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )
    try:
        found = ((place, _message_at(consumer, servers, place)) for place in sorted(set(places)))
        return {place: record for place, record in found if record is not None}
    except KafkaException as problem:
        raise KafkaUnavailable.of(servers, problem) from problem
    finally:
        consumer.close()


def _message_at(consumer: Consumer, servers: str, place: MessagePlace) -> Record | None:
    consumer.assign([TopicPartition(place.topic, place.partition, place.offset)])
    deadline = time.monotonic() + ANSWER_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        message = consumer.poll(left)
        if message is None or _is_of_another(message, place):
            continue
        if (error := message.error()) is None:
            return record_of(message) if message.offset() == place.offset else None
        if error.code() in _GONE:
            return None
        if error.code() not in AWAY:
            raise KafkaException(error)
    raise KafkaAway(servers, f"{place} did not come within {ANSWER_SECONDS:g} s")


def _is_of_another(message: Message, place: MessagePlace) -> bool:
    """Tell whether a message was still on its way from the place that was asked for before."""
    where = (message.topic(), message.partition())
    has_place = None not in where
    return has_place and (
        where != (place.topic, place.partition)
        or (message.error() is None and (message.offset() or 0) < place.offset)
    )
