"""The pipeline in containers: from both sources to a reader, by the commands of the local stack."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import clickhouse_connect
import httpx
import psycopg
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from contractline.cli._compose import read
from contractline.targets.warehouse import Warehouse
from tests.compose.conftest import Containers, until
from tests.fixtures.stack import REPOSITORY

COMMITS = 2_000


@pytest.fixture(scope="module")
def warehouse(containers: Containers) -> Iterator[Warehouse]:
    with closing(Warehouse(containers.endpoints)) as warehouse:
        yield warehouse


def one(warehouse: Warehouse, sql: str) -> Any:
    ((value,),) = warehouse.rows(sql)
    return value


def test_init_has_brought_everything_to_its_declared_state(containers: Containers) -> None:
    planned = containers.contractline("plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_every_service_runs(containers: Containers) -> None:
    listed = containers.compose("ps", "--all", "--format", "json").splitlines()
    states = {s["Service"]: s for s in map(json.loads, listed)}
    assert states.pop("init")["ExitCode"] == 0
    assert {s["State"] for s in states.values()} == {"running"}
    assert {s["Health"] for s in states.values()} <= {"healthy", ""}


def test_generated_commits_arrive_once(containers: Containers, warehouse: Warehouse) -> None:
    for _ in range(2):
        sent = containers.produce("--source", "fake", "--count", str(COMMITS), "--json")
        assert sent.returncode == 0, sent.stderr
        assert json.loads(sent.stdout)["acknowledged"] == COMMITS
    sql = "SELECT count() FROM reporting.commits WHERE source = 'fake'"
    assert until(lambda: one(warehouse, sql) >= COMMITS)
    assert one(warehouse, sql) == COMMITS


def test_the_history_of_a_repository_arrives(containers: Containers, warehouse: Warehouse) -> None:
    name = "tests/history"
    arguments = ("--source", "git", "--repository", str(REPOSITORY), "--name", name, "--json")
    sent = containers.produce(*arguments)
    assert sent.returncode == 0, sent.stderr
    commits = json.loads(sent.stdout)["acknowledged"]
    assert commits > 0
    sql = f"SELECT count() FROM reporting.commits WHERE repository = '{name}'"
    assert until(lambda: one(warehouse, sql) >= commits)


def test_a_change_in_postgresql_arrives(containers: Containers, warehouse: Warehouse) -> None:
    """Through the strict converter, which must find the contracted schemas on this registry."""
    with psycopg.connect(containers.exports["POSTGRES_DSN"], autocommit=True) as database:
        people = database.execute("SELECT count(*) FROM github_users").fetchone()
        assert people is not None
        assert until(lambda: one(warehouse, "SELECT count() FROM github.users FINAL") == people[0])
        database.execute("UPDATE github_users SET team = 'moved' WHERE user_name = 'Ivan M'")
    sql = "SELECT count() FROM github.users FINAL WHERE user_name = 'Ivan M' AND team = 'moved'"
    assert until(lambda: one(warehouse, sql) == 1)


def test_messages_wait_for_the_registry_and_are_replayed(
    containers: Containers, warehouse: Warehouse
) -> None:
    """The producer has its schema; a restarted ClickHouse has none, and the registry is away."""
    sql = "SELECT count() FROM reporting.commits WHERE source = 'fake'"
    errors = "SELECT count() FROM reporting.open_errors"
    before = one(warehouse, sql)
    containers.stop("clickhouse")
    sent = containers.produce("--source", "fake", "--seed", "7", "--count", "300", "--json")
    assert sent.returncode == 0, sent.stderr
    containers.stop("registry")
    containers.start("clickhouse")
    assert until(lambda: _answers(containers) and one(warehouse, errors) > 0)
    containers.start("registry")
    assert until(lambda: one(warehouse, sql) == before + 300, 120)
    assert until(lambda: one(warehouse, errors) == 0)


def test_containers_keep_their_data(containers: Containers, warehouse: Warehouse) -> None:
    before = one(warehouse, "SELECT count() FROM reporting.commits")
    for name in ("clickhouse", "kafka", "registry", "postgres"):
        containers.restart(name)
    assert until(lambda: _answers(containers))
    assert one(warehouse, "SELECT count() FROM reporting.commits") == before
    assert until(lambda: containers.contractline("plan").returncode == 0, 180)


def test_only_loopback_listens(containers: Containers) -> None:
    addresses = {a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    ports = [int(v) for k, v in _env(containers).items() if k.endswith("_PORT")]
    for address in addresses - {"127.0.0.1", "127.0.1.1"}:
        for port in ports:
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((str(address), port)) != 0, (address, port)


def test_readers_are_not_writers(containers: Containers) -> None:
    port = int(_env(containers)["CLICKHOUSE_PORT"])
    password = _env(containers)["CLICKHOUSE_REPORTS_PASSWORD"]
    client = clickhouse_connect.get_client(port=port, username="reports", password=password)
    with closing(client):
        assert client.query("SELECT count() FROM reporting.commits").result_rows
        for refused in ("SELECT 1 FROM github.users", "DROP VIEW reporting.commits"):
            with pytest.raises(DatabaseError):
                client.command(refused)


def _answers(containers: Containers) -> bool:
    port = _env(containers)["CLICKHOUSE_PORT"]
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping").is_success
    except httpx.TransportError:
        return False


def _env(containers: Containers) -> dict[str, str]:
    return read(containers.env_file)
