"""The receiver's answers, without a server: requests go straight to the application."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from producer.refs import RefChoice
from producer.webhook.inbox import Inbox
from producer.webhook.push import PushNames
from producer.webhook.receiver import Receiver
from producer.webhook.rules import Rules
from producer.webhook.store import Store
from tests.fixtures.pushes import EVENTS, SECRET, commit, headers, push


class Site:
    """A receiver, and a thread that acknowledges what it hands over, as the run does."""

    def __init__(self, folder: Path, *, acknowledges: bool = True, **rules: Any) -> None:
        self.said: list[str] = []
        self.sent: list[str] = []
        self.acknowledges = acknowledges
        self.inbox = Inbox()
        self.store = Store(folder / "queue.sqlite")
        secrets = rules.pop("secrets", [SECRET])
        wanted = Rules(secrets, RefChoice(), PushNames(), **rules)
        self.receiver = Receiver(wanted, self.inbox, self.store, self.said.append)
        self._loop = asyncio.Runner()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            if self.acknowledges and (taken := self.inbox.take(0.01)):
                ids = [delivery.id for delivery in taken]
                self.sent += [r["commit_id"] for d in taken for r in d.push.records]
                self.store.acknowledge(ids)
                self.inbox.answer(taken, acknowledged=True)
            self._over.wait(0.005)

    def post(self, body: bytes, given: dict[str, str]) -> httpx.Response:
        return self.post_all([(body, given)])[0]

    def post_all(self, requests: list[tuple[bytes, dict[str, str]]]) -> list[httpx.Response]:
        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.receiver)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                posts = [client.post("/any/path", content=b, headers=h) for b, h in requests]
                return await asyncio.gather(*posts)

        return self._loop.run(ask())

    def deliver(self, payload: object, **given: Any) -> httpx.Response:
        body = json.dumps(payload).encode()
        return self.post(body, headers(body, **given))

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._loop.close()
        self.store.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def start(**rules: Any) -> Site:
        sites.append(Site(tmp_path, **rules))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


def test_a_push_is_answered_once_its_commits_are_acknowledged(make):
    site = make()
    payload = push([commit(), commit()])
    answer = site.deliver(payload)
    assert (answer.status_code, answer.text) == (
        200,
        "2 commits of acme/shop refs/heads/master received\n",
    )
    assert site.sent == [c["id"] for c in payload["commits"]]


def test_a_delivery_that_is_repeated_is_not_sent_again(make):
    site = make()
    payload = push([commit()])
    assert site.deliver(payload, delivery="one").status_code == 200
    again = site.deliver(payload, delivery="one")
    assert (again.status_code, again.text) == (200, "delivery one was received before\n")
    assert len(site.sent) == 1
    assert site.deliver(payload, delivery="two").status_code == 200
    assert len(site.sent) == 2


def test_a_delivery_that_comes_twice_at_once_is_sent_once(make):
    site = make()
    body = json.dumps(push([commit()])).encode()
    answers = site.post_all([(body, headers(body, delivery="one"))] * 5)
    assert [a.status_code for a in answers] == [200] * 5
    assert len(site.sent) == 1


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        "sha256=" + "é" * 3,
    ],
)
def test_nothing_is_read_of_a_request_that_is_not_signed(make, signature):
    site = make()
    body = b"{not even JSON"
    given = headers(body)
    del given["X-Hub-Signature-256"]
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    if signature is not None:
        raw.append((b"X-Hub-Signature-256", signature.encode("latin-1")))
    answer = site.post(body, httpx.Headers(raw))
    assert answer.status_code == 401
    assert "X-Hub-Signature-256" in answer.text
    assert site.sent == []


def test_the_signature_is_of_the_bytes_and_any_of_the_secrets_may_make_it(make):
    site = make(secrets=[b"old", b"new"])
    payload = push([commit()])
    assert site.deliver(payload, secret=b"new").status_code == 200
    assert site.deliver(payload, secret=b"old").status_code == 200
    assert site.deliver(payload, secret=b"other").status_code == 401
    body = json.dumps(payload).encode()
    assert site.post(body + b" ", headers(body, secret=b"new")).status_code == 401


def test_a_body_beyond_the_limit_is_refused_whatever_its_length_says(make):
    site = make(most_bytes=1000)
    body = b" " * 1001
    assert site.post(body, headers(body)).status_code == 413

    async def in_parts() -> Any:
        for _ in range(3):
            yield b" " * 500

    answer = site.post(in_parts(), headers(body))
    assert answer.status_code == 413
    assert "1,000 bytes" in answer.text


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e["event"])
def test_every_recorded_event_is_answered_with_success(make, event):
    answer = make().deliver(event["payload"], event=event["event"])
    assert answer.status_code == 200
    assert answer.text


@pytest.mark.parametrize(
    ("body", "changed", "words"),
    [
        (b"{", {}, "the body is not JSON"),
        (b"[" * 100_000, {}, "the body is not JSON"),
        (b"\xff", {}, "the body is not JSON"),
        (b"[]", {}, "not a push event"),
        (b"{}", {}, "repository is missing"),
        (b"{}", {"X-GitHub-Event": ""}, "X-GitHub-Event is missing"),
        (b"x=1", {"Content-Type": "application/x-www-form-urlencoded"}, "no field 'payload'"),
    ],
)
def test_what_is_signed_but_no_push_event_is_said(make, body, changed, words):
    site = make()
    answer = site.post(body, headers(body) | changed)
    assert answer.status_code == 400
    assert words in answer.text
    assert any(words in said for said in site.said)


def test_a_form_holds_the_payload_too(make):
    site = make()
    body = urlencode({"payload": json.dumps(push([commit(message="ü & é")]))}).encode()
    answer = site.post(body, headers(body) | {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 200
    assert len(site.sent) == 1


def test_without_an_id_the_body_names_the_delivery(make):
    site = make()
    body = json.dumps(push([commit()])).encode()
    given = headers(body)
    del given["X-GitHub-Delivery"]
    assert site.post(body, given).status_code == 200
    assert "received before" in site.post(body, given).text


def test_what_is_not_acknowledged_in_time_is_kept_and_not_a_success(make):
    site = make(acknowledges=False, answer_seconds=1.5)
    answer = site.deliver(push([commit()]), delivery="late")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "kept on disk" in answer.text
    assert [kept.id for kept in site.store.waiting(9)] == ["late"]

    site.acknowledges = True
    again = site.deliver(push([commit()]), delivery="late")
    assert again.status_code == 200
    assert site.store.waiting(9) == []


def test_while_kafka_is_away_only_the_first_deliveries_wait_for_it(make):
    site = make(acknowledges=False, answer_seconds=1.0, stuck_seconds=0.2)
    assert site.deliver(push([commit()]), delivery="first").status_code == 503
    began = time.monotonic()
    for number in range(20):
        assert site.deliver(push([commit()]), delivery=f"{number}").status_code == 503
    assert time.monotonic() - began < 15 * 1.0
    assert site.store.waiting_count() == 21
    assert len(site.inbox.take(0)) == 1


def test_what_has_no_room_in_memory_waits_on_disk_alone(make, monkeypatch):
    monkeypatch.setattr("producer.webhook.inbox.MOST_BYTES", 20_000)
    site = make(acknowledges=False, answer_seconds=4.0)
    bodies = [json.dumps(push([commit()])).encode() for _ in range(6)]
    answers = site.post_all([(b, headers(b, delivery=str(n))) for n, b in enumerate(bodies)])
    assert [a.status_code for a in answers] == [503] * 6
    assert {kept.id for kept in site.store.waiting(9)} == {"0", "1", "2", "3", "4", "5"}
    assert len(site.inbox.take(0)) < 6


def test_what_can_be_neither_sent_nor_kept_is_said(make, monkeypatch):
    site = make(acknowledges=False, answer_seconds=1.5)
    site.store._database.execute("DROP TABLE waiting")
    answer = site.deliver(push([commit()]))
    assert answer.status_code == 503
    assert "neither sent nor kept" in answer.text


def test_a_look_by_get_says_what_is_here(make):
    site = make()

    async def ask(method: str) -> httpx.Response:
        transport = httpx.ASGITransport(site.receiver)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, "/")

    answer = asyncio.run(ask("GET"))
    assert answer.status_code == 200
    assert "by POST" in answer.text
    assert asyncio.run(ask("PUT")).status_code == 405
