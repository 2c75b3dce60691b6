"""The proof hands records to the stream's Null table; the Kafka engine makes the same rows of them.

The broker is librdkafka's own mock cluster, inside this process: joining its groups takes three
seconds, so the proof itself does without.
"""

from __future__ import annotations

import json
import time
from contextlib import closing

from confluent_kafka import Producer

from contractline.clickhouse.ddl import KAFKA_BROKERS, SCHEMA_REGISTRY_URL, render
from contractline.clickhouse.sql import filled, statements
from contractline.clients.clickhouse import Warehouse
from contractline.clients.wire import header
from contractline.contracts.model import Contract
from contractline.proof.ids import Ids
from contractline.proof.process import engine_process
from contractline.proof.records import Maker
from contractline.proof.rowbinary import FORMAT, read_rows
from contractline.proof.sandbox import Frame, SandboxWriter, sandbox
from contractline.proof.server import ProofServer, errors_table
from contractline.proof.shapes import Shape
from contractline.proof.trial import planned
from contractline.settings import Endpoints
from tests.integration.proof.conftest import REPOSITORY
from tests.integration.proof.streams import field, stream

ARRIVAL_SECONDS = 60
BROKEN = b"\0\0\0\0\x01\x02"
EVERY_TYPE = REPOSITORY.root / "tests" / "cases" / "ddl" / "every_type" / "value.avsc"


def every_type() -> list[dict[str, object]]:
    fields = json.loads(EVERY_TYPE.read_text())["fields"]
    return [one for one in fields if one["name"] != "id"]


def produced(topic: str, values: list[bytes]) -> tuple[Producer, str]:
    """Return a producer, with which its cluster ends, and the broker's address."""
    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(10) == 0
    return producer, f"{broker.host}:{broker.port}"


def make_tables(warehouse: Warehouse, contract: Contract, broker: str, registry: str) -> None:
    warehouse.run("CREATE DATABASE ingestion")
    for one in statements((REPOSITORY.ddl / "databases.sql").read_text(encoding="utf-8")):
        warehouse.run(one.sql)
    values = {KAFKA_BROKERS: broker, SCHEMA_REGISTRY_URL: registry}
    for one in statements(filled(render(contract), values)):
        warehouse.run(one.sql)


def wait_for(warehouse: Warehouse, sql: str, count: int) -> None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while warehouse.rows(sql)[0][0] < count:
        assert time.monotonic() < deadline, "the Kafka engine did not read them"
        time.sleep(0.05)


def test_the_kafka_engine_makes_the_same_rows(tmp_path) -> None:
    draft = stream(
        tmp_path / "things",
        [*every_type(), field("more", ["null", "string"])],
        clickhouse={"orderBy": []},
    )
    contract = planned(draft.complete)
    made = Maker(Shape.of(contract.value), {}, 0).records(20)
    with engine_process() as engine, Ids() as ids:
        writer = SandboxWriter(contract.value, ids.register(contract.value))
        frames = [header(writer.id) + one.datum for one in made]
        with closing(Warehouse(Endpoints(clickhouse_url=engine.url))) as warehouse:
            producer, broker = produced(contract.topic.name, [*frames, BROKEN])
            make_tables(warehouse, contract, broker, ids.url)
            wait_for(warehouse, "SELECT count() FROM proofs.things", len(made))
            wait_for(warehouse, "SELECT count() FROM ingestion.errors", 1)
            kept = warehouse.rows("SELECT hex(raw), class FROM ingestion.errors")
            assert [tuple(row) for row in kept] == [(BROKEN.hex().upper(), "poison")]
            server = ProofServer(warehouse, ids.url, errors_table(REPOSITORY), fetches=True)
            with sandbox(server, contract) as tables:
                numbered = [Frame(at, one.datum) for at, one in enumerate(made)]
                assert tables.feed(writer, numbered) == []
                proven = tables.rows("proofs.things", 0)
            names = ", ".join(proven.names)
            sql = f"SELECT {names} FROM proofs.things ORDER BY _offset"
            assert repr(read_rows(warehouse.raw(sql, FORMAT))) == repr(proven)
            del producer
