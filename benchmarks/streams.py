"""Variants of a stream beside it: the same records on other ways into ClickHouse."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contractline.clickhouse.ddl import INGESTION, KAFKA_BROKERS, SCHEMA_REGISTRY_URL, render
from contractline.clickhouse.sql import filled, statements
from contractline.clients.clickhouse import Warehouse
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.kafka.encode import StreamEncoder
from contractline.kafka.produce import CONFIG
from contractline.project import Project
from contractline.settings import Endpoints
from producer.commit import Record
from producer.sources.fake import USERS_FILE, FakeSettings, FakeSource

DATABASE = "bench"
START = datetime(2024, 1, 1, tzinfo=UTC)

_FLUSH = re.compile(r",\n    kafka_(?:flush_interval|poll_timeout|consumer_reschedule)_ms = \d+")
_AVRO = re.compile(
    r"'AvroConfluent',\n    format_avro_schema_registry_url = '[^']*',"
    r"\n    input_format_avro_allow_missing_fields = 1,"
)
_STREAM_MODE = "\n    kafka_handle_error_mode = 'stream',"
_QUEUE = re.compile(r"_queue\n\((?P<columns>.*?)\n\)\n(?P<engine>ENGINE = Kafka.*?);", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Variant:
    """A way of a topic into a table of its own.

    Attributes:
        name: of the stream in ClickHouse, and of its consumer group.
        ddl: the statements, in the form of clickhouse_ddl.
    """

    name: str
    ddl: str

    @property
    def table(self) -> str:
        """The table at its end."""
        return f"{DATABASE}.{self.name}"

    def with_default_flush(self) -> Variant:
        """Return it with ClickHouse's own settings for when a block is closed."""
        return replace(self, ddl=_FLUSH.sub("", self.ddl))

    def with_consumers(self, number: int) -> Variant:
        """Return it with so many consumers."""
        ddl = self.ddl.replace("kafka_num_consumers = 1", f"kafka_num_consumers = {number}")
        return replace(self, ddl=ddl)

    def as_json(self) -> Variant:
        """Return it for a topic whose messages are JSON objects."""
        return replace(self, ddl=_AVRO.sub("'JSONEachRow',", self.ddl))

    def direct(self, order_by: Sequence[str]) -> Variant:
        """Return it with one view from the queue to a table of the record's fields, no more."""
        found = _QUEUE.search(self.ddl)
        assert found is not None
        columns, engine = found["columns"], found["engine"].replace(_STREAM_MODE, "")
        queue, order = f"{INGESTION}.{self.name}_queue", ", ".join(order_by)
        return replace(
            self,
            ddl=f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
            f"CREATE TABLE {self.table} ({columns})\n"
            f"ENGINE = ReplacingMergeTree ORDER BY ({order});\n"
            f"CREATE TABLE {queue} ({columns})\n{engine};\n"
            f"CREATE MATERIALIZED VIEW {INGESTION}.{self.name}_feed TO {self.table} AS\n"
            f"SELECT * FROM {queue};\n",
        )

    def make(
        self, warehouse: Warehouse, endpoints: Endpoints, *, without: tuple[str, ...] = ()
    ) -> None:
        """Create it, but for what has one of the given endings; with its feed, reading begins."""
        values = {
            KAFKA_BROKERS: endpoints.need("kafka_bootstrap_servers"),
            SCHEMA_REGISTRY_URL: endpoints.need("schema_registry_url"),
        }
        wanted = (one for one in statements(self.ddl) if not one.name.endswith(without))
        for statement in wanted:
            warehouse.run(filled(statement.sql, values))

    def remove(self, warehouse: Warehouse) -> None:
        """Stop reading, and drop everything of it."""
        for statement in reversed(statements(self.ddl)):
            if statement.kind != "DATABASE":
                warehouse.run(f"DROP TABLE IF EXISTS {statement.name}")


def variant(contract: Contract, name: str, topic: str, *, history: bool = False) -> Variant:
    """Return the generated DDL of a contract for another topic, under other names."""
    pipeline = contract.pipeline
    assert pipeline.clickhouse is not None
    history_table = f"{DATABASE}.{name}_history" if history else None
    sink = pipeline.clickhouse.model_copy(
        update={"current": f"{DATABASE}.{name}", "history": history_table}
    )
    there = pipeline.topic.model_copy(update={"name": topic})
    changed = pipeline.model_copy(update={"clickhouse": sink, "topic": there})
    return Variant(name, render(replace(contract, name=name, pipeline=changed)))


def commits(project: Project, seed: int = 1, count: int | None = None) -> Iterator[Record]:
    """Give the records of generated commits, each another one."""
    users = Path(project.postgres_sql) / USERS_FILE
    settings = FakeSettings(users=users, start=START, seed=seed, count=count)
    for batch in FakeSource(settings).batches({}, threading.Event()):
        yield from batch.records


def producer(endpoints: Endpoints, **config: Any) -> Producer:
    """Return a producer with the product's configuration, but for what is given."""
    given = {name.replace("_", "."): value for name, value in config.items()}
    servers = {"bootstrap.servers": endpoints.need("kafka_bootstrap_servers")}
    return Producer(CONFIG | servers | given)


def encoder(contract: Contract, endpoints: Endpoints) -> StreamEncoder:
    """Return the encoder of a stream's newest registered version."""
    with Registry(endpoints.need("schema_registry_url")) as registry:
        return StreamEncoder(contract, registry)


def make_topics(endpoints: Endpoints, names: Iterable[str], partitions: int) -> None:
    """Create topics."""
    admin = AdminClient({"bootstrap.servers": endpoints.need("kafka_bootstrap_servers")})
    for done in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
        done.result()


def fill(
    endpoints: Endpoints,
    topics: dict[str, Callable[[Record], bytes]],
    records: Iterable[Record],
    partitions: int,
) -> int:
    """Write each record to every topic, as its own function encodes it; return how many there are.

    Partitions get equal shares, so that two consumers have the same to do.
    """
    sender = producer(endpoints)
    count = 0
    for count, record in enumerate(records, 1):
        for topic, encode in topics.items():
            value = encode(record)
            while True:
                try:
                    sender.produce(topic, value, partition=count % partitions)
                    break
                except BufferError:
                    sender.poll(0.1)
    sender.flush()
    return count
