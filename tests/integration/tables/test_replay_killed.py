"""A replay that is killed, or whose engine is, loses and doubles nothing when it is repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import PATIENCE_SECONDS, Lab, commit

MESSAGES = 20_000
"""Ten batches, so that the first rows are in long before the last."""


@pytest.fixture
def failed(lab: Lab, stack: RunningStack) -> Iterator[Lab]:
    """A stream all of whose messages came while the registry was away."""
    lab.stream("commits")
    number = lab.release_own("commits")
    lab.apply()
    more = {"co_authors": [], lab.prefix: "here"}
    frames = [
        lab.frame("commits", commit(n, additions=n) | more, version=number) for n in range(MESSAGES)
    ]
    stack.stop("watch")
    try:
        stack.stop("registry")
        try:
            lab.send("commits", frames)
            lab.wait_for(f"SELECT count() FROM {open_errors(lab)}", MESSAGES)
        finally:
            stack.start("registry")
        yield lab
    finally:
        stack.start("watch")


def test_a_killed_replay_is_repeated(failed: Lab, stack: RunningStack) -> None:
    replay = begin(failed, stack)
    first = wait_for_rows(failed, replay, more_than=0)
    replay.kill()
    replay.communicate()
    assert replay.returncode == -signal.SIGKILL

    replay = begin(failed, stack)
    wait_for_rows(failed, replay, more_than=first)
    os.kill(replay.pid, signal.SIGCONT)
    killed = stack.kill("clickhouse")
    said, _ = replay.communicate(timeout=PATIENCE_SECONDS)
    assert replay.returncode == 2, said
    assert "error: ClickHouse at " in said
    assert "Traceback" not in said
    stack.wait_until_back("clickhouse", killed)

    replay = begin(failed, stack)
    said, _ = replay.communicate(timeout=PATIENCE_SECONDS)
    assert replay.returncode == 0, said
    assert failed.one(f"SELECT count() FROM {open_errors(failed)}") == 0
    assert failed.rows(
        f"SELECT commit_id, additions, _offset FROM {failed.prefix}.commits FINAL ORDER BY additions"
    ) == [(f"{n:040x}", n, n) for n in range(MESSAGES)]


def begin(lab: Lab, stack: RunningStack) -> subprocess.Popen[str]:
    root, stream = str(lab.project.root), lab.contract("commits").name
    return subprocess.Popen(
        [sys.executable, "-m", "contractline", "--project", root, "replay", "--stream", stream],
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_rows(lab: Lab, replay: subprocess.Popen[str], *, more_than: int) -> int:
    """Hold a replay as soon as it has brought rows in, and return how many there are."""
    sql = f"SELECT count() FROM {lab.prefix}.commits FINAL"
    end = time.monotonic() + PATIENCE_SECONDS
    while lab.one(sql) <= more_than:
        assert time.monotonic() < end, "no rows came in"
        time.sleep(0.01)
    os.kill(replay.pid, signal.SIGSTOP)
    found: int = lab.one(sql)
    assert more_than < found < MESSAGES
    return found


def open_errors(lab: Lab) -> str:
    topic = lab.contract("commits").topic.name
    return f"(SELECT 1 FROM ingestion.errors FINAL WHERE isNull(resolved_at) AND topic = '{topic}')"
