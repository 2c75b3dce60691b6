"""The rows of a producer's stream against its topic: equal, or exactly the rows that differ."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from contractline.cli.verify import command
from contractline.kafka.place import MessagePlace
from contractline.recovery.dead_letters import dismiss
from contractline.recovery.topic_comparison import compare_topic
from tests.integration.tables.lab import Lab, Row, commit
from tests.integration.tables.test_rebuild import configure, messages


def verified(lab: Lab, *more: str) -> tuple[int, dict[str, Any]]:
    """Compare the commits of a lab; return the exit code and what is said to programs."""
    result = lab.invoke(command, f"{lab.prefix}_commits", "--json", *more)
    assert result.exception is None, result.output
    (stream,) = json.loads(result.stdout)["streams"]
    assert stream["exit_code"] == result.return_value
    assert not left(lab)
    return result.return_value, stream


def left(lab: Lab) -> list[Row]:
    """Return the databases that comparisons made."""
    return lab.rows("SELECT name FROM system.databases WHERE name LIKE 'contractline_verify%'")


def sent(lab: Lab, count: int = 500) -> None:
    """Send commits, some of them twice, in two versions, some fuller than those that come later."""
    for number in range(count):
        version = 1 + number % 2
        extra = {"co_authors": [f"Bob {number} <b@x.org>"]} if version == 2 else {}
        values = [commit(number, **extra)]
        if number % 10 == 0:
            values = [commit(number, additions=0, **extra), *values]
        frames = [lab.frame("commits", value, version=version) for value in values]
        lab.send("commits", frames, f"key {number}".encode())
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", count)


def test_duplicates_and_two_versions_are_equal(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab)
    code, told = verified(lab)
    assert (code, told["messages"], told["rows"]) == (0, 550, 500)
    assert told["position"] == "0:550"
    assert not told["keys"]
    assert not told["not_compared"]


def test_a_topic_without_messages_is_equal(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    code, told = verified(lab)
    assert (code, told["messages"], told["rows"]) == (0, 0, 0)


def test_each_row_that_differs_is_named(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab)
    table = f"{lab.prefix}.commits"
    gone, other, null = (f"{number:040x}" for number in (11, 12, 20))
    lab.warehouse.run(
        f"DELETE FROM {table} WHERE commit_id = '{gone}' SETTINGS lightweight_deletes_sync = 2"
    )
    lab.warehouse.run(
        f"ALTER TABLE {table} UPDATE author = 'Bob' WHERE commit_id = '{other}'"
        " SETTINGS mutations_sync = 2"
    )
    # Null and 0 are not the same.
    lab.warehouse.run(
        f"ALTER TABLE {table} UPDATE additions = NULL WHERE commit_id = '{null}'"
        " SETTINGS mutations_sync = 2"
    )
    lab.warehouse.run(
        f"INSERT INTO {table} SELECT * REPLACE ('never sent' AS commit_id) FROM {table} FINAL LIMIT 1"
    )
    lab.warehouse.run(f"INSERT INTO {table} (repository, commit_id) VALUES ('org/x', 'by hand')")
    code, told = verified(lab)
    assert code == 1
    assert (told["missing"], told["changed"], told["extra"]) == (1, 2, 2)
    words = {key.split(",")[-1].strip('"'): what for key, what in told["keys"].items()}
    assert words == {
        gone: "missing in ClickHouse",
        other: "has other values in ClickHouse: author",
        null: "has other values in ClickHouse: additions",
        "never sent": "only in ClickHouse",
        "by hand": "only in ClickHouse",
    }


def test_a_dead_letter_is_the_reason_for_a_row_that_is_missing(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab, 20)
    table, topic = f"{lab.prefix}.commits", lab.contract("commits").topic.name
    lab.send("commits", [b"\0nonsense"], b"poison")
    lab.wait_for(f"SELECT count() FROM ingestion.errors WHERE topic = '{topic}'", 1)
    code, told = verified(lab)
    assert (code, told["undecodable"], told["lost"]) == (0, 1, 0)

    # As if it could not have been read; the watch leaves poison alone.
    (row,) = lab.rows(f"SELECT _offset FROM {table} WHERE commit_id = '{3:040x}'")
    lab.warehouse.run(
        "INSERT INTO ingestion.errors (topic, partition, offset, at, key, raw, reason, class)"
        f" VALUES ('{topic}', 0, {row[0]}, now64(3), '', '', 'as if', 'poison')"
    )
    lab.warehouse.run(
        f"DELETE FROM {table} WHERE commit_id = '{3:040x}' SETTINGS lightweight_deletes_sync = 2"
    )
    code, told = verified(lab)
    assert (code, told["missing"]) == (1, 1)
    assert list(told["keys"].values()) == ["missing in ClickHouse: a dead letter"]

    dismiss(lab.warehouse, [MessagePlace(topic, 0, row[0])], by="a test", because="it is one")
    code, told = verified(lab)
    assert (code, told["missing"], told["not_compared"]) == (0, 0, {"dismissed": 1})

    lab.warehouse.run(
        f"ALTER TABLE ingestion.errors DELETE WHERE topic = '{topic}' SETTINGS mutations_sync = 2"
    )
    code, told = verified(lab)
    assert (code, told["undecodable"], told["lost"]) == (1, 1, 1)


def test_what_kafka_no_longer_holds_is_counted_and_not_compared(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab, 100)
    topic = lab.contract("commits").topic.name
    admin = AdminClient({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    configure(lab, topic, {"cleanup.policy": "compact,delete"})
    (deleted,) = admin.delete_records([TopicPartition(topic, 0, 55)]).values()
    deleted.result()
    code, told = verified(lab)
    assert (code, told["rows"], told["not_compared"]) == (0, 50, {"older": 50})


def test_a_fuller_record_that_kafka_compacted_away_is_counted(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    topic = lab.contract("commits").topic.name
    configure(lab, topic, {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"})
    for turn in range(3):  # the fullest first: it stays in ClickHouse, the last stays in Kafka
        for number in range(100):
            value = commit(number, additions=None if turn else 7, produced_at=turn * 1_000)
            lab.send("commits", [lab.frame("commits", value)], f"{number}".encode())
        time.sleep(0.15)
    deadline = time.monotonic() + 90
    while len(messages(lab, topic)) > 200:
        assert time.monotonic() < deadline, "Kafka does not compact"
        time.sleep(1)
    code, told = verified(lab)
    assert (code, told["rows"]) == (0, 100), told
    assert set(told["not_compared"]) == {"compacted"}


def test_commits_that_come_meanwhile_do_not_matter(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab, 200)
    with sending(lab):
        for _ in range(3):
            code, told = verified(lab)
            assert code == 0, told
            assert told["rows"] >= 200
    code, told = verified(lab)
    assert (code, told["not_compared"]) == (0, {}), told


@contextmanager
def sending(lab: Lab) -> Iterator[None]:
    """Send commits while the body runs: new ones, and later records of those that are there."""
    ended = threading.Event()

    def send() -> None:
        number = 0
        while not ended.wait(0.002):
            number += 1
            value = commit(number % 400, produced_at=1_800_000_000_000_000 + number)
            lab.send("commits", [lab.frame("commits", value)], f"key {number % 400}".encode())

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_reader_that_stands_still_is_told(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab, 10)
    lab.warehouse.run(f"DROP TABLE ingestion.{lab.prefix}_commits_feed SYNC")
    time.sleep(1)  # a block that was being read still passes the view
    lab.send("commits", [lab.frame("commits", commit(11))])
    code, told = verified(lab, "--wait", "1")
    assert (code, told["waits_for"]) == (2, "ClickHouse is 1 record of the topic behind")


@pytest.mark.parametrize(
    ("setting", "address", "name"),
    [
        ("kafka_bootstrap_servers", "127.0.0.1:1", "Kafka"),
        ("clickhouse_url", "http://127.0.0.1:1", "ClickHouse"),
    ],
)
def test_a_service_that_is_away_is_named(lab: Lab, setting: str, address: str, name: str) -> None:
    lab.stream("commits")
    lab.apply()
    there = lab.endpoints
    lab.endpoints = there.model_copy(update={setting: address})
    code, told = verified(lab)
    lab.endpoints = there
    assert code == 2
    assert name in told["error"]


class Outside:
    """What is seen from outside while a topic is loaded, which is stopped then."""

    def __init__(self, lab: Lab, stop: threading.Event) -> None:
        self._lab = lab
        self._stop = stop
        self.planned: list[str] = []
        self.databases = 0

    def say(self, words: str) -> None:
        """Nothing is away."""

    def show(self, done: int, total: int) -> None:
        plan = self._lab.plan()
        self.planned = [step.subject for step in plan.steps]
        self.planned += [f.subject for f in plan.findings if "verify" in f.subject]
        self.databases = len(left(self._lab))
        self._stop.set()


def test_what_it_makes_is_in_no_plan_and_gone_after_an_interrupt(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    sent(lab, 20)
    stop = threading.Event()
    outside = Outside(lab, stop)
    contract = lab.contract("commits")
    result = compare_topic(lab.endpoints, contract, outside, stop, patience_seconds=1)
    assert result.stopped
    assert not result.is_equal
    assert (outside.databases, outside.planned) == (1, [])
    assert not left(lab)
