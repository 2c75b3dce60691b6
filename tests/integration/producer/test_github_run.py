"""Whole runs of ``python -m producer --source github``: a server that answers as GitHub, to Kafka."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.report import INTERRUPTED
from tests.fixtures.stack import REPOSITORY, clean_environment
from tests.github_server.app import TOKEN, GitHubServer
from tests.github_server.repositories import generated
from tests.github_server.script import Fault


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    made = GitHubServer(generated("run/github", 1500))
    with made.running():
        yield made
    assert made.problems == []


@pytest.fixture
def arguments(server: GitHubServer, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "tokens").write_text(f"# the pool\n{TOKEN}\n")
    where = ("--base-url", server.url, "--token-file", str(tmp_path / "tokens"))
    return ("--source", "github", "--repository", "run/github", *where)


def position(log, ref: str = "refs/heads/main") -> str | None:
    key = {"source": "github", "repository": "run/github", "ref": ref}
    found = [m.value["position"] for m in log.messages("contractline_cursors") if m.key == key]
    return found[-1] if found else None


def test_a_restart_neither_repeats_nor_misses_and_new_commits_follow(
    produce, log, server, arguments
):
    it = server.repositories[0]
    everything = sorted(it.history(it.branches["main"]))
    server.faults = [Fault("/graphql", times=-1, seconds=0.3)]

    cut = produce(*arguments)
    cut.wait_for(lambda: server.count("/graphql") > 5)
    cut.signal(signal.SIGTERM)
    first = cut.finish()
    assert first.code == INTERRUPTED, first.said
    assert 0 < first.account["read"] < len(everything)
    assert position(log) is None
    assert position(log, "refs/heads/main unfinished")

    server.faults = []
    new = it.commit("main")
    second = produce(*arguments).finish()
    assert second.code == 0, second.said
    assert first.account["read"] + second.account["read"] == len(everything) + 1
    assert sorted(log.ids("run/github")) == sorted([*everything, new])
    assert position(log) == new
    assert {m.value["source"] for m in log.messages(repository="run/github")} == {"github"}

    following = produce(*arguments, "--follow", "--poll-interval", "0.2")
    following.wait_for(lambda: server.count("branches/main") > 5)
    newest = it.commit("main")
    following.wait_for(lambda: newest in log.ids("run/github"), 20)
    following.wait_for(lambda: position(log) == newest, 20)
    following.signal(signal.SIGTERM)
    assert following.finish().account["read"] == 1
    assert produce(*arguments).finish().account["read"] == 0


def test_a_killed_run_loses_nothing(produce, log, server, arguments):
    server.repositories = [generated("run/github", 900, seed=5)]
    it = server.repositories[0]
    everything = set(it.history(it.branches["main"]))
    server.faults = [Fault("/graphql", times=-1, seconds=1.2)]
    killed = produce(*arguments, "--again")
    killed.wait_for(lambda: server.count("/graphql") > 6)
    killed.signal(signal.SIGKILL)
    killed.finish()
    server.faults = []
    assert produce(*arguments).finish().code == 0
    assert everything <= set(log.ids("run/github"))
    assert position(log) == it.branches["main"]


def test_the_plan_needs_no_kafka_and_the_server_is_a_command(tmp_path):
    command = [sys.executable, "-m", "tests.github_server", "--generated", "acme/shop=250"]
    serving = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert serving.stdout
        url = serving.stdout.readline().strip()
        plan = ("--source", "github", "--organisation", "acme", "--base-url", url, "--plan")
        nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "GITHUB_TOKEN": TOKEN}
        done = subprocess.run(
            [sys.executable, "-m", "producer", *plan],
            cwd=REPOSITORY,
            env={**clean_environment(), **nowhere},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "acme/shop refs/heads/main: 2" in done.stdout
        assert "GraphQL points" in done.stdout
    finally:
        serving.terminate()
        assert serving.wait(20) == 0
        if serving.stdout:
            serving.stdout.close()
