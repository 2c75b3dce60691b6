"""Reading a compacted topic: the newest value of each key, whatever else lies there."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from contractline.clients.errors import KafkaUnavailable, TopicMissing
from contractline.clients.registry import Registry
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.kafka.compacted import read_compacted
from contractline.kafka.encode import StreamEncoder
from contractline.kafka.produce import Delivery
from contractline.project import Project
from tests.fixtures.stack import RunningStack
from tests.integration.producer.conftest import apply

NEVER = pytest.fail


@pytest.fixture
def contract(ready: RunningStack, tmp_path: Path) -> Contract:
    """The contract of cursors with a topic of its own, of three parts."""
    shutil.copytree(ready.project.contracts, tmp_path / "contracts")
    (tmp_path / "clickhouse_ddl").mkdir()
    document = tmp_path / "contracts" / "system" / "cursors" / "contract.odcs.yaml"
    text = document.read_text().replace("contractline_cursors", f"cursors_{tmp_path.name.lower()}")
    document.write_text(text.replace("partitions: 1", "partitions: 3"))
    project = Project(tmp_path.resolve())
    apply(project, ready, "topics", "schemas")
    return contract_named(load_contracts(project), "cursors")


@pytest.fixture
def registry(ready: RunningStack) -> Iterator[Registry]:
    with Registry(ready.endpoints.need("schema_registry_url")) as registry:
        yield registry


def key(ref: str) -> dict[str, str]:
    return {"source": "git", "repository": "a/b", "ref": ref}


def test_the_newest_value_of_each_key_is_read(ready, contract, registry):
    servers = ready.endpoints.need("kafka_bootstrap_servers")
    assert read_compacted(servers, contract, registry, NEVER) == {}
    with Delivery(servers, print) as delivery:
        encoder = StreamEncoder(contract, registry)
        channel = delivery.channel(encoder)
        for number in range(300):
            value = {"position": str(number), "updated_at": number}
            channel.send(value, key(f"ref{number % 7}"))
        delivery.flush()
        state = read_compacted(servers, contract, registry, NEVER)
        assert {k: v["position"] for k, v in state.items()} == {
            ("git", "a/b", f"ref{n % 7}"): str(n) for n in range(293, 300)
        }

        raw = Producer({"bootstrap.servers": servers})
        assert encoder.current.key is not None
        raw.produce(contract.topic.name, None, encoder.current.key(key("ref3")))
        raw.flush()
        state = read_compacted(servers, contract, registry, NEVER)
        assert len(state) == 6
        assert ("git", "a/b", "ref3") not in state


def test_what_cannot_be_read_is_passed_over_and_said(ready, contract, registry):
    servers = ready.endpoints.need("kafka_bootstrap_servers")
    encoder = StreamEncoder(contract, registry)
    assert encoder.current.key is not None
    good = encoder.current.key(key("good"))
    value = encoder.current.value({"position": "here", "updated_at": 1})
    raw = Producer({"bootstrap.servers": servers})
    bad = [
        (b"", value),
        (b"no frame", value),
        (good, b"\x00\x00\x00"),
        (good, struct.pack(">bI", 0, 9_999_999) + b"unknown id"),
        (good, value[:5]),
        (good, value[:9]),
        (good, value[:5] + b"\xff" * 40),
        (value, good),
    ]
    for name, datum in [(good, value), *bad]:
        raw.produce(contract.topic.name, datum, name)
    raw.flush()
    said: list[str] = []

    state = read_compacted(servers, contract, registry, said.append)

    assert {k: v["position"] for k, v in state.items()} == {("git", "a/b", "good"): "here"}
    [words] = said
    assert f"{len(bad)} records can't be read" in words


def test_a_topic_that_is_not_there_is_an_error(ready, own_project, registry):
    contract = contract_named(load_contracts(own_project), "commits")
    servers = ready.endpoints.need("kafka_bootstrap_servers")
    with pytest.raises(TopicMissing):
        read_compacted(servers, contract, registry, NEVER)


def test_a_broker_that_is_nowhere_is_an_error(contract, registry):
    with pytest.raises(KafkaUnavailable):
        read_compacted("127.0.0.1:9", contract, registry, NEVER)
