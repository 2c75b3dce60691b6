"""G7: a backfill by batched inserts beside the Kafka engine, the same rows into equal tables."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.loading import load
from benchmarks.measure import ROUNDS, interleave, report
from benchmarks.running import Bench, running_stack
from benchmarks.streams import Variant, commits, encoder, fill, make_topics, variant
from contractline.contracts.model import Contract
from contractline.mapping.ddl import DECODING, ENVELOPE, INGESTION
from contractline.mapping.sql import identifier, literal
from contractline.mapping.types import columns_of
from contractline.targets.warehouse import Warehouse

TOPIC = "bench.bulk"
PARTITIONS = 3
TAKEN_AT_ONCE = 10_000
ANSWER_SECONDS = 120.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=50_000, help="rows of an INSERT")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with running_stack() as bench:
        contract = bench.contract("commits")
        make_topics(bench.endpoints, [TOPIC], PARTITIONS)
        encode = encoder(contract, bench.endpoints).current.value
        records = commits(bench.project, count=options.rows)
        rows = fill(bench.endpoints, {TOPIC: encode}, records, PARTITIONS)
        warehouse = bench.warehouse()
        race = Race(bench, contract, warehouse, rows, options.batch)
        candidates = {"Kafka engine": race.engine, "batched INSERT": race.bulk}
        figures = interleave(candidates, options.rounds)
        warehouse.close()
    report(f"G7 {rows:,} commits, {options.batch:,} an INSERT", "rows/s", figures, "Kafka engine")


@dataclass
class Race:
    """Both ways, each through the generated Null table and views."""

    bench: Bench
    contract: Contract
    warehouse: Warehouse
    rows: int
    batch: int
    _started: int = 0

    def engine(self) -> float:
        """Return the rate of the Kafka engine, without its start and its last wait."""
        process = self.bench.process("clickhouse")
        return load(
            self._next(), self.rows, self.warehouse, self.bench.endpoints, process
        ).rows_per_second

    def bulk(self) -> float:
        """Return the rate of consuming and inserting, from the first request to the last answer."""
        way = self._next()
        # Nobody else may read on; the table is filled by the inserts alone.
        way.make(self.warehouse, self.bench.endpoints, without=("_feed", "_queue"))
        try:
            began = time.monotonic()
            with Inserting(self.bench, self.contract, way) as inserting:
                for partition in range(PARTITIONS):
                    for messages in _batches(self.bench, partition, self.batch):
                        inserting.insert(partition, messages)
            seconds = time.monotonic() - began
            count = self.warehouse.rows(f"SELECT count() FROM {way.table}")[0][0]
            if count != self.rows:
                raise ValueError(f"{count:,} of {self.rows:,} rows are there")
        finally:
            way.remove(self.warehouse)
        return self.rows / seconds

    def _next(self) -> Variant:
        self._started += 1
        return variant(self.contract, f"bench_{self._started}", TOPIC)


def _batches(bench: Bench, partition: int, size: int) -> Iterator[list[Message]]:
    """Read a partition to its present end."""
    consumer = Consumer(
        {
            "bootstrap.servers": bench.endpoints.need("kafka_bootstrap_servers"),
            "group.id": "bench",
            "enable.auto.commit": False,
        }
    )
    try:
        end = consumer.get_watermark_offsets(TopicPartition(TOPIC, partition))[1]
        consumer.assign([TopicPartition(TOPIC, partition, 0)])
        read = 0
        batch: list[Message] = []
        while read < end:
            wanted = min(TAKEN_AT_ONCE, size - len(batch))
            taken = consumer.consume(wanted, timeout=1.0)
            batch += taken
            read += len(taken)
            if batch and (len(batch) == size or read == end):
                yield batch
                batch = []
    finally:
        consumer.close()


class Inserting:
    """Puts the messages of a partition into a stream's Null table as they are."""

    def __init__(self, bench: Bench, contract: Contract, way: Variant) -> None:
        self._http = httpx.Client(
            base_url=bench.endpoints.need("clickhouse_url"), timeout=ANSWER_SECONDS
        )
        self._settings = {
            **DECODING,
            "format_avro_schema_registry_url": bench.endpoints.need("schema_registry_url"),
            # Offsets are counted off, so rows must stay in their order.
            "max_threads": "1",
            "max_insert_threads": "1",
        }
        self._stream = f"{INGESTION}.{way.name}"
        versions = [version.schema for version in contract.values]
        types = contract.sink.types if contract.sink else {}
        self._columns = columns_of(contract.name, versions, contract.properties, types)

    def __enter__(self) -> Inserting:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def insert(self, partition: int, messages: list[Message]) -> None:
        """Insert messages of consecutive offsets."""
        body = b"".join(message.value() or b"" for message in messages)
        sql = self._sql(partition, messages[0].offset() or 0)
        answer = self._http.post("/", params={"query": sql, **self._settings}, content=body)
        answer.raise_for_status()

    def _sql(self, partition: int, first_offset: int) -> str:
        names = ", ".join([*(identifier(c.name) for c in self._columns), *ENVELOPE])
        paths = ", ".join(identifier(c.path) for c in self._columns)
        structure = ", ".join(f"{identifier(c.path)} {c.queue_type}" for c in self._columns)
        envelope = {
            "_topic": literal(TOPIC),
            "_partition": str(partition),
            "_offset": f"{first_offset} + rowNumberInAllBlocks()",
            "_timestamp_ms": "now64(3)",
            "_key": "''",
            "_error": "''",
            "_raw_message": "''",
        }
        lineage = ", ".join(envelope[name] for name in ENVELOPE)
        return (
            f"INSERT INTO {self._stream} ({names}) SELECT {paths}, {lineage}"
            f" FROM input({literal(structure)}) FORMAT AvroConfluent"
        )
