"""Statements, parameters, settings, formats, sessions, errors: what a request can ask for."""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import lz4.frame
import pytest
import zstandard

from contractline.engine.compression import NATIVE, decoder


def failed(answer: httpx.Response, status: int, code: int) -> str:
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (
        status,
        str(code),
    ), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.endswith(" (version 26.1.2.1 (official build))\n")
    return answer.text


@pytest.mark.parametrize("path", ["/ping", "/replicas_status", "/"])
def test_health_needs_no_password(endpoint, path):
    for method in ("GET", "HEAD"):
        answer = httpx.request(method, endpoint.url + path)
        assert answer.status_code == 200
        assert answer.text == ("Ok.\n" if method == "GET" else "")


def test_an_unknown_path_says_where_to_go(http):
    answer = http.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no handle /nowhere" in answer.text


def test_a_query_in_the_url_the_body_or_both(http):
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content="SELECT 2").text == "2\n"
    assert http.post("/", params={"query": "SELECT 1,"}, content="3").text == "1\t3\n"
    answer = http.head("/", params={"query": "SELECT 1"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_headers_of_an_answer(http):
    answer = http.post("/", content="SELECT number FROM numbers(3) FORMAT JSONEachRow")
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert uuid.UUID(answer.headers["X-ClickHouse-Query-Id"])
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("3", "3")


def test_the_clients_query_id_is_kept(http):
    answer = http.post("/", content="SELECT 1", params={"query_id": "my-query"})
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"


def test_the_format(http):
    ask = "SELECT 1 AS a"
    assert http.post("/", content=ask, params={"default_format": "JSONEachRow"}).text == '{"a":1}\n'
    assert http.post("/", content=ask, headers={"X-ClickHouse-Format": "CSV"}).text == "1\n"
    both = {"default_format": "CSV"}
    answer = http.post("/", content=ask + " FORMAT JSONCompactEachRow", params=both)
    assert answer.text == "[1]\n"
    assert http.post("/", content="SHOW DATABASES", params=both).text.startswith('"')


@pytest.mark.parametrize("output_format", ["JSON", "Parquet", "ArrowStream", "XML", "CSVWithNames"])
def test_a_large_answer_is_one_document_in_every_format(http, output_format):
    rows = 300_000
    ask = f"SELECT number AS n FROM numbers({rows}) FORMAT {output_format}"
    answer = http.post("/", content=ask, params={"max_block_size": "1000"})
    assert answer.status_code == 200
    http.post("/", content="DROP TABLE IF EXISTS back")
    if output_format == "XML":
        assert answer.text.count("</result>") == 1
        return
    if output_format == "JSON":
        assert len(json.loads(answer.content)["data"]) == rows
        return
    http.post("/", content="CREATE TABLE back (n UInt64) ENGINE = Memory")
    insert = f"INSERT INTO back FORMAT {output_format}"
    assert http.post("/", params={"query": insert}, content=answer.content).status_code == 200
    assert http.post("/", content="SELECT count(), sum(n) FROM back").text == (
        f"{rows}\t{rows * (rows - 1) // 2}\n"
    )


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        ("7", "Int32", "7"),
        ("it's", "String", "it\\'s"),
        ("a\\tb", "String", "a\\tb"),
        ("\\N", "Nullable(String)", "\\N"),
        ("['a','b']", "Array(String)", "['a','b']"),
        ("2026-01-02", "Date32", "2026-01-02"),
        ("ü€", "String", "ü€"),
    ],
)
def test_parameters_have_types(ask, value, type_, text):
    assert ask(f"SELECT {{p:{type_}}}", param_p=value) == text + "\n"


def test_a_parameter_may_be_a_form_field(http):
    fields = {"query": (None, "SELECT {p:String}"), "param_p": (None, "from a form")}
    assert http.post("/", files=fields).text == "from a form\n"


def test_a_missing_parameter(http):
    failed(http.post("/", content="SELECT {p:Int8}"), 500, 456)


def test_settings_hold_for_one_request(ask):
    ask_for = "SELECT getSetting('max_block_size')"
    default = ask(ask_for)
    assert ask(ask_for, max_block_size="123") == "123\n"
    assert [ask(ask_for) for _ in range(20)] == [default] * 20


def test_an_unknown_setting(http):
    answer = http.post("/", content="SELECT 1", params={"nonsense": "1"})
    assert "nonsense" in failed(answer, 404, 115)


def test_the_database(ask, http):
    assert ask("SELECT currentDatabase()") == "default\n"
    assert ask("SELECT currentDatabase()", database="system") == "system\n"
    header = {"X-ClickHouse-Database": "system"}
    assert http.post("/", content="SELECT currentDatabase()", headers=header).text == "system\n"
    failed(http.post("/", content="SELECT 1", params={"database": "nope"}), 404, 81)


def test_named_sessions_keep_what_was_left_in_them(http, ask):
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    ask("CREATE TEMPORARY TABLE kept (a Int8)", session_id=mine)
    ask("INSERT INTO kept VALUES (5)", session_id=mine)
    ask("SET max_block_size = 77", session_id=mine)
    ask("USE system", session_id=mine)
    assert ask("SELECT a FROM kept", session_id=mine) == "5\n"
    seen = "SELECT getSetting('max_block_size'), currentDatabase()"
    assert ask(seen, session_id=mine) == "77\tsystem\n"
    assert ask(seen, session_id=mine, max_block_size="5", database="default") == "5\tdefault\n"
    assert ask(seen, session_id=mine) == "77\tsystem\n"
    failed(http.post("/", content="SELECT a FROM kept", params={"session_id": other}), 404, 60)


def test_a_named_session_ends(http):
    session = {"session_id": str(uuid.uuid4())}
    known = session | {"session_check": "1"}
    failed(http.post("/", content="SELECT 1", params=known), 500, 372)
    http.post("/", content="SELECT 1", params=session | {"session_timeout": "60"})
    assert http.post("/", content="SELECT 1", params=known).status_code == 200
    http.post("/", content="SELECT 1", params=session | {"session_timeout": "0"})
    failed(http.post("/", content="SELECT 1", params=known), 500, 372)
    http.post("/", content="SELECT 1", params=session | {"close_session": "1"})
    failed(http.post("/", content="SELECT 1", params=known), 500, 372)


def test_a_named_session_is_for_one_request_at_a_time(endpoint):
    session = {"session_id": str(uuid.uuid4())}

    def one(_: int) -> str:
        with endpoint.http() as http:
            answer = http.post("/", content="SELECT sleep(0.5)", params=session)
            return str(answer.headers.get("X-ClickHouse-Exception-Code", ""))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == ["", "373"]


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nowhere", 404, 60),
        ("SELECT (", 400, 62),
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT nofunction(1)", 404, 46),
        ("SELECT toInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 FORMAT Nonsense", 404, 73),
        ("SELECT sleep(3) SETTINGS max_execution_time = 0.2", 408, 159),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 358),
        ("CREATE USER someone", 403, 497),
    ],
)
def test_errors_are_those_of_a_server(http, sql, status, code):
    text = failed(http.post("/", content=sql), status, code)
    assert "OUTFILE '/dev" not in text


def test_an_error_may_quote_binary_data(http, ask):
    ask("CREATE TABLE IF NOT EXISTS numbers_only (a UInt64) ENGINE = Memory")
    answer = http.post(
        "/", params={"query": "INSERT INTO numbers_only FORMAT TSV"}, content=b"\xff\x81"
    )
    failed(answer, 400, 27)


def test_get_only_reads(http):
    for sql in (
        "CREATE TABLE t (a Int8) ENGINE = Memory",
        "INSERT INTO t VALUES (1)",
        "KILL QUERY WHERE 0",
    ):
        failed(http.get("/", params={"query": sql}), 500, 164)


def test_a_failure_on_the_way_is_marked_and_breaks_the_answer(http):
    sql = "SELECT throwIf(number = 2000000), number FROM numbers(3000000) FORMAT TSV"
    pieces: list[bytes] = []
    with http.stream("POST", "/", content=sql) as answer:
        assert answer.status_code == 200
        tag = answer.headers["X-ClickHouse-Exception-Tag"]
        with pytest.raises(httpx.RemoteProtocolError):
            deque(map(pieces.append, answer.iter_bytes()))
    end = b"".join(pieces)[-1000:].decode()
    assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception: " in end
    message = end.split(f"{tag}\r\n", 1)[1].rsplit(f" {tag}", 1)[0]
    text, size = message.rsplit("\n", 1)
    assert int(size) == len((text + "\n").encode())


def test_waiting_for_the_end_gives_a_clean_error(http):
    sql = "SELECT throwIf(number = 2000000), number FROM numbers(3000000)"
    failed(http.post("/", content=sql, params={"wait_end_of_query": "1"}), 500, 395)
    whole = http.post(
        "/", content="SELECT number FROM numbers(1000000)", params={"wait_end_of_query": "1"}
    )
    assert whole.text.count("\n") == 1_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4"])
@pytest.mark.parametrize("rows", [3, 1_000_000])
def test_answers_are_compressed_as_the_client_takes_them(http, encoding, rows):
    sql = f"SELECT number FROM numbers({rows})"
    with http.stream("POST", "/", content=sql, headers={"Accept-Encoding": encoding}) as answer:
        assert answer.headers["Content-Encoding"] == encoding
        packed = b"".join(answer.iter_raw())
    unpack: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.decompress,
        "deflate": zlib.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "lz4": lz4.frame.decompress,
    }
    assert unpack[encoding](packed) == b"".join(b"%d\n" % number for number in range(rows))


def test_compression_can_be_switched_off(http):
    answer = http.post("/", content="SELECT 1", params={"enable_http_compression": "0"})
    assert "Content-Encoding" not in answer.headers


def unpacked(data: bytes) -> bytes:
    blocks = decoder(NATIVE)
    whole = blocks.decompress(data)
    blocks.finish()
    return whole


@pytest.mark.parametrize("rows", [1, 2_000_000])
def test_clickhouses_own_compression(http, rows):
    answer = http.post("/", content=f"SELECT number FROM numbers({rows})", params={"compress": "1"})
    assert "Content-Encoding" not in answer.headers
    assert unpacked(answer.content) == b"".join(b"%d\n" % number for number in range(rows))


def test_errors_are_compressed_too(http):
    answer = http.post("/", content="SELECT * FROM nowhere", params={"compress": "1"})
    assert answer.status_code == 404
    assert unpacked(answer.content).startswith(b"Code: 60. DB::Exception: ")


@pytest.mark.parametrize(
    "way",
    [
        {"headers": {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "wrong"}},
        {"params": {"user": "default", "password": "wrong"}},
        {"auth": ("default", "wrong")},
        {"auth": ("someone", "a")},
    ],
)
def test_a_wrong_password(endpoint, way):
    answer = httpx.post(endpoint.url, content="SELECT 1", **way)
    assert "Authentication failed" in failed(answer, 403, 516)


def test_nobody_is_asked_for_a_password(endpoint):
    answer = httpx.post(endpoint.url, content="SELECT 1")
    failed(answer, 401, 516)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_external_tables(http):
    files = {"people": ("people", b"1,ann\n2,bob\n"), "pay": ("pay", b"1\t5\n2\t\\N\n")}
    options = {
        "query": "SELECT name, _2 FROM people JOIN pay ON id = _1 ORDER BY id",
        "people_format": "CSV",
        "people_structure": "id UInt8, name String",
        "pay_types": "UInt8,Nullable(Decimal(9, 2))",
    }
    answer = http.post("/", params=options, files=files)
    assert answer.text == "ann\t5\nbob\t\\N\n"
    failed(http.post("/", params={"query": "SELECT 1"}, files={"t": ("t", b"1")}), 400, 36)
