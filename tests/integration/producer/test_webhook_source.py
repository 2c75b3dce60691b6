"""Push events to ``python -m producer --source webhook`` on the running stack."""

from __future__ import annotations

import json
import re
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.fixtures.pushes import EVENTS, SECRET, ZEROS, commit, headers, push
from tests.fixtures.stack import RunningStack
from tests.github_server.app import TOKEN, GitHubServer
from tests.github_server.repositories import generated
from tests.integration.producer.running import Log, Run


class Webhook:
    """A producer that listens, and how GitHub calls it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        run.wait_for_words("listening on")
        line = next(line for line in run.said if line.startswith("listening on"))
        self.url = re.sub(r"^listening on ", "", line).strip()

    def deliver(self, payload: object, **given: Any) -> httpx.Response:
        body = json.dumps(payload).encode()
        return httpx.post(self.url, content=body, headers=headers(body, **given), timeout=15)

    def stop(self) -> dict[str, Any]:
        self.run.signal(signal.SIGTERM)
        ended = self.run.finish()
        assert ended.code == 0, ended.said
        return ended.account


@pytest.fixture
def listen(ready: RunningStack, tmp_path, monkeypatch) -> Iterator[Callable[..., Webhook]]:
    runs: list[Run] = []
    environment = ready.environment | {"GITHUB_WEBHOOK_SECRET": SECRET.decode()}

    def start(*arguments: str, **variables: str) -> Webhook:
        common = ("--source", "webhook", "--listen", "127.0.0.1:0")
        queue = ("--queue", str(tmp_path / "queue.sqlite"))
        given = (*common, *queue, *arguments)
        runs.append(Run(environment | variables, ready.project.root, given))
        return Webhook(runs[-1])

    yield start
    for run in runs:
        run.kill()


def test_a_push_is_in_kafka_when_it_is_answered(listen, log: Log):
    webhook = listen()
    name = f"push/answered-{uuid.uuid4().hex}"
    sent = [push([commit(), commit()], repository=name) for _ in range(3)]
    for payload in sent:
        assert webhook.deliver(payload).status_code == 200
        ids = {c["id"] for c in payload["commits"]}
        assert ids <= set(log.ids(name))
    assert webhook.deliver(sent[0], delivery="x").status_code == 200
    assert "received before" in webhook.deliver(sent[0], delivery="x").text

    account = webhook.stop()

    assert account["acknowledged"] == account["read"] == len(log.ids(name)) == 8
    assert account["cursors"] == [
        {
            "source": "webhook",
            "repository": name,
            "ref": "refs/heads/master",
            "position": sent[0]["after"],
        }
    ]
    # What was acknowledged before is recognised after a restart.
    assert "received before" in listen().deliver(sent[0], delivery="x").text
    assert len(log.ids(name)) == 8


def test_every_recorded_event_is_answered(listen):
    webhook = listen("--branch", "all")
    for event in EVENTS:
        assert webhook.deliver(event["payload"], event=event["event"]).status_code == 200
    assert webhook.deliver(push([commit()]), secret=b"another").status_code == 401
    webhook.stop()


def test_nothing_is_lost_while_kafka_is_away_and_the_process_is_killed(listen, ready, log: Log):
    name = f"push/away-{uuid.uuid4().hex}"
    webhook = listen()
    first, second, third = (push([commit()], repository=name) for _ in range(3))
    assert webhook.deliver(first).status_code == 200
    ready.stop("kafka")
    try:
        answer = webhook.deliver(second, delivery="second")
        assert answer.status_code == 503
        assert "kept on disk" in answer.text
        webhook.run.signal(signal.SIGKILL)
        webhook.run.finish()
        # It listens before Kafka answers.
        webhook = listen()
        assert webhook.deliver(third).status_code == 503
    finally:
        ready.start("kafka")
    wanted = {p["after"] for p in (first, second, third)}
    webhook.run.wait_for(lambda: wanted <= set(log.ids(name)))
    assert "received before" in webhook.deliver(second, delivery="second").text
    assert webhook.stop()["cursors"][0]["position"] == third["after"]


def test_a_push_that_was_not_delivered_is_noticed(listen):
    name = f"push/gap-{uuid.uuid4().hex}"
    webhook = listen()
    first = push([commit()], repository=name)
    assert webhook.deliver(first).status_code == 200
    follows = push([commit()], repository=name, before=first["after"])
    assert webhook.deliver(follows).status_code == 200
    assert not any("were not delivered" in words for words in webhook.run.said)
    webhook.stop()

    webhook = listen()
    later = push([commit()], repository=name, before="b" * 40)
    assert webhook.deliver(later).status_code == 200
    webhook.run.wait_for_words("were not delivered")
    webhook.stop()


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    server = GitHubServer(generated("acme/shop", 60))
    with server.running():
        yield server
    assert server.problems == []


def test_what_was_pushed_is_asked_for_at_github(listen, log: Log, github: GitHubServer):
    [shop] = github.repositories
    name = f"push/doorbell-{uuid.uuid4().hex}"
    webhook = listen(
        *("--repository", f"acme/shop={name}", "--base-url", github.url), GITHUB_TOKEN=TOKEN
    )
    tip = shop.branches["main"]
    pushed = [shop.commit(), shop.commit()]
    told = push([commit(id=oid) for oid in pushed], before=tip, default_branch="main")

    assert webhook.deliver(told).status_code == 200
    assert {m.value["source"] for m in log.messages(repository=name)} >= {"webhook"}
    webhook.run.wait_for(lambda: _fuller(log, name) >= set(pushed))

    # One push is not delivered; the next asks for its commits too.
    missed = [shop.commit(), shop.commit()]
    seen = shop.commit()
    told = push([commit(id=seen)], before=missed[-1], default_branch="main")
    assert webhook.deliver(told).status_code == 200
    webhook.run.wait_for(lambda: _fuller(log, name) >= {*missed, seen})

    assert not any("were not delivered" in words for words in webhook.run.said)
    webhook.stop()


def test_what_is_to_be_asked_for_outlives_the_process(listen, log: Log, github: GitHubServer):
    [shop] = github.repositories
    name = f"push/later-{uuid.uuid4().hex}"
    arguments = ("--repository", f"acme/shop={name}", "--branch", "all")
    tip = shop.branches["main"]
    new = shop.commit()
    told = push([commit(id=new)], before=tip, default_branch="main")
    webhook = listen(*arguments, "--base-url", "http://127.0.0.1:9", GITHUB_TOKEN=TOKEN)
    assert webhook.deliver(told).status_code == 200
    webhook.run.wait_for_words("trying again")
    webhook.run.signal(signal.SIGKILL)
    webhook.run.finish()

    shop.branches["feature"] = new
    on_branch = [shop.commit("feature"), shop.commit("feature")]
    created = {"ref": "refs/heads/feature", "before": ZEROS, "default_branch": "main"}
    webhook = listen(*arguments, "--base-url", github.url, GITHUB_TOKEN=TOKEN)
    assert webhook.deliver(push([commit(id=on_branch[-1])], **created)).status_code == 200
    webhook.run.wait_for(lambda: _fuller(log, name) >= {new, *on_branch})
    webhook.stop()


def test_a_forced_push_marks_what_it_left_behind(listen, ready, log: Log, github: GitHubServer):
    [shop] = github.repositories
    name = f"push/forced-{uuid.uuid4().hex}"
    kept = shop.branches["main"]
    lost = [shop.commit(), shop.commit()]
    shop.branches["main"] = kept
    new = shop.commit()
    told = push([commit(id=new)], before=lost[-1], forced=True, default_branch="main")
    webhook = listen(
        *("--repository", f"acme/shop={name}", "--base-url", github.url), GITHUB_TOKEN=TOKEN
    )
    assert webhook.deliver(told).status_code == 200
    webhook.run.wait_for(lambda: _fuller(log, name) >= {new})
    marked = [m for m in log.messages("unreachable_commits") if m.value["repository"] == name]
    assert {m.value["commit_id"] for m in marked} == set(lost)
    assert {m.value["after"] for m in marked} == {new}
    webhook.stop()


def _fuller(log: Log, repository: str) -> set[str]:
    messages = log.messages(repository=repository)
    return {m.value["commit_id"] for m in messages if m.value["additions"] is not None}


def test_a_port_that_is_taken_and_a_missing_secret_are_errors(ready, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        arguments = ("--source", "webhook", "--listen", where, "--queue", str(tmp_path / "q"))
        secret = {"GITHUB_WEBHOOK_SECRET": "x"}
        ended = Run(ready.environment | secret, ready.project.root, arguments).finish()
    assert ended.code == 2
    assert f"{where}: can't listen there" in ended.said
    assert "--listen" in ended.said

    empty = tmp_path / "secret"
    empty.write_text("\n")
    alone = ("--source", "webhook", "--secret-file", str(empty))
    ended = Run(ready.environment, ready.project.root, alone).finish()
    assert ended.code == 2
    assert "holds no secret" in ended.said
