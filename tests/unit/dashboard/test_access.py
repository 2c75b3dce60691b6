"""Who may see the page."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from contractline.cli import run
from contractline.dashboard.server import Listen, guarded

LOCAL = Listen("127.0.0.1", 0, None)
OPEN = Listen("0.0.0.0", 0, "söcret")


def get(listen: Listen, url: str, **more: object) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = guarded(PlainTextResponse("inside"), listen)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            return await client.get(url, **more)  # type: ignore[arg-type]

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["localhost:18088", "127.0.0.1", "[::1]:18088", "LOCALHOST"])
def test_loopback_answers_under_its_own_names(host: str):
    answer = get(LOCAL, "http://127.0.0.1/", headers={"host": host})
    assert (answer.status_code, answer.text) == (200, "inside")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]"])
def test_a_name_that_was_pointed_at_loopback_sees_nothing(host: str):
    answer = get(LOCAL, "http://127.0.0.1/", headers={"host": host})
    assert answer.status_code == 421
    assert "inside" not in answer.text


@pytest.mark.parametrize(
    ("auth", "status"),
    [(None, 401), (("any", "söcret"), 200), (("", "söcret"), 200), (("any", "secret"), 401)],
)
def test_other_addresses_ask_for_the_password(auth: tuple[str, str] | None, status: int):
    answer = get(OPEN, "http://page.example/", auth=auth)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Bearer c8O2Y3JldA==", "Basic c8O2Y3JldA=="]
)
def test_odd_credentials_are_refused(header: str):
    assert get(OPEN, "http://a.example/", headers={"authorization": header}).status_code == 401


def test_every_answer_forbids_foreign_code_and_frames():
    for answer in (get(LOCAL, "http://localhost/"), get(OPEN, "http://a.example/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_other_address_without_a_password(capsys: pytest.CaptureFixture[str]):
    assert run(["dashboard", "--host", "0.0.0.0"]) == 2
    said = capsys.readouterr().err
    assert "0.0.0.0 is reachable from other machines, and no password is set" in said
    assert "CONTRACTLINE_DASHBOARD_PASSWORD" in said
