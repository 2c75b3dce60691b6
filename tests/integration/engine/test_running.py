"""Many at once, large answers, stopping: what goes on while requests run."""

from __future__ import annotations

import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def running(http: httpx.Client, what: str) -> int:
    found = "SELECT count() FROM system.processes WHERE query LIKE {w:String} AND query NOT LIKE '%processes%'"
    return int(http.post("/", content=found, params={"param_w": f"%{what}%"}).text)


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_requests_run_side_by_side(endpoint):
    def one(number: int) -> str:
        with endpoint.http() as http:
            return str(http.post("/", content=f"SELECT sleep(1), {number}").text)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert answers == [f"0\t{number}\n" for number in range(8)]
    assert time.monotonic() - began < 6


def test_a_large_answer_streams_in_flat_memory(endpoint, http):
    sql = "SELECT number, toString(number) FROM numbers(10000000) FORMAT RowBinary"
    before, most, size = endpoint.rss(), 0, 0
    plain = {"Accept-Encoding": "identity"}
    with http.stream("POST", "/", content=sql, headers=plain) as answer:
        for piece in answer.iter_raw(1 << 20):
            size += len(piece)
            if not size // (1 << 20) % 10:
                most = max(most, endpoint.rss())
    assert size > 150_000_000
    assert most - before < 120


def read_a_second(http: httpx.Client, sql: str) -> None:
    """Ask for something, and go away after a second."""
    began = time.monotonic()
    with http.stream("POST", "/", content=sql, timeout=1) as answer:
        for _ in answer.iter_raw():
            if time.monotonic() - began > 1:
                raise httpx.ReadTimeout("seen enough")


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT number FROM numbers(1000000000000)"])
def test_a_client_that_goes_away_stops_its_query(endpoint, http, sql):
    mark = uuid.uuid4().hex
    with endpoint.http() as other, pytest.raises(httpx.ReadTimeout):
        read_a_second(other, f"/* {mark} */ {sql}")
    wait_until(lambda: not running(http, mark))


def test_the_rows_of_a_slow_query_arrive_as_they_are_made(http):
    sql = "SELECT sleepEachRow(0.2), number FROM numbers(10) FORMAT RowBinary"
    began = time.monotonic()
    with http.stream("POST", "/", content=sql, params={"max_block_size": "1"}) as answer:
        first = next(answer.iter_raw())
        assert time.monotonic() - began < 1.5
        assert len(first) < 90


def test_kill_by_the_clients_id_and_without_waiting(endpoint, http):
    mine = uuid.uuid4().hex

    def endless() -> str:
        with endpoint.http() as other:
            answer = other.post("/", content=ENDLESS, params={"query_id": mine})
            return str(answer.headers["X-ClickHouse-Exception-Code"])

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(endless)
        wait_until(lambda: running(http, "sipHash64"))
        twice = http.post("/", content="SELECT 1", params={"query_id": mine})
        assert twice.headers["X-ClickHouse-Exception-Code"] == "216"
        killed = http.post("/", content=f"KILL QUERY WHERE query_id = '{mine}' SYNC")
        assert killed.text.startswith("waiting\t")
        assert answer.result(timeout=20) == "394"


def test_a_write_goes_on_without_its_client(endpoint, http, ask):
    ask("CREATE OR REPLACE TABLE slow (a UInt64) ENGINE = MergeTree ORDER BY a")
    sql = "INSERT INTO slow SELECT sleepEachRow(0.1) + number FROM numbers(10) SETTINGS max_block_size = 1"
    with endpoint.http() as other, pytest.raises(httpx.ReadTimeout):
        other.post("/", content=sql, timeout=0.3)
    wait_until(lambda: ask("SELECT count() FROM slow") == "10\n")


def test_small_answers_do_not_wait_for_an_acknowledgement(http):
    times = []
    for _ in range(50):
        began = time.monotonic()
        http.post("/", content="SELECT 1")
        times.append(time.monotonic() - began)
    assert sorted(times)[10] < 0.03


def test_a_request_that_is_no_http_is_refused(endpoint):
    with socket.create_connection(("127.0.0.1", endpoint.port)) as raw:
        raw.sendall(b"\x00\x01nonsense\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")
