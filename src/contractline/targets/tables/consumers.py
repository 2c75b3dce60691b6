"""How ClickHouse reads the topics of the streams: the consumers of its Kafka tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contractline.clickhouse.ddl import INGESTION, QUEUE_SUFFIX
from contractline.clickhouse.sql import identifier
from contractline.clients.clickhouse import Warehouse, words_of

SILENT = timedelta(seconds=30)
"""How long a healthy consumer may go without asking Kafka: it asks every 500 ms at the latest, but
the tables below it may be busy."""

_FATAL = "Local: Fatal error"
"""What librdkafka says once when it gives a consumer up for good."""

_CONSUMERS = """
SELECT
    substring(table, 1, length(table) - length({suffix:String})) AS stream,
    arraySort(groupArrayArray(assignments.partition_id)) AS partitions,
    nullIf(max(last_poll_time), 0) AS polled_at,
    nullIf(max(last_commit_time), 0) AS committed_at,
    sum(num_messages_read) AS messages,
    arrayReverseSort(groupArrayArray(arrayZip(exceptions.time, exceptions.text))) AS failures,
    now() AS asked_at
FROM system.kafka_consumers
WHERE database = {database:String} AND endsWith(table, {suffix:String})
GROUP BY table ORDER BY table
"""


@dataclass(frozen=True, slots=True)
class Consumption:
    """How the queue of a stream reads its topic, as ``system.kafka_consumers`` has it.

    Attributes:
        stream: the stream.
        partitions: those that it reads; none while it is not in its consumer group.
        polled_at: when it last asked Kafka for messages; None before the first time.
        committed_at: when it last stored its place; None before the first time.
        messages: how many it has read since ClickHouse started.
        asked_at: when this was, by ClickHouse's clock.
        problem: what failed last, if nothing was stored since; otherwise empty. A queue with
            nothing to read keeps the problem of an outage that is over.
        problem_at: when that was.
        is_given_up: whether its client has stopped for good, so that only :func:`read_on` helps.
    """

    stream: str
    partitions: tuple[int, ...]
    polled_at: datetime | None
    committed_at: datetime | None
    messages: int
    asked_at: datetime
    problem: str = ""
    problem_at: datetime | None = None
    is_given_up: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether it has partitions and asks Kafka for their messages."""
        if not self.partitions or self.polled_at is None:
            return False
        return self.asked_at - self.polled_at < SILENT


def consumptions(warehouse: Warehouse) -> dict[str, Consumption]:
    """Return how the queue of each stream reads, by stream; one that nothing reads is missing.

    A queue that nothing reads has no feed: its view is away.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    names = {"database": INGESTION, "suffix": QUEUE_SUFFIX}
    return {row[0]: _consumption(*row) for row in warehouse.rows(_CONSUMERS, names)}


def read_on(warehouse: Warehouse, stream: str) -> None:
    """Give the queue of a stream a new consumer; its consumer group keeps the place.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    queue = f"{INGESTION}.{identifier(stream + QUEUE_SUFFIX)}"
    warehouse.run(f"DETACH TABLE {queue} SYNC")
    warehouse.run(f"ATTACH TABLE {queue}")


def _consumption(
    stream: str,
    partitions: list[int],
    polled_at: datetime | None,
    committed_at: datetime | None,
    messages: int,
    failures: list[tuple[datetime, str]],
    asked_at: datetime,
) -> Consumption:
    is_given_up = not partitions and any(text.startswith(_FATAL) for _, text in failures)
    since = [(at, text) for at, text in failures if committed_at is None or at > committed_at]
    problem_at, problem = since[0] if since else (None, "")
    return Consumption(
        stream,
        tuple(partitions),
        polled_at,
        committed_at,
        messages,
        asked_at,
        _words(problem),
        problem_at,
        is_given_up,
    )


def _words(text: str) -> str:
    """Return what a failure says, without the thread that met it and the stack trace."""
    words = words_of(text).splitlines()[:1]
    return words[0].rsplit("]: ", 1)[-1] if words else ""
