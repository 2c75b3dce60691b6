"""Reading a compacted topic to its end: the newest value of every key, as a mapping."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from contractline.clients.errors import (
    FrameInvalid,
    KafkaAway,
    KafkaUnavailable,
    SchemaUnknown,
    TopicMissing,
)
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.kafka.decode import MessageDecoder

TIMEOUT_SECONDS = 10.0
STEP_SECONDS = 0.05
BATCH = 1000

Say = Callable[[str], None]
Fields = dict[str, Any]
State = dict[tuple[Any, ...], Fields]


def read_compacted(servers: str, contract: Contract, registry: Registry, say: Say) -> State:
    """Return the newest value of every key, by the key's fields in the contract's order.

    Every part of the topic is read to where it ended when its turn came. Records that can't be
    read say nothing about their keys: they are passed over, and it is said how many.

    Raises:
        TopicMissing: the broker has no such topic.
        KafkaUnavailable: the broker did not answer, or refused.
        RegistryUnavailable: the registry did not answer, or refused.
    """
    state: State = {}
    problems: list[Exception] = []
    decoder = MessageDecoder(registry)
    for key, value in _messages(servers, contract.topic.name):
        try:
            decoded = decoder.decode(key).value
            fields = tuple(decoded[name] for name in contract.key_fields)
            if value:
                state[fields] = decoder.decode(value).value
            else:
                state.pop(fields, None)
        except UNREADABLE as problem:
            problems.append(problem)
    if problems:
        number = f"{len(problems):,} records can't be read and are passed over"
        say(f"{contract.topic.name}: {number}; the last: {problems[-1]!s}")
    return state


UNREADABLE = (FrameInvalid, SchemaUnknown, KeyError, TypeError)
"""What reading a key or a value raises at bytes that are something else."""


def _messages(servers: str, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            # Never joined: the parts are assigned by hand and no offset is kept.
            "group.id": f"contractline-reader-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        parts = _parts(consumer, topic, servers)
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in parts])
        quiet_since = time.monotonic()
        while parts:
            messages = consumer.consume(BATCH, STEP_SECONDS)
            if messages:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > TIMEOUT_SECONDS:
                problem = f"nothing came from {topic} for {TIMEOUT_SECONDS:g} s"
                raise KafkaAway(servers, problem)
            for message in messages:
                error = message.error()
                if error is None:
                    yield message.key() or b"", message.value()
                elif error.code() == KafkaError._PARTITION_EOF:
                    parts.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
    except KafkaException as problem:
        raise KafkaUnavailable.of(servers, problem) from problem
    finally:
        consumer.close()


def _parts(consumer: Consumer, topic: str, servers: str) -> set[int]:
    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None or not found.partitions:
        raise TopicMissing(topic, servers)
    return set(found.partitions)
