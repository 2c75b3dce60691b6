"""What clients of every kind rely on: clickhouse-connect, plain HTTP, and what is not a client at all."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

ROWS = [
    [1, "x", 1.5, datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), date(1969, 1, 1), None, ["a"]],
    [2, "ü\x00", -2.5, datetime(1970, 1, 1, tzinfo=UTC), date(2299, 12, 31), Decimal("1.23"), []],
]
COLUMNS = (
    "a UInt64, s String, f Float64, t DateTime64(3, 'UTC'), d Date32, n Nullable(Decimal(9, 2)), "
    "l Array(LowCardinality(String))"
)
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def code_of(answer: httpx.Response) -> str:
    return str(answer.headers.get("X-ClickHouse-Exception-Code", ""))


def running(http: httpx.Client, what: str) -> int:
    found = (
        "SELECT count() FROM system.processes"
        " WHERE query LIKE {w:String} AND query NOT LIKE '%processes%'"
    )
    return int(http.post("/", content=found, params={"param_w": f"%{what}%"}).text)


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_rows_come_back_as_they_were_inserted(client):
    client.command(f"CREATE OR REPLACE TABLE cc ({COLUMNS}) ENGINE = MergeTree ORDER BY a")
    assert client.insert("cc", ROWS).written_rows == 2
    result = client.query("SELECT * FROM cc ORDER BY a")
    assert [list(row) for row in result.result_rows] == ROWS
    assert result.column_names == ("a", "s", "f", "t", "d", "n", "l")


def test_parameters_settings_and_sessions(client):
    query = "SELECT {x:Int32} + 1, getSetting('max_block_size')"
    result = client.query(query, parameters={"x": 5}, settings={"max_block_size": 10})
    assert result.result_rows == [(6, 10)]
    client.command("CREATE TEMPORARY TABLE held (a Int8)")
    client.insert("held", [[1]])
    assert client.query("SELECT a FROM held").result_rows == [(1,)]
    client.command("DROP TEMPORARY TABLE held")


def test_errors_carry_code_and_name(client):
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as failed:
        client.query("SELECT * FROM nowhere")
    assert failed.value.code == 60


def test_a_failure_on_the_way_is_no_short_answer(client):
    sql = "SELECT throwIf(number = 2000000), number FROM numbers(3000000)"
    with (
        client.query_row_block_stream(sql) as blocks,
        pytest.raises(StreamFailureError, match="throwIf"),
    ):
        list(blocks)
    assert client.command("SELECT 1") == 1


@pytest.mark.parametrize("output_format", ["Parquet", "ArrowStream", "Native", "Avro"])
def test_what_one_answer_gives_another_table_takes(http, ask, output_format):
    rows = "SELECT number AS a, toString(number) AS s FROM numbers(300000)"
    data = http.post("/", content=f"{rows} FORMAT {output_format}").content
    ask("CREATE OR REPLACE TABLE taken (a UInt64, s String) ENGINE = Memory")
    query = f"INSERT INTO taken FORMAT {output_format}"
    assert http.post("/", params={"query": query}, content=data).status_code == 200
    assert ask("SELECT count(), sum(a) FROM taken") == "300000\t44999850000\n"


def test_requests_run_side_by_side(server):
    def one(number: int) -> str:
        with server.http() as http:
            return str(http.post("/", content=f"SELECT sleep(1), {number}").text)

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert answers == [f"0\t{number}\n" for number in range(8)]
    assert time.monotonic() - began < 6


def test_a_large_answer_streams_in_flat_memory(server, http):
    sql = "SELECT number, toString(number) FROM numbers(10000000) FORMAT RowBinary"
    before, most, size = server.rss(), 0, 0
    plain = {"Accept-Encoding": "identity"}
    with http.stream("POST", "/", content=sql, headers=plain) as answer:
        for piece in answer.iter_raw(1 << 20):
            size += len(piece)
            if not size // (1 << 20) % 10:
                most = max(most, server.rss())
    assert size > 150_000_000
    assert most - before < 150


def test_kill_by_the_clients_id(server, http):
    mine = uuid.uuid4().hex

    def endless() -> str:
        with server.http() as other:
            return code_of(other.post("/", content=ENDLESS, params={"query_id": mine}))

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(endless)
        wait_until(lambda: running(http, "sipHash64"))
        http.post("/", content=f"KILL QUERY WHERE query_id = '{mine}' SYNC")
        assert answer.result(timeout=20) == "394"


def test_a_write_goes_on_without_its_client(server, http, ask):
    ask("CREATE OR REPLACE TABLE slow (a UInt64) ENGINE = MergeTree ORDER BY a")
    sql = (
        "INSERT INTO slow SELECT sleepEachRow(0.1) + number FROM numbers(10)"
        " SETTINGS max_block_size = 1"
    )
    with server.http() as other, pytest.raises(httpx.ReadTimeout):
        other.post("/", content=sql, timeout=0.3)
    wait_until(lambda: ask("SELECT count() FROM slow") == "10\n")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nowhere", "60"),
        ("SELECT (", "62"),
        ("", "62"),
        ("SELECT 1; SELECT 2", "62"),
        ("SELECT nofunction(1)", "46"),
        ("SELECT toInt8('x')", "6"),
        ("SELECT sleep(3) SETTINGS max_execution_time = 0.2", "159"),
        ("SELECT {p:Int8}", "456"),
        (b"SELECT '\xff\x00' + \x80", "62"),
        ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "306"),
    ],
)
def test_a_bad_statement_is_told_by_its_code(http, sql, code):
    answer = http.post("/", content=sql)
    assert code_of(answer) == code, answer.text[:300]
    assert http.post("/", content="SELECT 1").text == "1\n"


def test_a_cut_body_inserts_nothing(http, ask):
    ask("CREATE OR REPLACE TABLE cut (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    data = gzip.compress(b"1\tx\n" * 1000)[:-20]
    query = {"query": "INSERT INTO cut FORMAT TSV"}
    answer = http.post("/", params=query, content=data, headers={"Content-Encoding": "gzip"})
    assert answer.status_code != 200
    assert ask("SELECT count() FROM cut") == "0\n"


def test_a_bad_row_says_where(http, ask):
    ask("CREATE OR REPLACE TABLE bad (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    query = {"query": "INSERT INTO bad FORMAT CSV"}
    answer = http.post("/", params=query, content="1,x\nz,y\n")
    assert answer.status_code == 400
    assert "row 2" in answer.text
    assert ask("SELECT count() FROM bad") == "0\n"


def test_formats_of_numbers_and_texts(http, ask):
    ask("CREATE OR REPLACE TABLE packed (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    query = {"query": "INSERT INTO packed FORMAT RowBinary"}
    body = struct.pack("<QB1sQB1s", 1, 1, b"x", 2, 1, b"y")
    answer = http.post("/", params=query, content=body)
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert ask("SELECT * FROM packed ORDER BY a") == "1\tx\n2\ty\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01nonsense\r\n\r\n",
        b"\xff" * 100_000,
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nH: " + b"x" * 10_000_000,
    ],
    ids=["nonsense", "0xff", "nothing", "TLS", "short body", "bad chunk", "long header"],
)
def test_what_is_no_request_ends_its_connection_only(server, http, sent):
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw,
    ):
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(1 << 16):
            pass
    assert http.post("/", content="SELECT 1").text == "1\n"


@pytest.mark.parametrize("begun", [b"", b"GET /?query=SELECT+1 HTTP/1.1\r\nHo", b"\x00\x01"])
def test_a_connection_that_is_reset_harms_nobody(server, http, begun):
    for port in (server.port, server.native_port) * 5:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(begun)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.3)
    assert http.post("/", content="SELECT 1").text == "1\n"


@pytest.mark.parametrize("sql", ["SELECT sleep(1)", "SELECT number FROM numbers(100000)", ENDLESS])
def test_a_client_that_goes_away_harms_nobody(server, http, sql):
    def give_up(other: httpx.Client) -> None:
        with other.stream("POST", "/", content=sql, timeout=0.3) as answer:
            next(answer.iter_raw())
            raise httpx.ReadTimeout("seen enough")

    with server.http() as other, pytest.raises(httpx.ReadTimeout):
        give_up(other)
    time.sleep(1)
    assert http.post("/", content="SELECT 1").text == "1\n"
    # ClickHouse goes on with it, and it would keep a core busy for all tests that follow.
    http.post(
        "/", content="KILL QUERY WHERE query LIKE '%sipHash64%' AND query NOT LIKE 'KILL%' SYNC"
    )
    assert not running(http, "sipHash64")
