"""Producing with an account: of every record it is known whether the broker has acknowledged it.

One :class:`Delivery` holds the connection, each :class:`Channel` sends the records of one stream.
Only failures call back, since a callback for each record would cost more than sending it; what was
sent and did not fail is acknowledged as soon as the queue is empty.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from contractline.clients.errors import AWAY, KafkaUnavailable, TopicMissing
from contractline.clients.retry import Patience
from contractline.kafka.encode import Record, RecordRefused, StreamEncoder
from contractline.kafka.validate import ValueMistake

Say = Callable[[str], None]
Refuse = Callable[[Record, ValueMistake, int], None]

STEP_SECONDS = 0.25
QUIET_SECONDS = 3.0
"""How long a broker may take before it is said that it does not acknowledge."""
METADATA_TIMEOUT_SECONDS = 5.0

CONFIG: dict[str, Any] = {
    "acks": "all",
    "allow.auto.create.topics": False,
    "compression.type": "lz4",
    "delivery.report.only.error": True,
    "enable.idempotence": True,
    "linger.ms": 50,
    # A record waits for as long as the broker is away; giving up is the caller's choice.
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 100_000,
    "reconnect.backoff.max.ms": 2000,
    # What librdkafka would log, error_cb and the callers say in words.
    "log_level": 0,
}


class Delivery:
    """A connection to Kafka that loses nothing and knows what was acknowledged.

    Args:
        servers: ``host:port``, several with commas.
        say: where words about waiting go.
        abandon: set it to give up waiting for a broker that is away.
        config: what differs from :data:`CONFIG`, in librdkafka's names.
    """

    def __init__(
        self,
        servers: str,
        say: Say,
        abandon: threading.Event | None = None,
        *,
        config: dict[str, Any] | None = None,
    ) -> None:
        self.servers = servers
        self.say = say
        self.abandon = abandon or threading.Event()
        self._patience = Patience(say)
        self._fatal: KafkaError | None = None
        self._channels: dict[str, Channel] = {}
        settings = CONFIG | {"bootstrap.servers": servers} | (config or {})
        callbacks = {"error_cb": self._on_error, "on_delivery": self._on_delivery}
        self._producer = Producer(settings | callbacks)

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is not acknowledged yet; after an exception, give it up."""
        if kind is None:
            self.flush()
        self.give_up()

    def channel(self, encoder: StreamEncoder) -> Channel:
        """Return a channel to the topic of a stream.

        Raises:
            TopicMissing: the broker has no such topic.
            KafkaAway: no broker answers.
            KafkaUnavailable: the broker refused.
        """
        topic = encoder.contract.topic.name
        try:
            topics = self._producer.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics
        except KafkaException as problem:
            raise KafkaUnavailable.of(self.servers, problem) from problem
        if topic not in topics:
            raise TopicMissing(topic, self.servers)
        channel = self._channels[topic] = Channel(self, self._producer, encoder)
        return channel

    @property
    def waiting(self) -> int:
        """How many records were sent and not yet acknowledged; not less than there are."""
        return len(self._producer)

    def poll(self, seconds: float = 0) -> None:
        """Serve what the broker has said.

        Raises:
            KafkaUnavailable: a failure that no waiting mends.
        """
        self._producer.poll(seconds)
        if self._fatal is not None:
            raise KafkaUnavailable(self.servers, f"gave up for good: {self._fatal.str()}")

    def make_room(self) -> None:
        """Wait until the full queue has room again.

        Raises:
            KafkaUnavailable: the wait was given up.
        """
        self._wait_for_less(self.poll)

    def flush(self) -> None:
        """Wait until every record is acknowledged or has failed.

        Raises:
            KafkaUnavailable: a failure that no waiting mends, or the wait was given up.
        """
        while self.waiting:
            self._wait_for_less(self._flush)

    def _flush(self, seconds: float) -> None:
        self._producer.flush(seconds)
        self.poll()

    def _wait_for_less(self, step: Callable[[float], None]) -> None:
        """Run steps until fewer records wait; the longer nothing moves, the rarer the words."""
        before = self.waiting
        moved = self._moves(step, QUIET_SECONDS, before)
        while not moved:
            pause = self._patience.next_pause(
                f"Kafka at {self.servers} does not acknowledge; {self.waiting:,} records wait"
            )
            moved = self._moves(step, pause, before)
        self._patience.over("Kafka acknowledges again")

    def _moves(self, step: Callable[[float], None], seconds: float, before: int) -> bool:
        """Run steps for some seconds; return whether fewer records wait than before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            step(STEP_SECONDS)
            if self.waiting < before:
                return True
            if self.abandon.is_set():
                problem = f"{self.waiting:,} records were left without acknowledgement"
                raise KafkaUnavailable(self.servers, problem)
        return False

    def give_up(self) -> None:
        """Fail what is not acknowledged, so that the account of the channels is complete."""
        if self.waiting:
            self._producer.purge()
            self._producer.flush(METADATA_TIMEOUT_SECONDS)

    def _on_error(self, error: KafkaError) -> None:
        """Take what librdkafka says beside the records: it tries again by itself unless fatal."""
        if error.fatal():
            self._fatal = error
        elif error.code() not in AWAY:
            self.say(f"Kafka at {self.servers}: {error.str()} ({error.name()})")

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        """Take the failure of one message; successes do not call back."""
        if error is not None:
            self._channels[message.topic() or ""].fail(error)


class Channel:
    """Sends the records of one stream.

    Attributes:
        encoder: how records are written.
        refused: how many broke the contract.
        failed: how many the broker did not take; the reasons are in ``failures``.
        failures: how many failed for each reason.
    """

    def __init__(self, delivery: Delivery, producer: Producer, encoder: StreamEncoder) -> None:
        self.encoder = encoder
        self.refused = 0
        self.failed = 0
        self.failures: dict[str, int] = {}
        self._topic = encoder.contract.topic.name
        self._delivery = delivery
        self._produce = producer.produce
        self._sent = 0

    @property
    def read(self) -> int:
        """How many records were given to :meth:`send`."""
        return self._sent + self.refused

    @property
    def taken(self) -> int:
        """How many were sent and have not failed; acknowledged, once the queue is empty."""
        return self._sent - self.failed

    def send(self, record: Record, key: Record | None = None) -> None:
        """Send a record; waits while the queue is full.

        Args:
            record: the value.
            key: where the key's fields are; in the record itself when absent.

        Raises:
            RecordRefused: the record breaks the contract, or is larger than Kafka takes.
            KafkaUnavailable: a failure that no waiting mends.
        """
        encoders = self.encoder.current
        try:
            name = encoders.key(record if key is None else key) if encoders.key else None
            self._hand_over(record, name, encoders.value(record))
        except RecordRefused:
            self.refused += 1
            raise

    def send_all(self, records: Sequence[Record], refuse: Refuse) -> None:
        """Send a batch; waits while the queue is full.

        Args:
            records: the values, with the key's fields among theirs.
            refuse: gets each record that breaks the contract, the mistake, and the version.

        Raises:
            KafkaUnavailable: a failure that no waiting mends.
        """
        encoders = self.encoder.current
        frame = encoders.quick if encoders.fit(records) else encoders.frame
        produce, topic, sent = self._produce, self._topic, 0
        try:
            for record in records:
                try:
                    name, value = frame(record)
                    try:
                        produce(topic, value, name)
                    except (BufferError, KafkaException):
                        self._hand_over(record, name, value)
                    else:
                        sent += 1
                except RecordRefused as refusal:
                    self.refused += 1
                    refuse(record, refusal.mistake, encoders.version)
        finally:
            self._sent += sent

    def _hand_over(self, record: Record, name: bytes | None, value: bytes) -> None:
        """Give a message to librdkafka, as soon as it takes it."""
        while True:
            try:
                self._produce(self._topic, value, name)
            except BufferError:
                self._delivery.make_room()
            except KafkaException as problem:
                raise self._refusal(problem, record, len(value)) from problem
            else:
                self._sent += 1
                return

    def _refusal(self, problem: KafkaException, record: Record, size: int) -> Exception:
        """Return what a message that librdkafka does not take means."""
        if problem.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
            return KafkaUnavailable.of(self._delivery.servers, problem)
        largest = max(record, key=lambda name: len(str(record[name])))
        what = f"makes a message of {size:,} bytes, more than Kafka takes"
        return RecordRefused(ValueMistake(f"$.{largest}", record[largest], what))

    def fail(self, error: KafkaError) -> None:
        """Count a record that was sent and not taken."""
        self.failed += 1
        reason = f"{error.str()} ({error.name()})"
        self.failures[reason] = self.failures.get(reason, 0) + 1
