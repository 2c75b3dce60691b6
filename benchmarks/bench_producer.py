"""Goal G1: producing with an account, under the newest registered version, beside the usual ways.

Every way sends the same commits, key and value as Avro, idempotent with acks=all and lz4, and is
timed until the last acknowledgement, on a stack and a topic of its own.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from fastavro import parse_schema, schemaless_writer

from benchmarks.measure import ROUNDS, interleave, ratios, report
from benchmarks.running import apply, running_stack
from contractline.clients.registry import Registry
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.kafka.encode import Following, StreamEncoder
from contractline.kafka.produce import CONFIG, Channel, Delivery
from contractline.kafka.validate import ValueMistake
from contractline.project import Project
from contractline.settings import Endpoints
from producer.commit import Record
from producer.sources.fake import USERS_FILE, FakeSettings, FakeSource

RECORDS = 20_000
POLL_EVERY = 1000
TOPIC = "commits_benchmark"

OURS = "contractline"
FIXED = "fastavro, fixed id"
SERIALIZER = "AvroSerializer"

Send = Callable[[], None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with running_stack() as bench:
        _compare(bench.project, bench.endpoints, options.rounds)


def _compare(project: Project, endpoints: Endpoints, rounds: int) -> None:
    records = _records(project)
    busy: dict[str, list[float]] = defaultdict(list)
    with _own_topic(project, endpoints) as contract, _ways(contract, endpoints, records) as ways:
        for way in ways.values():
            way()  # the first message of an idempotent producer waits for its number
        timed = {name: partial(_measure, way, busy[name]) for name, way in ways.items()}
        figures = interleave(timed, rounds)
    report("Produce commits, all acknowledged", "messages/s", figures, FIXED)
    report("Processor time of the same rounds", "us a message", busy, FIXED)
    print(f"  goal: {OURS} at least x0.95 {FIXED}")
    ratio = ratios(figures, OURS, SERIALIZER).text()
    print(f"  goal: {OURS} at least x1.40 {SERIALIZER}: x{ratio}")


def _measure(way: Send, busy: list[float]) -> float:
    """Return messages a second, and keep the processor time of each."""
    gc.collect()
    gc.disable()
    began, busy_before = time.perf_counter(), time.process_time()
    way()
    took, busy_for = time.perf_counter() - began, time.process_time() - busy_before
    gc.enable()
    busy.append(busy_for / RECORDS * 1_000_000)
    return RECORDS / took


@contextmanager
def _ways(
    contract: Contract, endpoints: Endpoints, records: Sequence[Record]
) -> Iterator[dict[str, Send]]:
    plain = CONFIG | {"bootstrap.servers": endpoints.need("kafka_bootstrap_servers")}
    url = endpoints.need("schema_registry_url")
    with (
        Registry(url) as registry,
        Delivery(plain["bootstrap.servers"], print) as delivery,
        SchemaRegistryClient({"url": url}) as client,
    ):
        encoder = StreamEncoder(contract, registry)
        channel = delivery.channel(encoder)
        ways: dict[str, Send] = {
            OURS: partial(_ours, delivery, channel, records),
            FIXED: _fixed(contract, registry, Producer(plain), records),
        }
        ways |= _confluent(contract, client, plain, records)
        with Following([encoder], print):
            yield ways
    if channel.failed or channel.taken != channel.read:
        raise SystemExit("the account does not add up")


def _ours(delivery: Delivery, channel: Channel, records: Sequence[Record]) -> None:
    for start in range(0, len(records), POLL_EVERY):
        channel.send_all(records[start : start + POLL_EVERY], _refuse)
        delivery.poll()
    delivery.flush()


def _refuse(record: object, mistake: ValueMistake, version: int) -> None:
    raise SystemExit(f"refused: {mistake}")


def _fixed(
    contract: Contract, registry: Registry, producer: Producer, records: Sequence[Record]
) -> Send:
    """The shortest code that is right: two schemas, two headers, and no look back."""
    value: Any = parse_schema(contract.values[-1].schema.definition)
    key: Any = parse_schema(contract.keys[-1].schema.definition)
    subjects = contract.subjects.items()
    ids = [registry.newest(subject, versions[-1:]).id for subject, versions in subjects]
    key_head, value_head = (b"\0" + number.to_bytes(4, "big") for number in ids)
    produce, poll = producer.produce, producer.poll

    def run() -> None:
        for position, record in enumerate(records):
            out = BytesIO()
            out.write(value_head)
            schemaless_writer(out, value, record)
            name = BytesIO()
            name.write(key_head)
            schemaless_writer(name, key, record)
            produce(TOPIC, out.getvalue(), name.getvalue())
            if position % POLL_EVERY == 0:
                poll(0)
        producer.flush()

    return run


def _confluent(
    contract: Contract,
    client: SchemaRegistryClient,
    plain: dict[str, Any],
    records: Sequence[Record],
) -> dict[str, Send]:
    value_field = SerializationContext(TOPIC, MessageField.VALUE)
    key_field = SerializationContext(TOPIC, MessageField.KEY)
    value, key = contract.values[-1].schema.text, contract.keys[-1].schema.text

    def way(newest: bool) -> Send:
        conf = {"auto.register.schemas": False, "use.latest.version": newest}
        to_value = AvroSerializer(client, value, conf=conf)
        to_key = AvroSerializer(client, key, conf=conf)
        producer = Producer(plain)
        produce, poll = producer.produce, producer.poll

        def run() -> None:
            for position, record in enumerate(records):
                produce(TOPIC, to_value(record, value_field), to_key(record, key_field))
                if position % POLL_EVERY == 0:
                    poll(0)
            producer.flush()

        return run

    return {SERIALIZER: way(newest=False), f"{SERIALIZER}, use.latest.version": way(newest=True)}


def _records(project: Project) -> list[Record]:
    users = project.postgres_sql / USERS_FILE
    settings = FakeSettings(users, datetime(2026, 1, 5, tzinfo=UTC), count=RECORDS)
    batches = FakeSource(settings).batches({}, threading.Event())
    return [record for batch in batches for record in batch.records]


@contextmanager
def _own_topic(project: Project, endpoints: Endpoints) -> Iterator[Contract]:
    """Give the contract of commits with a topic of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(project.contracts / "commits", root / "contracts" / "commits")
        (root / "clickhouse_ddl").mkdir()
        file = root / "contracts" / "commits" / "contract.odcs.yaml"
        document = yaml.safe_load(file.read_text().replace("commits_topic", TOPIC))
        # Nothing reads it: a schema is registered once the tables of its stream know it.
        document["customProperties"] = [
            one for one in document["customProperties"] if one["property"] != "clickhouse"
        ]
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        contracts = load_contracts(Project(root))
        apply(Project(root), contracts, endpoints, ("topics", "schemas"))
        yield contract_named(contracts, "commits")
