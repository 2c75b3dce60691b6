"""The process: what survives its end, and what it says when it can't start."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from contractline.stack.ports import free_ports
from tests.integration.server.conftest import Running, configure, launch

MAKE = "CREATE TABLE default.t (a Int8) ENGINE = MergeTree ORDER BY a"


def ended(process: subprocess.Popen[bytes], folder) -> str:
    assert process.wait(timeout=60) != 0
    return str((folder / "log").read_text(errors="replace"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_written_is_there_after_the_end(run, number):
    first: Running = run()
    with first.http() as http:
        http.post("/", content=MAKE)
        for value in range(20):
            assert http.post("/", content=f"INSERT INTO t VALUES ({value})").status_code == 200
    _, seconds = first.end(number)
    assert seconds < 3
    with run().http() as http:
        assert http.post("/", content="SELECT sum(a) FROM t").text == "190\n"


def test_queries_are_logged_after_each_start(run):
    for _ in range(2):
        server: Running = run()
        with server.http() as http:
            assert http.post("/", content="SELECT 4711").text == "4711\n"
            assert http.post("/", content="SYSTEM FLUSH LOGS").status_code == 200
            logged = "SELECT count() FROM system.query_log WHERE query = 'SELECT 4711'"
            assert http.post("/", content=logged).text == "2\n"  # its start and its end
        server.end()


def test_a_taken_port_is_told(run):
    first: Running = run()
    folder = first.folder.parent / "other"
    configure(folder, {"http": first.port, "native": free_ports(["native"])["native"]})
    assert "Address already in use" in ended(launch(folder), folder)
    configure(folder, {"http": free_ports(["http"])["http"], "native": first.native_port})
    assert "Address already in use" in ended(launch(folder), folder)


def test_a_folder_has_one_process(run):
    first: Running = run()
    again = launch(first.folder)
    assert "Another server instance in same directory is already running" in ended(
        again, first.folder
    )
    with first.http() as http:
        assert http.post("/", content="SELECT 1").text == "1\n"


def test_a_damaged_table_is_told(run):
    first: Running = run()
    with first.http() as http:
        http.post("/", content=MAKE)
    first.end()
    next((first.folder / "data" / "store").glob("*/*/t.sql")).write_text("nonsense")
    assert "t.sql" in ended(launch(first.folder), first.folder)


@pytest.mark.parametrize("text", ["garbage", "<clickhouse><a></clickhouse>"])
def test_a_configuration_that_is_none_is_told(tmp_path, text):
    configure(tmp_path / "server", {"http": 1, "native": 2})
    config = tmp_path / "server" / "config.xml"
    config.write_text(text)
    assert "config.xml" in ended(launch(config.parent), config.parent)


def test_a_file_that_is_no_library_is_told(tmp_path):
    library = tmp_path / "libchdb.so"
    library.write_text("nothing")
    options = (f"--config={tmp_path}", f"--data={tmp_path}")
    done = subprocess.run(
        [sys.executable, "-m", "contractline.server", str(library), *options],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"{library} can't be used: ")
    assert "Traceback" not in done.stderr


def test_it_ends_when_the_statement_that_keeps_it_up_is_killed(run):
    first: Running = run()
    with first.http() as http:
        http.post("/", content="KILL QUERY WHERE query LIKE 'SELECT sleep(4%' ASYNC")
    assert first.process.wait(timeout=30) == 1
    assert "the server has ended" in first.log


def test_its_log_is_small(run):
    """At rest it says nothing; a wrong query is a matter of the asker and not of the log."""
    first: Running = run()
    with first.http() as http:
        for _ in range(50):
            http.post("/", content="SELECT nofunction()")
    assert len(first.log) < 5_000, first.log[:3000]
