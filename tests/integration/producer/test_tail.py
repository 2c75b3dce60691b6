"""``contractline tail`` on the running stack: what is shown is what was sent."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from typing import Any

import pytest
from confluent_kafka import Producer

from contractline.project import Project
from tests.fixtures.stack import RunningStack
from tests.integration.producer.conftest import apply, own_topic

VALUE = {
    "author": "Masha R",
    "author_email": "masha@example.com",
    "committer": "Masha R",
    "committer_email": "masha@example.com",
    "commit_message": "Count what is there",
    "committed_at": "2026-01-05T10:00:00.000001Z",
    "parents": [],
    "source": "fake",
    "produced_at": "2026-01-05T10:00:01Z",
}


@pytest.fixture
def project(ready: RunningStack, own_project: Project) -> Project:
    apply(own_project, ready, "topics", "schemas")
    return own_project


@pytest.fixture
def contractline(ready: RunningStack, project: Project) -> Any:
    def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "contractline", "--project", project.root, *arguments],
            input=text,
            env=ready.environment,
            capture_output=True,
            text=True,
            timeout=90,
        )

    return run


def commits(first: int, last: int) -> str:
    lines = (
        {"repository": "a/b", "commit_id": f"{number:040x}", **VALUE}
        for number in range(first, last)
    )
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_the_newest_messages_are_shown_and_can_be_produced_again(
    ready: RunningStack, contractline: Any, tmp_path: Any
) -> None:
    assert contractline("tail", "commits").stderr.endswith("holds no messages\n")
    sent = contractline("produce", "commits", "-", text=commits(0, 30))
    assert sent.returncode == 0, sent.stderr

    tail = contractline("tail", "commits", "-n", "7", "--json", "--personal")

    assert tail.returncode == 0, tail.stderr
    shown = [json.loads(line) for line in tail.stdout.splitlines()]
    assert len(shown) == 7
    assert {one["version"] for one in shown} == {2}
    assert all(one["value"].items() >= VALUE.items() for one in shown)
    again = "".join(json.dumps(one["value"]) + "\n" for one in shown)
    assert contractline("produce", "commits", "-", text=again).returncode == 0
    hidden = contractline("tail", "commits", "-n", "40")
    assert hidden.stdout.count("version 2 (schema id ") == 37
    assert "Count what is there" in hidden.stdout
    assert "asha" not in hidden.stdout

    # Of somebody else: a compacted topic takes no message without a key.
    raw = Producer({"bootstrap.servers": ready.endpoints.need("kafka_bootstrap_servers")})
    raw.produce(own_topic(tmp_path), None, b"a key")
    raw.produce(own_topic(tmp_path), b'{"commit": 1}', b"a key")
    assert raw.flush(30) == 0
    bad = contractline("tail", "commits", "-n", "2", "--json")
    assert bad.returncode == 1
    found = {one["value"]: one["error"] for one in map(json.loads, bad.stdout.splitlines())}
    assert "the key: not a Confluent Avro frame: begins with the byte 0x61" in found[None]
    assert "the value" in found["0x" + b'{"commit": 1}'.hex()]


def test_what_comes_is_followed(ready: RunningStack, project: Project, contractline: Any) -> None:
    arguments = ["--project", str(project.root), "tail", "commits", "-n", "2", "-f", "--json"]
    contractline("produce", "commits", "-", text=commits(0, 3))
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "contractline", *arguments],
        env=ready.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        try:
            assert follower.stdout is not None
            earlier = [json.loads(follower.stdout.readline()) for _ in range(2)]
            assert all(one["value"]["commit_id"] < f"{3:040x}" for one in earlier)
            sent = 3
            # Its place is taken once it runs: send until it shows something.
            while not select.select([follower.stdout], [], [], 1)[0]:
                assert contractline("produce", "commits", "-", text=commits(sent, sent + 5)).stdout
                sent += 5
            line = follower.stdout.readline()
            assert json.loads(line)["value"]["commit_id"] >= f"{3:040x}"
            follower.send_signal(signal.SIGINT)
            assert follower.wait(30) == 130
        finally:
            follower.kill()


def test_a_stream_of_another_name_and_a_broker_that_is_away_are_told(
    ready: RunningStack, contractline: Any
) -> None:
    unknown = contractline("tail", "comits")
    assert unknown.returncode == 2
    assert "there is no contract `comits`" in unknown.stderr
