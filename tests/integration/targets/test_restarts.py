"""The watch on a real worker: failed tasks go on by themselves, but for a broken contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from contractline.watch import Watch
from tests.fixtures.stack import RunningStack
from tests.integration.targets.lab import Lab, until
from tests.integration.targets.test_policies import FIELDS, LEVEL, start, wait_until_failed


def test_a_registry_that_was_away_is_asked_again(lab: Lab, stack: RunningStack) -> None:
    """A worker that was started anew asks for the schema of the first row, and nobody answers."""
    start(lab, policy="stop")
    stack.restart("connect")
    until(lambda: lab.task_state() == "RUNNING", "the task to run again")
    with watching(lab) as lines:
        stack.stop("registry")
        try:
            lab.sql("INSERT INTO people SELECT 'p' || n, 'B' FROM generate_series(1, 30) AS n")
            wait_until_failed(lab)
            until(lambda: any("waiting: Schema Registry at" in line for line in lines), "the words")
        finally:
            stack.start("registry")
        records = lab.wait_for_records("people", 31)

    assert {r.row["name"] for r in records[1:] if r.row} == {f"p{n}" for n in range(1, 31)}
    (restarted,) = (line for line in lines if "restarted" in line)
    assert restarted == (
        f"{lab.prefix}: restarted, its task had failed (ConnectException: Connection refused),"
        " and what it needs is there now"
    )
    assert lines[-1] == "stopped"


def test_a_broken_contract_waits_for_a_person(lab: Lab) -> None:
    start(lab, policy="stop")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    lab.sql("INSERT INTO people VALUES ('Bob', 'B', 7)")
    wait_until_failed(lab)
    with watching(lab) as lines:
        until(
            lambda: len(lines) > 1 and any("left as it is" in line for line in lines), "the words"
        )
        time.sleep(7)  # two more pauses
        assert lab.task_state() == "FAILED"
        told = [line for line in lines if line.startswith(lab.prefix)]
        assert len(told) == len(set(told))  # what was known at first may have been less
        said = told[-1]
        assert f"{lab.prefix}.people has a column `level` that people v1 does not hold" in said
        assert "`make register-schemas`; the change waits in the replication slot" in said

        lab.release("people", 2, [*FIELDS, LEVEL])
        lab.apply("schemas")
        records = lab.wait_for_records("people", 2)

    assert records[-1].row == {"name": "Bob", "team": "B", "level": 7}
    assert sum("restarted" in line for line in lines) == 1


def test_a_worker_that_is_away_is_waited_for(lab: Lab) -> None:
    start(lab, policy="report")
    mine = lab.endpoints
    lab.endpoints = mine.model_copy(update={"connect_url": "http://127.0.0.1:1"})
    with watching(lab) as lines:
        until(lambda: any("waiting: Kafka Connect at" in line for line in lines), "the words")
    lab.endpoints = mine


@contextmanager
def watching(lab: Lab) -> Iterator[list[str]]:
    """Run a watch of the lab's project, and give the lines that it says."""
    lines: list[str] = []
    stop = Event()
    watch = Watch(lab.project, lambda: lab.endpoints, lines.append)
    thread = Thread(target=watch.run, args=(stop,))
    thread.start()
    try:
        yield lines
    finally:
        stop.set()
        thread.join(90)
        assert not thread.is_alive()
