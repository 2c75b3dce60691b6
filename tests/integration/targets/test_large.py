"""A large table that joins while its rows change and Kafka Connect is killed: equal in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from contractline.errors import ContractlineError
from contractline.settings import environment
from contractline.targets.topics import Cluster
from tests.fixtures.stack import RunningStack
from tests.integration.targets.lab import Lab
from tests.integration.targets.test_verify import compared

ROWS = int(environment().get("CONTRACTLINE_ROWS", "60000"))
"""Three parts of what one snapshot reads; `make test-long` takes 1,000,000."""

ID = {"name": "id", "type": "int"}
KEY = [ID, {"name": "at", "type": "string"}]
OTHERS: list[dict[str, Any]] = [
    {"name": "v", "type": "int"},
    {"name": "note", "type": ["null", "string"], "default": None},
]


@contextmanager
def changes(lab: Lab) -> Iterator[None]:
    """Update, delete and insert rows some 20 times a second."""
    stop = threading.Event()

    def change() -> None:
        with psycopg.connect(lab.endpoints.need("postgres_dsn"), autocommit=True) as connection:
            number = 0
            while not stop.wait(0.05):
                number += 1
                row, gone = (number * prime % ROWS + 1 for prime in (7919, 104729))
                connection.execute(f"UPDATE {lab.prefix}.big SET v = v + 1 WHERE id = {row}")
                if number % 5 == 0:
                    connection.execute(f"DELETE FROM {lab.prefix}.big WHERE id = {gone}")
                if number % 3 == 0:
                    new = f"({ROWS + number}, now(), {number}, NULL)"
                    connection.execute(f"INSERT INTO {lab.prefix}.big VALUES {new}")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def kills(lab: Lab, stack: RunningStack, at: list[int]) -> Iterator[list[int]]:
    """Kill Connect each time that the topic of the table has grown to so many records."""
    stop = threading.Event()
    killed: list[int] = []
    cluster = Cluster(lab.endpoints)

    def written() -> int:
        try:
            return cluster.written(lab.topic("big"), 1)
        except ContractlineError:
            return 0  # there is no topic yet

    def watch() -> None:
        for records in at:
            while written() < records:
                if stop.wait(0.1):
                    return
            stack.kill("connect")
            killed.append(records)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


@pytest.mark.timeout(7200)
def test_a_large_table_is_equal_after_kills(lab: Lab, stack: RunningStack) -> None:
    lab.sql("CREATE TABLE first (id int PRIMARY KEY)")
    lab.contract("first", [ID], [ID], has_sink=True)
    lab.bring_up_with_tables()
    lab.sql(
        "CREATE TABLE big (id int, at timestamptz, v int NOT NULL, note text, PRIMARY KEY (id, at))"
    )
    lab.sql(
        "INSERT INTO big SELECT i, timestamptz '2026-01-01Z' + i * interval '1 s', i, 'note ' || i"
        f" FROM generate_series(1, {ROWS}) i"
    )
    lab.contract("big", [*KEY, *OTHERS], KEY, has_sink=True)

    with changes(lab), kills(lab, stack, [ROWS // 2, ROWS * 3 // 4]) as killed:
        lab.bring_up_with_tables()

    assert len(killed) == 2
    found = compared(lab, "big")
    assert found.result.is_equal, (found.result.words, found.result.keys, found.result.waits_for)
    [counted] = lab.sql("SELECT count(*) AS rows FROM big")
    assert found.result.rows == counted["rows"] > ROWS * 0.9
