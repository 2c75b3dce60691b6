"""ClickHouse's own protocol, by the client that a server has within itself: `remote`."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.integration.server.conftest import PASSWORD, Running


def asked(server: Running, http: httpx.Client, what: str, user: str, password: str) -> str:
    place = f"remote('127.0.0.1:{server.native_port}', {what}, '{user}', '{password}')"
    # One that refuses is not to be asked again.
    settings = {"connections_with_failover_max_tries": "1"}
    return str(http.post("/", content=f"SELECT * FROM {place}", params=settings).text)


def test_rows_come_over_the_native_protocol(server: Running, http: httpx.Client) -> None:
    rows = asked(server, http, "numbers(100000)", "admin", PASSWORD)
    assert rows.splitlines() == [str(number) for number in range(100_000)]


def test_each_account_has_its_own_rights_there(server: Running, http: httpx.Client) -> None:
    http.post("/", content="CREATE OR REPLACE TABLE hidden (a Int8) ENGINE = Memory")
    assert "ACCESS_DENIED" in asked(server, http, "default.hidden", "reports", PASSWORD)


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", ""), ("", "")])
def test_a_wrong_password_ends_its_connection_only(
    server: Running, http: httpx.Client, user: str, password: str
) -> None:
    for _ in range(5):
        answer = asked(server, http, "system.one", user, password)
        assert "AUTHENTICATION_FAILED" in answer or "ACCESS_DENIED" in answer, answer[:500]
    assert server.process.poll() is None
    assert http.post("/", content="SELECT 1").text == "1\n"


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 10_000, b"\x00" * 10_000])
def test_what_is_no_client_ends_its_connection_only(
    server: Running, http: httpx.Client, sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.native_port), timeout=20) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(20)
        try:
            while raw.recv(1 << 16):
                pass
        except ConnectionError:
            pass
    assert http.post("/", content="SELECT 1").text == "1\n"
