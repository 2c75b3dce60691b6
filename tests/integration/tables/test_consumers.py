"""How ClickHouse reads a stream is told as it is, and a queue that stopped for good reads on."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import Consumer

from contractline.clickhouse.ddl import consumer_group
from contractline.stack.services.clickhouse import GROUP_MEMBER
from contractline.targets.tables.consumers import Consumption, consumptions
from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import PATIENCE_SECONDS, Lab, commit
from tests.integration.tables.test_errors import watching


def wait_until(lab: Lab, wanted: Callable[[Consumption], bool]) -> Consumption:
    name = lab.contract("commits").name
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = consumptions(lab.warehouse).get(name)
        if found is not None and wanted(found):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def shut_out(lab: Lab) -> None:
    """Take the place of ClickHouse's consumer in the group, as another server of its name would."""
    contract = lab.contract("commits")
    rival = Consumer(
        {
            "bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers"),
            "group.id": consumer_group(contract.name),
            "group.instance.id": GROUP_MEMBER,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    rival.subscribe([contract.topic.name])
    end = time.monotonic() + PATIENCE_SECONDS
    while not rival.assignment():
        assert time.monotonic() < end, "it did not join"
        rival.poll(0.1)
    rival.close()


def test_a_queue_whose_consumer_was_shut_out_reads_on(lab: Lab, stack: RunningStack) -> None:
    lab.stream("commits")
    lab.apply()
    assert wait_until(lab, lambda one: one.is_reading).partitions == (0,)
    said = f"{lab.contract('commits').name}: its consumer had stopped for good"
    with watching(lab, stack) as lines:
        shut_out(lab)
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(line.startswith(said) for line in lines):
            assert time.monotonic() < end, consumptions(lab.warehouse)
            time.sleep(0.1)
        lab.send("commits", [lab.frame("commits", commit(1))])
        lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 1)
    assert wait_until(lab, lambda one: one.is_reading).is_given_up is False


def test_what_keeps_a_queue_from_storing_is_told_until_it_stores(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    table, away = f"{lab.prefix}.commits", f"{lab.prefix}.commits_away"
    lab.warehouse.run(f"RENAME TABLE {table} TO {away}")
    lab.send("commits", [lab.frame("commits", commit(1))])

    found = wait_until(lab, lambda one: table in one.problem)

    assert "Stack trace" not in found.problem
    assert found.problem_at is not None
    lab.warehouse.run(f"RENAME TABLE {away} TO {table}")
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 1)
    # What failed while the table was renamed may be noted after the first message was stored.
    lab.send("commits", [lab.frame("commits", commit(2))])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 2)
    assert wait_until(lab, lambda one: not one.problem).messages >= 2
