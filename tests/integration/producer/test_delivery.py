"""Sending to a real broker: every record is accounted for, whatever happens to the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contractline.clients.errors import (
    KafkaAway,
    KafkaUnavailable,
    NotRegistered,
    RegistryAway,
    RegistryUnavailable,
    TopicMissing,
)
from contractline.clients.registry import Registry
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.kafka.encode import Following, RecordRefused, StreamEncoder
from contractline.kafka.produce import Delivery
from contractline.project import Project
from producer.commit import Record, commit_record
from tests.fixtures.stack import RunningStack
from tests.integration.producer.conftest import apply
from tests.integration.producer.running import Log


def a_commit(repository: str, number: int) -> Record:
    return commit_record(
        repository=repository,
        commit_id=f"{number:040x}",
        author="Ivan M",
        author_email="ivan.m@example.com",
        committer="Ivan M",
        committer_email="ivan.m@example.com",
        text=f"number {number}\n",
        authored=None,
        committed=number,
        parents=[],
        source="fake",
        produced_at=number,
        co_authors=["A <a@b>"],
    )


@pytest.fixture
def registry(ready: RunningStack) -> Iterator[Registry]:
    with Registry(ready.endpoints.need("schema_registry_url")) as registry:
        yield registry


@pytest.fixture
def servers(ready: RunningStack) -> str:
    return ready.endpoints.need("kafka_bootstrap_servers")


@pytest.fixture
def commits(ready: RunningStack) -> Contract:
    return contract_named(load_contracts(ready.project), "commits")


def register(stack: RunningStack, contract: Contract, part: str, number: int) -> None:
    versions = contract.keys if part == "key" else contract.values
    url = stack.endpoints.need("schema_registry_url")
    subject = f"{contract.topic.name}-{part}"
    body = {"schema": versions[number - 1].schema.text}
    httpx.post(f"{url}/subjects/{subject}/versions", json=body).raise_for_status()


def test_what_is_acknowledged_is_in_kafka_with_key_and_value(servers, commits, registry, log):
    sent = [a_commit("delivery/plain", number) for number in range(5000)]
    with Delivery(servers, print) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        for record in sent:
            channel.send(record)
        delivery.flush()
        assert (channel.read, channel.taken, channel.failed, channel.refused) == (5000, 5000, 0, 0)
        assert delivery.waiting == 0

    found = log.messages(repository="delivery/plain")

    assert sorted((m.value for m in found), key=lambda v: str(v["commit_id"])) == sent
    assert all(
        m.key == {"repository": "delivery/plain", "commit_id": m.value["commit_id"]} for m in found
    )


def test_refused_records_are_counted_and_the_stream_goes_on(servers, commits, registry, log):
    with Delivery(servers, print) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        for number in range(30):
            record = a_commit("delivery/refused", number)
            if number % 3 == 0:
                record["author"] = None
                with pytest.raises(RecordRefused, match=r"\$\.author"):
                    channel.send(record)
            else:
                channel.send(record)
        delivery.flush()

    assert (channel.read, channel.taken, channel.failed, channel.refused) == (30, 20, 0, 10)
    assert len(log.ids("delivery/refused")) == 20


def test_leaving_a_delivery_waits_for_what_was_sent(servers, commits, registry, log):
    with Delivery(servers, print) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        channel.send_all(
            [a_commit("delivery/left", number) for number in range(500)],
            lambda record, mistake, version: pytest.fail(str(mistake)),
        )
    assert (channel.read, channel.taken) == (500, 500)
    assert len(log.ids("delivery/left")) == 500


def test_a_batch_is_sent_but_for_what_is_refused(servers, commits, registry, log):
    batch = [a_commit("delivery/batch", number) for number in range(9)]
    batch[2]["committed_at"] = 1.5
    batch[4]["author"] = None
    batch[6]["commit_message"] = "x" * 2_000_000
    del batch[8]["co_authors"]
    refused: list[tuple[str, str, int]] = []
    with Delivery(servers, print) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        channel.send_all(
            batch, lambda record, mistake, v: refused.append((record["commit_id"], mistake.path, v))
        )
    assert refused == [
        (batch[2]["commit_id"], "$.committed_at", 2),
        (batch[4]["commit_id"], "$.author", 2),
        (batch[6]["commit_id"], "$.commit_message", 2),
    ]
    assert (channel.read, channel.taken, channel.refused) == (9, 6, 3)
    assert len(log.ids("delivery/batch")) == 6


def test_a_record_that_is_too_large_is_refused(servers, commits, registry):
    with Delivery(servers, print) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        record = a_commit("delivery/large", 1) | {"commit_message": "x" * 2_000_000}
        with pytest.raises(RecordRefused) as refusal:
            channel.send(record)
    assert refusal.value.mistake.path == "$.commit_message"
    assert channel.refused == 1


def test_a_full_queue_is_waited_for(servers, commits, registry, log):
    said: list[str] = []
    small = {"queue.buffering.max.messages": 50}
    with Delivery(servers, said.append, config=small) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        for number in range(3000):
            channel.send(a_commit("delivery/full", number))
        delivery.flush()
    assert channel.taken == 3000
    assert sorted(log.ids("delivery/full")) == [f"{n:040x}" for n in range(3000)]
    assert said == []


def test_a_topic_that_is_not_there_is_an_error_that_says_what_to_do(
    ready, servers, own_project, registry
):
    contract = contract_named(load_contracts(own_project), "commits")
    apply(own_project, ready, "schemas")
    with Delivery(servers, print) as delivery, pytest.raises(TopicMissing) as problem:
        delivery.channel(StreamEncoder(contract, registry))
    assert "contractline apply topics" in problem.value.hint


def test_a_contract_that_is_not_registered_is_an_error_that_says_what_to_do(own_project, registry):
    contract = contract_named(load_contracts(own_project), "commits")
    with pytest.raises(NotRegistered) as problem:
        StreamEncoder(contract, registry)
    assert "make register-schemas" in problem.value.hint


def test_a_version_that_is_registered_while_sending_is_taken(
    ready: RunningStack, servers: str, own_project: Project, registry: Registry, log: Log
) -> None:
    contract = contract_named(load_contracts(own_project), "commits")
    apply(own_project, ready, "topics")
    register(ready, contract, "key", 1)
    register(ready, contract, "value", 1)
    encoder = StreamEncoder(contract, registry)
    said: list[str] = []
    number = 0
    with Delivery(servers, print) as delivery, Following([encoder], said.append, every=0.2):
        channel = delivery.channel(encoder)
        end = time.monotonic() + 20
        while encoder.current.version == 1 and time.monotonic() < end:
            channel.send(a_commit("delivery/versions", number))
            number += 1
            if number == 200:
                register(ready, contract, "value", 2)
            time.sleep(0.001)
        for _ in range(200):
            channel.send(a_commit("delivery/versions", number))
            number += 1
        delivery.flush()
        assert channel.taken == number

    found = log.messages(contract.topic.name)
    assert said == ["commits v2 is registered: writing it from now on"]
    assert len(found) == number
    assert len({m.schema_id for m in found}) == 2
    helped = [m.value.get("co_authors") for m in found]
    assert helped.count(["A <a@b>"]) == 200
    assert helped.count(None) == number - 200


def test_a_registry_that_is_elsewhere_is_told_apart_from_one_that_refuses(ready, commits, tmp_path):
    with Registry("http://127.0.0.1:9/apis") as nowhere, pytest.raises(RegistryAway):
        StreamEncoder(commits, nowhere)
    url = ready.endpoints.need("schema_registry_url").replace("/ccompat/v7", "/nothing")
    with Registry(url) as wrong, pytest.raises(RegistryUnavailable) as problem:
        StreamEncoder(commits, wrong)
    assert not isinstance(problem.value, RegistryAway)


def test_a_broker_that_is_nowhere_is_away(commits, registry):
    with Delivery("127.0.0.1:9", print) as delivery, pytest.raises(KafkaAway):
        delivery.channel(StreamEncoder(commits, registry))


def test_a_broker_that_stops_is_waited_for_and_nothing_is_lost(
    ready: RunningStack, servers: str, commits: Contract, registry: Registry, log: Log
) -> None:
    said: list[str] = []
    with Delivery(servers, said.append) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        for number in range(2000):
            channel.send(a_commit("delivery/outage", number))
        ready.stop("kafka")
        for number in range(2000, 4000):
            channel.send(a_commit("delivery/outage", number))
        back = threading.Timer(5, ready.start, ["kafka"])
        back.start()
        delivery.flush()
        back.join()
        assert (channel.read, channel.taken, channel.failed) == (4000, 4000, 0)

    assert any("does not acknowledge" in words for words in said)
    assert any("acknowledges again" in words for words in said)
    assert set(log.ids("delivery/outage")) == {f"{n:040x}" for n in range(4000)}


def test_giving_up_counts_what_was_not_acknowledged_as_failed(
    ready: RunningStack, servers: str, commits: Contract, registry: Registry, tmp_path: Path
) -> None:
    abandon = threading.Event()
    with Delivery(servers, print, abandon) as delivery:
        channel = delivery.channel(StreamEncoder(commits, registry))
        channel.send(a_commit("delivery/given-up", 0))
        delivery.flush()
        ready.stop("kafka")
        try:
            for number in range(1, 101):
                channel.send(a_commit("delivery/given-up", number))
            abandon.set()
            with pytest.raises(KafkaUnavailable, match="without acknowledgement"):
                delivery.flush()
            delivery.give_up()
        finally:
            ready.start("kafka")

    assert (channel.read, channel.taken, channel.failed, channel.refused) == (101, 1, 100, 0)
    assert sum(channel.failures.values()) == 100
