"""INSERT: every way in which data comes."""

from __future__ import annotations

import gzip
import io
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
import httpx
import pytest

from contractline.engine.compression import NATIVE, encoder


@pytest.fixture
def table(ask) -> str:
    ask("CREATE OR REPLACE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    return "t"


@pytest.mark.parametrize(
    ("output_format", "data"),
    [
        ("CSV", b'1,"x"\n2,"y"\n'),
        ("CSVWithNames", b'"s","a"\n"x",1\n"y",2\n'),
        ("TabSeparated", b"1\tx\n2\ty"),
        ("JSONEachRow", b'{"a":1,"s":"x"}\n{"s":"y","a":2}'),
        ("Values", b"(1,'x'), (2, concat('', 'y'))"),
        ("RowBinary", struct.pack("<QB1sQB1s", 1, 1, b"x", 2, 1, b"y")),
    ],
)
@pytest.mark.parametrize("where", ["url", "body"])
def test_formats(http, ask, table, output_format, data, where):
    query = f"INSERT INTO {table} FORMAT {output_format}"
    if where == "url":
        answer = http.post("/", params={"query": query}, content=data)
    else:
        answer = http.post("/", content=query.encode() + b"\n" + data)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert ask(f"SELECT * FROM {table} ORDER BY a") == "1\tx\n2\ty\n"


@pytest.mark.parametrize(
    "output_format", ["Native", "Parquet", "ArrowStream", "ORC", "Avro", "MsgPack"]
)
def test_what_one_answer_gives_another_table_takes(http, ask, table, output_format):
    rows = "SELECT number AS a, toString(number) AS s FROM numbers(100000)"
    data = http.post("/", content=f"{rows} FORMAT {output_format}").content
    query = f"INSERT INTO {table} FORMAT {output_format}"
    assert http.post("/", params={"query": query}, content=data).status_code == 200
    assert ask(f"SELECT count(), sum(a), max(s) FROM {table}") == "100000\t4999950000\t99999\n"


def test_values_with_parameters(ask, table):
    ask(f"INSERT INTO {table} (s, a) VALUES ({{s:String}}, 1), ('y', 2)", param_s="x;")
    assert ask(f"SELECT * FROM {table} ORDER BY a") == "1\tx;\n2\ty\n"


def test_settings_and_columns(ask, table):
    ask(
        f"INSERT INTO {table} (s) SETTINGS input_format_skip_unknown_fields = 1 FORMAT JSONEachRow\n"
        '{"s": "x", "unknown": 1}'
    )
    assert ask(f"SELECT * FROM {table}") == "0\tx\n"


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_compressed_and_chunked(http, ask, table, size):
    data = gzip.compress(b"".join(b"%d\tx\n" % number for number in range(size // 10)))

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(data), 10_000):
            yield data[at : at + 10_000]

    query = {"query": f"INSERT INTO {table} FORMAT TSV"}
    answer = http.post("/", params=query, content=pieces(), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200, answer.text
    assert ask(f"SELECT count() FROM {table}") == f"{size // 10}\n"


def test_clickhouses_own_compression(http, ask, table):
    packer = encoder(NATIVE)
    data = packer.compress(b"1\tx\n" * 100_000) + packer.flush()
    options = {"query": f"INSERT INTO {table} FORMAT TSV", "decompress": "1"}
    assert http.post("/", params=options, content=data).status_code == 200
    assert ask(f"SELECT count() FROM {table}") == "100000\n"
    cut = http.post("/", params=options, content=data[:-1])
    assert cut.headers["X-ClickHouse-Exception-Code"] == "271"
    damaged = http.post("/", params=options, content=data[:-1] + b"\x00")
    assert damaged.headers["X-ClickHouse-Exception-Code"] == "40"
    assert ask(f"SELECT count() FROM {table}") == "100000\n"


def test_a_cut_body_inserts_nothing(endpoint, http, ask, table):
    data = gzip.compress(b"1\tx\n" * 1000)[:-20]
    query = {"query": f"INSERT INTO {table} FORMAT TSV"}
    answer = http.post("/", params=query, content=data, headers={"Content-Encoding": "gzip"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "271"

    def cut() -> Iterator[bytes]:
        yield b"1\tx\n" * 1000
        raise ConnectionAbortedError

    with endpoint.http() as other, pytest.raises(ConnectionAbortedError):
        other.post("/", params=query, content=cut())
    assert ask(f"SELECT count() FROM {table}") == "0\n"
    assert endpoint.leftovers() == []


def test_a_bad_row_says_where(http, table):
    answer = http.post(
        "/", params={"query": f"INSERT INTO {table} FORMAT CSV"}, content="1,x\nz,y\n"
    )
    assert answer.status_code == 400
    assert "row 2" in answer.text
    assert http.post("/", content="SELECT count() FROM t").text == "0\n"


def test_selecting_from_input(ask, http, table):
    query = (
        f"INSERT INTO {table} SELECT n * 10, upper(format) FROM input('n UInt64, format String') "
        "WHERE n > 1 FORMAT JSONEachRow"
    )
    body = '{"n": 1, "format": "x"}\n{"n": 2, "format": "y"}'
    assert http.post("/", params={"query": query}, content=body).status_code == 200
    assert ask(f"SELECT * FROM {table}") == "20\tY\n"


def test_a_statement_may_be_long_and_its_data_too(ask, http, table):
    names = ", ".join(f"'{number:06}'" for number in range(50_000))
    query = f"INSERT INTO {table} SELECT n, '' FROM input('n UInt64') WHERE '' NOT IN ({names}) FORMAT CSV\n"
    body = query.encode() + b"".join(b"%d\n" % number for number in range(100_000))
    answer = http.post("/", content=body, params={"max_query_size": "10000000"})
    assert answer.status_code == 200, answer.text
    assert ask(f"SELECT count(), sum(a) FROM {table}") == "100000\t4999950000\n"


SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "a", "type": "long"}, {"name": "s", "type": ["null", "string"]}],
}


@pytest.fixture
def registry() -> Iterator[str]:
    """A schema registry that knows one schema, with the id 7."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/base/schemas/ids/7"
            body = json.dumps({"schema": json.dumps(SCHEMA)} if found else {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/base"
        server.shutdown()
        thread.join()


def framed(schema_id: int, *rows: dict[str, object]) -> bytes:
    parsed, body = fastavro.parse_schema(SCHEMA), io.BytesIO()
    for row in rows:
        body.write(struct.pack(">bI", 0, schema_id))
        fastavro.schemaless_writer(body, parsed, row)
    return body.getvalue()


def test_avro_with_a_registry_through_input(http, ask, table, registry):
    query = (
        f"INSERT INTO {table} SELECT a + 1 AS a, coalesce(s, 'none') AS s "
        "FROM input('a Int64, s Nullable(String)') FORMAT AvroConfluent"
    )
    options = {"query": query, "format_avro_schema_registry_url": registry}
    rows: list[dict[str, object]] = [
        {"a": n, "s": None if n % 2 else "s'\x00"} for n in range(1000)
    ]
    answer = http.post("/", params=options, content=framed(7, *rows))
    assert answer.status_code == 200, answer.text
    assert ask(f"SELECT count(), sum(a), countIf(s = 'none') FROM {table}") == "1000\t500500\t500\n"
    assert http.post("/", params=options, content=framed(8, rows[0])).status_code != 200
    assert ask(f"SELECT count() FROM {table}") == "1000\n"


def test_an_insert_select_is_a_statement_like_others(ask, table):
    ask(f"INSERT INTO {table} SELECT number, 'x' FROM numbers(10)")
    assert ask(f"SELECT count() FROM {table}") == "10\n"


def test_files_of_the_server_are_out_of_reach(http, table):
    answer = http.post("/", content=f"INSERT INTO {table} FROM INFILE '/etc/passwd' FORMAT CSV")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "392"


def test_a_clients_own_error_is_not_hidden(http):
    answer: httpx.Response = http.post(
        "/", params={"query": "INSERT INTO nowhere FORMAT CSV"}, content="1"
    )
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "60")
