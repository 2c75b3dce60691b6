"""G3: from acknowledged by Kafka to visible in ClickHouse, beside its default flush settings."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.measure import ROUNDS, percentile, report
from benchmarks.running import Bench, running_stack, wait_until
from benchmarks.streams import commits, encoder, producer, variant
from benchmarks.visible import Watch, highest_offsets
from contractline.clickhouse.ddl import flush_interval
from contractline.kafka.encode import StreamEncoder
from producer.commit import Record

OURS, DEFAULTS = "generated", "default flush"
Place = tuple[int, int]


def main() -> None:
    """Print a table for each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long a round sends")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 2000], help="messages/s")
    options = parser.parse_args()
    with running_stack() as bench:
        contract = bench.contract("commits")
        beside = variant(contract, "bench_defaults", contract.topic.name).with_default_flush()
        warehouse = bench.warehouse()
        beside.make(warehouse, bench.endpoints)
        assert contract.sink is not None
        tables = {OURS: contract.sink.current, DEFAULTS: beside.table}
        records = commits(bench.project)
        flush = flush_interval(contract).total_seconds() * 1000
        print(f"flush interval: generated {flush:.0f} ms, ClickHouse's default 7500 ms")
        for rate in options.rates:
            figures: dict[float, dict[str, list[float]]] = {
                share: {name: [] for name in tables} for share in (0.5, 0.99)
            }
            for _ in range(options.rounds):
                for name, latencies in _round(
                    bench, tables, records, rate, options.seconds
                ).items():
                    for share in figures:
                        figures[share][name].append(percentile(latencies, share) * 1000)
            for share, columns in figures.items():
                title = f"G3 acknowledged to visible at {rate:,}/s, p{share * 100:.0f}"
                report(title, "ms", columns, DEFAULTS)
        warehouse.close()


def _round(
    bench: Bench, tables: dict[str, str], records: Iterator[Record], rate: int, seconds: float
) -> dict[str, list[float]]:
    """Send at a rate; both tables read the same messages, so both are measured by them."""
    watches = {n: Watch(bench.endpoints, highest_offsets(t)) for n, t in tables.items()}
    with watches[OURS], watches[DEFAULTS]:
        sending = Sending(bench, records)
        sending.send(rate, seconds)
        last: dict[int, int] = {}
        for partition, offset in sending.acknowledged:
            last[partition] = max(offset, last.get(partition, 0))
        wait_until(lambda: all(w.shows(last) for w in watches.values()), "the last message")
        return {
            name: [watch.seen_at(*place) - at for place, at in sending.acknowledged.items()]
            for name, watch in watches.items()
        }


class Sending:
    """Sends commits at a rate, and notes when each was acknowledged.

    Attributes:
        acknowledged: the times by the monotonic clock, by partition and offset.
    """

    def __init__(self, bench: Bench, records: Iterator[Record]) -> None:
        contract = bench.contract("commits")
        self.acknowledged: dict[Place, float] = {}
        self._topic = contract.topic.name
        self._encoder: StreamEncoder = encoder(contract, bench.endpoints)
        self._records = records
        self._producer: Producer = producer(bench.endpoints, delivery_report_only_error=False)

    def send(self, rate: int, seconds: float) -> None:
        """Send, and return when all is acknowledged."""
        write, key = self._encoder.current.value, self._encoder.current.key
        assert key is not None
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            # Waiting means serving acknowledgements: each is noted when it comes.
            self._producer.poll(0)
            while (left := began + number / rate - time.monotonic()) > 0:
                self._producer.poll(left)
            record = next(self._records)
            self._producer.produce(self._topic, write(record), key(record), on_delivery=self._note)
        self._producer.flush()

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise RuntimeError(f"not acknowledged: {error}")
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self.acknowledged[partition, offset] = time.monotonic()
