"""A stack that starts on other ports than before: its readers follow."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack

import httpx

from tests.fixtures.stack import RunningStack
from tests.integration.producer.running import Run
from tests.integration.stack.conftest import Checkout, until

MOVED = ("kafka", "kafka-controller", "registry")

FROM = ("--start", "2026-01-05")
"""Makes a seed's commits the same in every run, whenever it is."""


def test_queues_read_on_where_kafka_and_the_registry_are_now(make_checkout):
    checkout: Checkout = make_checkout()
    checkout.run("up")
    checkout.run("apply")
    produce(checkout, 20)
    until(lambda: arrived(checkout) == 20)
    checkout.run("down")
    before = json.loads((checkout.project.state / "ports.json").read_text())

    with ExitStack() as taken:
        for name in MOVED:
            taken.enter_context(socket.create_server(("127.0.0.1", before[name])))
        said = checkout.run("up")
    produce(checkout, 50)

    now = RunningStack.of(checkout.project, {}).exports
    where = f"{now['KAFKA_BOOTSTRAP_SERVERS']} and {now['SCHEMA_REGISTRY_URL']}"
    assert f":{before['kafka']}" not in where
    assert f"commits: reads from {where} now" in said
    until(lambda: arrived(checkout) == 50)
    assert ask(checkout, "SELECT count() FROM ingestion.errors") == "0"
    assert "reads from" not in checkout.run("up")
    assert "nothing to do" in checkout.run("plan", "tables")


def produce(checkout: Checkout, count: int) -> None:
    """Send the first commits that the generator makes: the same ones each time."""
    environment = RunningStack.of(checkout.project, {}).environment
    arguments = ("--source", "fake", *FROM, "--count", str(count))
    sent = Run(environment, checkout.project.root, arguments).finish()
    assert sent.code == 0, sent.said


def arrived(checkout: Checkout) -> int:
    return int(ask(checkout, "SELECT count() FROM reporting.commits"))


def ask(checkout: Checkout, sql: str) -> str:
    url = RunningStack.of(checkout.project, {}).exports["CLICKHOUSE_URL"]
    return httpx.post(url, content=sql).raise_for_status().text.strip()
