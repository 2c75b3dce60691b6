"""Rebuild: a stream's tables from its topic, which is the log of all that the stream ever said.

It reads the topic from its beginning to where it ends now, beside the Kafka engine and without its
consumer group, and loads it through the stream's own Null table and views. Each row has the same
version as the one that the Kafka engine made of its message, so the tables hold it once: a rebuild
is safe beside the engine, a second time, and after it was killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Protocol

from contractline.clients.clickhouse import Warehouse
from contractline.clients.registry import Registry
from contractline.kafka.log import Log, Record
from contractline.recovery.frames import FrameDecoder, LoadedStream
from contractline.recovery.loading import Loader, LoadingStopped
from contractline.settings import Endpoints

BATCH_MESSAGES = 50_000
BATCH_BYTES = 32 * 2**20
"""A batch is closed at so many bytes: two of them are in memory, one that is read and one that is
on its way."""

MAX_REASONS = 10


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of each message: read = rows + tombstones + errors.

    Attributes:
        stream: the stream.
        topic: what was read.
        rows: messages whose rows are in the tables.
        tombstones: messages without a value, which give no row.
        errors: messages that can't be decoded; they are in the errors table.
        seconds: how long it took.
        stopped: whether it was ended before the topic's end.
        reasons: how many messages there are of a reason, the most frequent first.
    """

    stream: str
    topic: str
    rows: int
    tombstones: int
    errors: int
    seconds: float
    stopped: bool = False
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """The messages that were read."""
        return self.rows + self.tombstones + self.errors

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.read / self.seconds if self.seconds else 0.0

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        values = asdict(self) | {
            "read": self.read,
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
        }
        return json.dumps(values, ensure_ascii=False)

    def __str__(self) -> str:
        lines = [
            f"{self.stream}: {self.read:,} read = {self.rows:,} rows"
            f" + {self.tombstones:,} tombstones + {self.errors:,} errors,"
            f" in {self.seconds:.1f} s ({self.rate:,.0f}/s)"
        ]
        lines += [f"  {number:,} times: {reason}" for reason, number in self.reasons.items()]
        return "\n".join(lines)


class RebuildProgress(Protocol):
    """Shows how a rebuild goes."""

    def say(self, words: str) -> None:
        """Show a sentence."""

    def show(self, done: int, total: int) -> None:
        """Show how many offsets of how many are passed."""


def rebuild_stream(
    endpoints: Endpoints,
    stream: str,
    shown: RebuildProgress,
    stop: threading.Event,
    *,
    most: int = BATCH_MESSAGES,
) -> Rebuilt:
    """Load everything that a stream's topic holds now into its tables.

    Args:
        endpoints: where the services are.
        stream: the stream.
        shown: where the progress goes.
        stop: ends it after the batch that is on its way.
        most: the messages of an INSERT.

    Raises:
        StreamUnknown: ClickHouse has no such stream.
        TopicMissing: the broker has no such topic.
        ServiceUnavailable: a service did not answer at the start, or refused.
    """
    began = time.monotonic()
    with closing(Warehouse(endpoints)) as warehouse, Registry.of(endpoints) as registry:
        found = LoadedStream.find(warehouse, stream)
        decoder = FrameDecoder(warehouse, endpoints, found)
        loader = Loader(warehouse, registry, decoder, found, shown.say, stop)
        run = TopicLoad(loader, shown)
        servers = endpoints.need("kafka_bootstrap_servers")
        with Log(servers, found.topic, shown.say) as log:
            stopped = run.carry(log, most, stop)
    return Rebuilt(
        stream,
        found.topic,
        rows=run.counts["rows"],
        tombstones=run.counts["tombstones"],
        errors=run.counts["errors"],
        seconds=time.monotonic() - began,
        stopped=stopped,
        reasons=dict(run.reasons.most_common(MAX_REASONS)),
    )


class TopicLoad:
    """Loads a topic: while a batch is on its way to ClickHouse, the next one is read.

    Attributes:
        counts: messages that gave ``rows``, ``tombstones`` and ``errors``.
        reasons: how many errors there are of a reason.
    """

    def __init__(self, loader: Loader, shown: RebuildProgress) -> None:
        self._loader = loader
        self._shown = shown
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def carry(self, log: Log, most: int, stop: threading.Event) -> bool:
        """Read and load to the end; return whether it was stopped before."""
        with ThreadPoolExecutor(1, "load") as worker:
            try:
                self._carry(log.batches(most, BATCH_BYTES, stop), log, worker)
            except LoadingStopped:
                return True
        return stop.is_set() and log.left > 0

    def _carry(
        self, batches: Iterator[Sequence[Record]], log: Log, worker: ThreadPoolExecutor
    ) -> None:
        before: Future[None] | None = None
        for batch in batches:
            if before is not None:
                before.result()
            before = worker.submit(self._load, batch)
            self._shown.show(log.total - log.left, log.total)
        if before is not None:
            before.result()

    def _load(self, batch: Sequence[Record]) -> None:
        filled = [record for record in batch if record.value]
        refused = self._loader.load(filled)
        self.counts["tombstones"] += len(batch) - len(filled)
        self.counts["rows"] += len(filled) - len(refused)
        self.counts["errors"] += len(refused)
        self.reasons.update(reason.strip() for _, reason in refused)
