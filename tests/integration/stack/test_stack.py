"""The whole stack: clients connect through what it exports, services can be stopped and killed."""

from __future__ import annotations

import json
import socket

import httpx
import psutil
import psycopg
from confluent_kafka.admin import AdminClient

from contractline.settings import Endpoints
from contractline.stack import process
from contractline.stack.history import ServiceState
from tests.fixtures.stack import RunningStack
from tests.integration.stack.conftest import ELSEWHERE, until

SCHEMA = json.dumps({"schema": '{"type": "record", "name": "R", "fields": []}'})


def test_clients_connect_through_the_exports(stack: RunningStack):
    exports = stack.exports
    with psycopg.connect(exports["POSTGRES_DSN"]) as connection:
        assert connection.execute("select current_setting('wal_level')").fetchone() == ("logical",)
    assert _brokers(exports["KAFKA_BOOTSTRAP_SERVERS"])
    assert httpx.get(f"{exports['SCHEMA_REGISTRY_URL']}/subjects").status_code == 200


def test_connect_finds_debezium_the_converter_and_the_own_plugin(stack: RunningStack):
    url = f"{stack.exports['CONNECT_URL']}/connector-plugins"
    plugins = httpx.get(url, params={"connectorsOnly": "false"}).json()

    classes = {plugin["class"] for plugin in plugins}
    assert "io.debezium.connector.postgresql.PostgresConnector" in classes
    assert "io.confluent.connect.avro.AvroConverter" in classes
    assert "contractline.connect.KeepNulls" in classes


def test_the_settings_find_the_running_stack(stack: RunningStack):
    told = json.loads((stack.project.state / "endpoints.json").read_text())

    exports = dict(stack.exports)
    # For the shell alone: by it the stack knows its own variables again.
    assert exports.pop("CONTRACTLINE_STACK_VARIABLES")
    assert told == exports
    assert Endpoints.load(stack.project) == stack.endpoints


def test_all_listeners_are_on_loopback(stack: RunningStack):
    supervisors = [p for p in process.marked(stack.project.state) if _is_supervisor(p)]
    assert len(supervisors) == 1

    listeners = set(process.listeners(supervisors[0].pid))

    assert {port for _, port in listeners} >= {stack.port(n) for n in stack.listening}
    assert {address for address, _ in listeners} <= {"127.0.0.1", "::ffff:127.0.0.1"}


def _is_supervisor(candidate: psutil.Process) -> bool:
    return "contractline.stack.supervisor" in candidate.cmdline()


def test_ids_of_schemas_survive_a_restart(stack: RunningStack):
    url = f"{stack.exports['SCHEMA_REGISTRY_URL']}/subjects/stack-test-value/versions"
    headers = {"Content-Type": "application/json"}
    before = httpx.post(url, content=SCHEMA, headers=headers).json()["id"]

    stack.restart("registry")

    assert httpx.post(url, content=SCHEMA, headers=headers).json()["id"] == before


def test_the_registry_answers_at_once_after_postgres_was_killed(stack: RunningStack):
    url = f"{stack.exports['SCHEMA_REGISTRY_URL']}/subjects"
    assert httpx.get(url).status_code == 200

    stack.wait_until_back("postgres", stack.kill("postgres"))

    assert [httpx.get(url).status_code for _ in range(50)] == [200] * 50


def test_a_stopped_service_stays_stopped_until_started(stack: RunningStack):
    stack.stop("registry")
    try:
        assert stack.status("registry").state is ServiceState.STOPPED
    finally:
        stack.start("registry")

    assert stack.status("registry").state is ServiceState.RUNNING


def test_connect_survives_a_killed_broker(stack: RunningStack):
    stack.wait_until_back("kafka", stack.kill("kafka"))

    assert _brokers(stack.exports["KAFKA_BOOTSTRAP_SERVERS"])
    until(lambda: httpx.get(f"{stack.exports['CONNECT_URL']}/connectors").status_code == 200)


def test_a_killed_engine_answers_again(stack: RunningStack):
    url = stack.exports["CLICKHOUSE_URL"]
    assert httpx.get(url, params={"query": "select 1"}).text == "1\n"

    stack.wait_until_back("clickhouse", stack.kill("clickhouse"))

    assert httpx.get(url, params={"query": "select 2"}).text == "2\n"


def test_who_needs_a_moved_service_follows_it(make_checkout):
    elsewhere = f"http://{ELSEWHERE}"
    checkout = make_checkout(SCHEMA_REGISTRY_URL=elsewhere, CLICKHOUSE_URL=elsewhere)
    checkout.run("up")
    before = checkout.status()
    ports = json.loads((checkout.project.state / "ports.json").read_text())
    # The port of the old process has to be taken before the new one looks: stop, take, start.
    running = RunningStack.of(checkout.project, checkout.environment)
    running.stop("kafka")
    with (
        socket.create_server(("127.0.0.1", ports["kafka"])),
        socket.create_server(("127.0.0.1", ports["kafka-controller"])),
    ):
        running.start("kafka")
        until(lambda: _is_another(checkout.status(), before, "connect"))

    bootstrap = running.exports["KAFKA_BOOTSTRAP_SERVERS"]
    assert bootstrap != f"127.0.0.1:{ports['kafka']}"
    assert _brokers(bootstrap)
    assert f"bootstrap.servers={bootstrap}" in _worker(checkout)


def _is_another(now, before, name: str) -> bool:
    return bool(now[name]["state"] == "running" and now[name]["pid"] != before[name]["pid"])


def _worker(checkout) -> str:
    return str((checkout.project.state / "config" / "connect.properties").read_text())


def _brokers(bootstrap: str) -> int:
    client = AdminClient({"bootstrap.servers": bootstrap})
    return len(client.list_topics(timeout=10).brokers)
