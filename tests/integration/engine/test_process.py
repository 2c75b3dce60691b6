"""The process: starting, what keeps it from starting, ending, and Kafka tables in it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.integration.engine.conftest import command

UNKILLED = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"


def refused(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("contractline.engine: ")
    return done.stderr


def test_what_was_written_is_there_after_the_end(run):
    first = run()
    with first.http() as http:
        http.post("/", content="CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
        http.post("/", content="INSERT INTO t VALUES (1), (2)")
    code, seconds = first.end()
    assert (code, seconds < 3) == (0, True)
    second = run()
    with second.http() as http:
        assert http.post("/", content="SELECT sum(a) FROM t").text == "3\n"
    second.end(signal.SIGKILL)
    (second.data / "contractline-tmp" / "left").write_text("over")
    third = run()
    with third.http() as http:
        assert http.post("/", content="SELECT sum(a) FROM t").text == "3\n"
    assert not (third.data / "contractline-tmp" / "left").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_time_with_a_query_running(run, number):
    running = run()
    with running.http() as http, socket.create_connection(("127.0.0.1", running.port)) as raw:
        account = http.build_request("POST", "/").headers
        token = next(http.auth.sync_auth_flow(http.build_request("POST", "/"))).headers[
            "Authorization"
        ]
        head = f"POST / HTTP/1.1\r\nHost: {account['host']}\r\nAuthorization: {token}\r\n"
        raw.sendall(f"{head}Content-Length: {len(UNKILLED)}\r\n\r\n{UNKILLED}".encode())
        time.sleep(1)
        code, seconds = running.end(number)
    assert code == 0
    assert seconds < 3


def test_a_damaged_folder(run):
    running = run()
    with running.http() as http:
        http.post("/", content="CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
    running.end()
    next((running.data / "store").glob("*/*/t.sql")).write_text("")
    message = refused(command(running.data))
    assert "Cannot parse definition from metadata file" in message
    assert "the engine can't open it: it says why above" in message


def test_a_folder_has_one_process(run):
    running = run()
    assert f"pid {running.process.pid}" in refused(command(running.data))


def test_a_taken_port(run, tmp_path):
    running = run()
    message = refused(command(tmp_path / "other", "--port", str(running.port)))
    assert f"127.0.0.1:{running.port}: can't listen there" in message


@pytest.mark.parametrize("text", ["garbage", "<clickhouse><a></clickhouse>"])
def test_an_invalid_configuration(tmp_path, text):
    broken = tmp_path / "broken.xml"
    broken.write_text(text)
    assert "not a ClickHouse configuration" in refused(
        command(tmp_path / "d", "--config", str(broken))
    )


def test_a_wrong_value_in_the_configuration(tmp_path):
    broken = tmp_path / "broken.xml"
    broken.write_text("<clickhouse><background_pool_size>x</background_pool_size></clickhouse>")
    assert "background_pool_size" in refused(command(tmp_path / "d", "--config", str(broken)))


def test_a_missing_configuration(tmp_path):
    assert "no such configuration" in refused(command(tmp_path / "d", "--config", "/nowhere.xml"))


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    assert "can't be used" in refused(command(tmp_path / "file"))
    nowhere = Path("/proc/nowhere")
    assert "can't be used" in refused(command(nowhere, beside=tmp_path))


@pytest.mark.parametrize(
    ("text", "problem"), [(None, "can't be read"), ("\n", "holds no password")]
)
def test_no_password(tmp_path, text, problem):
    secret = tmp_path / "none"
    if text is not None:
        secret.write_text(text)
    assert problem in refused(command(tmp_path / "d", "--password-file", str(secret)))


def test_kafka_tables_are_read_in_the_background(run):
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0, "bootstrap.servers": "-"})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    running = run()

    def produce(first: int) -> None:
        for number in range(first, first + 500):
            producer.produce("numbers", json.dumps({"a": number}))
        producer.flush()

    def wait_for(rows: int) -> None:
        with running.http() as http:
            for _ in range(600):
                text = http.post("/", content="SELECT uniqExact(a) FROM target").text
                if text == f"{rows}\n":
                    return
                time.sleep(0.1)
        raise AssertionError(f"{text} instead of {rows}")

    produce(0)
    with running.http() as http:
        for sql in (
            "CREATE TABLE queue (a Int64) ENGINE = Kafka SETTINGS kafka_topic_list = 'numbers', "
            f"kafka_broker_list = '{broker.host}:{broker.port}', kafka_group_name = 'g', "
            "kafka_format = 'JSONEachRow', kafka_num_consumers = 1, kafka_thread_per_consumer = 1, "
            "kafka_flush_interval_ms = 250, kafka_handle_error_mode = 'stream'",
            "CREATE TABLE target (a Int64) ENGINE = MergeTree ORDER BY a",
            "CREATE MATERIALIZED VIEW v TO target AS SELECT a FROM queue WHERE _error = ''",
        ):
            answer = http.post("/", content=sql)
            assert answer.status_code == 200, answer.text
    wait_for(500)
    produce(500)
    wait_for(1000)
    code, seconds = running.end()
    assert (code, seconds < 3) == (0, True)
