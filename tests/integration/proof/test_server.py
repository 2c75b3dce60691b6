"""Proving on a server: in databases of the proof's own, which are removed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.change import StreamChange
from contractline.contracts.load import load_contract
from contractline.errors import ServiceUnavailable, SettingInvalid
from contractline.proof import proof, server
from contractline.proof.process import engine_process
from contractline.proof.proof import deployed_version, prove
from contractline.settings import Endpoints
from tests.integration.proof.conftest import REPOSITORY
from tests.integration.proof.streams import change, field

COMMITS = StreamChange(None, load_contract(REPOSITORY.contracts / "commits"))
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server: the packaged engine behind ClickHouse's HTTP interface."""
    with engine_process() as engine:
        yield engine.url


def databases(url: str) -> list[str]:
    with closing(Warehouse(Endpoints(clickhouse_url=url))) as warehouse:
        return [str(row[0]) for row in warehouse.rows("SELECT name FROM system.databases")]


def run(url: str, sql: str) -> None:
    with closing(Warehouse(Endpoints(clickhouse_url=url))) as warehouse:
        warehouse.run(sql)


def test_nothing_is_left_on_the_server(url) -> None:
    before = databases(url)
    found = prove([COMMITS], REPOSITORY, clickhouse=url, records=5)
    assert found.findings == ()
    assert databases(url) == before


def test_nothing_is_left_on_the_server_after_an_error(url, tmp_path, monkeypatch) -> None:
    before = databases(url)
    derived = {"name": "odd", "type": "Int64", "expression": "noSuch(it)", "description": "x"}
    one = change(tmp_path / "odd", [field("it", "string")], clickhouse={"derived": [derived]})
    assert prove([one], REPOSITORY, clickhouse=url).findings
    monkeypatch.setattr(Warehouse, "raw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prove([COMMITS], REPOSITORY, clickhouse=url)
    assert databases(url) == before


def interrupted(*_: object) -> bytes:
    raise KeyboardInterrupt


def test_what_a_killed_proof_left_is_removed_and_nothing_else(url) -> None:
    old = f"{server.PREFIX}_{int(time.time()) - 4000}_0a1b_ingestion"
    young = f"{server.PREFIX}_{int(time.time()) - 60}_0a1b_ingestion"
    other = f"{server.PREFIX}_mine"
    for name in (old, young, other):
        run(url, f"CREATE DATABASE {name}")
    prove([], REPOSITORY, clickhouse=url)
    left = databases(url)
    assert old not in left
    assert {young, other} <= set(left)


def test_a_server_that_can_not_ask_for_schemas_is_sent_them(url, monkeypatch) -> None:
    monkeypatch.setattr(proof, "fetches", lambda *_: False)
    found = prove([COMMITS], REPOSITORY, clickhouse=url, records=20)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("kind", "column"),
    [("long", "Int32"), ("string", "FixedString(60)"), ("boolean", "String")],
)
def test_both_ways_of_reading_find_the_same(url, monkeypatch, tmp_path, kind, column) -> None:
    one = change(tmp_path / "same", [field("it", kind)], clickhouse={"types": {"it": column}})
    by_id = prove([one], REPOSITORY, clickhouse=url, records=20)
    monkeypatch.setattr(proof, "fetches", lambda *_: False)
    by_file = prove([one], REPOSITORY, clickhouse=url, records=20)
    assert by_id.findings
    assert by_id.streams[0].verdict is by_file.streams[0].verdict
    assert [f.path for f in by_id.findings] == [f.path for f in by_file.findings]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_on_the_server_after_a_signal(url, number) -> None:
    before = databases(url)
    command = [sys.executable, "-m", "contractline", "--project", str(REPOSITORY.root), "prove"]
    options = ["commits", "--records", "100000", "--clickhouse", url]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while databases(url) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said.strip()) == (130, "interrupted")
    assert databases(url) == before


def test_a_server_that_does_not_answer(url) -> None:
    with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1:1") as failure:
        prove([COMMITS], REPOSITORY, clickhouse=NOBODY)
    assert "--clickhouse" in failure.value.hint


@pytest.mark.parametrize("odd", ["", "localhost", "host:8123", "http://", "http://[bad", "ftp://a"])
def test_what_is_no_url(odd) -> None:
    with pytest.raises(SettingInvalid, match="--clickhouse"):
        prove([COMMITS], REPOSITORY, clickhouse=odd)


def test_the_deployed_version(url) -> None:
    version = deployed_version(Endpoints(clickhouse_url=url))
    assert version is not None
    assert version.startswith("26.")
    assert deployed_version(Endpoints(clickhouse_url=NOBODY)) is None
    assert deployed_version(Endpoints(clickhouse_url=None)) is None


@pytest.mark.parametrize(
    ("engine", "deployed", "differs"),
    [
        ("26.1.2.1", "26.1.2.11", False),
        ("26.1.2.1", "26.1.3.1", True),
        ("26.1.2.1", "25.8.1.5101", True),
        ("26.1.2.1", None, False),
    ],
)
def test_another_release_is_another_engine(engine, deployed, differs) -> None:
    said = proof.Proof(engine, deployed, (), 0.0).warning
    assert bool(said) is differs
    assert not differs or str(deployed) in said


def test_the_stack_is_not_touched(stack) -> None:
    url = stack.exports["CLICKHOUSE_URL"]
    before = databases(url)
    found = prove([COMMITS], REPOSITORY, clickhouse=url, records=5)
    assert found.findings == ()
    assert databases(url) == before
