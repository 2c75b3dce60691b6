"""The pipeline in containers: the whole flow as on the local stack, and what only containers have."""

from __future__ import annotations

import json
import socket
from contextlib import closing

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from contractline.cli._compose import read
from tests.compose.conftest import Containers
from tests.fixtures.stack import REPOSITORY
from tests.flow.whole import (
    test_a_consumer_of_ones_own_reads_both_streams,
    test_changes_in_postgresql_arrive,
    test_everything_is_in_its_declared_state,
    test_generated_commits_arrive_once,
    test_messages_wait_for_the_registry_and_are_replayed,
    test_restarted_services_keep_their_data,
    test_the_history_of_a_repository_arrives,
    warehouse,
)

__all__ = [
    "test_a_consumer_of_ones_own_reads_both_streams",
    "test_changes_in_postgresql_arrive",
    "test_everything_is_in_its_declared_state",
    "test_generated_commits_arrive_once",
    "test_messages_wait_for_the_registry_and_are_replayed",
    "test_restarted_services_keep_their_data",
    "test_the_history_of_a_repository_arrives",
    "warehouse",
]


def test_every_service_runs(containers: Containers) -> None:
    listed = containers.compose("ps", "--all", "--format", "json").splitlines()
    states = {s["Service"]: s for s in map(json.loads, listed)}
    assert states.pop("init")["ExitCode"] == 0
    assert {s["State"] for s in states.values()} == {"running"}
    assert {s["Health"] for s in states.values()} <= {"healthy", ""}


def test_the_demo_prints_its_report(containers: Containers) -> None:
    """As `make compose-demo` runs it."""
    mounted = f"{REPOSITORY}:/repository:ro"
    said = containers.compose("run", "--rm", "--no-TTY", "--volume", mounted, "demo")
    assert "Open errors: 0" in said
    assert "MISSING" not in said
    assert "Everything runs" in said


def test_only_loopback_listens(containers: Containers) -> None:
    addresses = {a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    ports = [int(v) for k, v in read(containers.env_file).items() if k.endswith("_PORT")]
    for address in addresses - {"127.0.0.1", "127.0.1.1"}:
        for port in ports:
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((str(address), port)) != 0, (address, port)


def test_readers_are_not_writers(containers: Containers) -> None:
    env = read(containers.env_file)
    port, password = int(env["CLICKHOUSE_PORT"]), env["CLICKHOUSE_REPORTS_PASSWORD"]
    client = clickhouse_connect.get_client(port=port, username="reports", password=password)
    with closing(client):
        assert client.query("SELECT count() FROM reporting.commits").result_rows
        for refused in ("SELECT 1 FROM github.users", "DROP VIEW reporting.commits"):
            with pytest.raises(DatabaseError):
                client.command(refused)
