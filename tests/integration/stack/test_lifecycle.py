"""Up, down and everything that goes wrong in between, through the commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import time
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.integration.stack.conftest import ONLY_POSTGRES, until


def test_a_second_up_says_that_all_runs(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    assert "the stack is ready" in checkout.run("up")
    before = {p.pid for p in checkout.processes()}

    assert "already running" in checkout.run("up")

    assert {p.pid for p in checkout.processes()} == before


def test_down_leaves_no_process_and_keeps_the_data(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    endpoints = checkout.project.state / "endpoints.json"
    dsn = json.loads(endpoints.read_text())["POSTGRES_DSN"]
    with psycopg.connect(dsn) as connection:
        connection.execute("create table kept as select 42 as answer")

    checkout.run("down")

    assert not checkout.processes()
    assert not endpoints.exists()
    assert "no stack is running" in checkout.run("down")
    checkout.run("up")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_secrets_are_for_the_owner_only(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    state = checkout.project.state

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    for name in ("endpoints.json", "passwords.json"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600
    shown = checkout.run("up") + checkout.run("status", code=0)
    assert json.loads((state / "passwords.json").read_text())["postgres"] not in shown


def test_real_installations_are_not_started(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)

    output = checkout.run("up")

    assert "registry: not started, SCHEMA_REGISTRY_URL is set" in output
    assert "secret" not in output
    states = {name: service["state"] for name, service in checkout.status().items()}
    assert states.pop("postgres") == states.pop("watch") == "running"
    assert set(states.values()) == {"external"}
    exports = checkout.run("env")
    assert "export KAFKA_BOOTSTRAP_SERVERS=kafka.example.org:9092\n" in exports
    assert "export POSTGRES_DSN=postgresql://postgres:" in exports


def test_exported_variables_do_not_make_the_own_stack_a_foreign_one(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    endpoints = json.loads((checkout.project.state / "endpoints.json").read_text())
    checkout.run("down")
    checkout.environment["POSTGRES_DSN"] = endpoints["POSTGRES_DSN"]

    checkout.run("up")

    assert checkout.status()["postgres"]["state"] == "running"


def test_a_killed_service_comes_back(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    killed = checkout.status()["postgres"]["pid"]
    assert isinstance(killed, int)

    os.kill(killed, signal.SIGKILL)

    until(lambda: _runs_again(checkout, killed))


def _runs_again(checkout, killed: int) -> bool:
    service = checkout.status()["postgres"]
    return bool(service["state"] == "running" and service["pid"] != killed)


def test_up_recovers_from_a_killed_supervisor(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    os.kill(checkout.supervisor, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(checkout.supervisor))
    assert checkout.status()["postgres"]["state"] == "stopped"
    orphans = {p.pid for p in checkout.processes()}
    assert orphans

    output = checkout.run("up")

    assert "an earlier stack left behind" in output
    assert not orphans & {p.pid for p in checkout.processes()}
    assert checkout.status()["postgres"]["state"] == "running"


def test_down_ends_what_a_killed_supervisor_left(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    os.kill(checkout.supervisor, signal.SIGKILL)

    checkout.run("down")

    assert not checkout.processes()


def test_a_stale_file_of_the_supervisor_is_recognised(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    checkout.run("down")
    # After a reboot the number may belong to another program.
    stale = {"pid": os.getpid(), "created": 1.0}
    (checkout.project.state / "run" / "supervisor.json").write_text(json.dumps(stale))

    assert "the stack is ready" in checkout.run("up")


def test_a_taken_port_is_replaced_and_remembered(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    ports = checkout.project.state / "ports.json"
    wanted = json.loads(ports.read_text())["postgres"]
    with socket.create_server(("127.0.0.1", wanted)):
        assert f"port {wanted} is taken, using" in checkout.run("up")
        given = json.loads(ports.read_text())["postgres"]
        assert given != wanted
        checkout.run("down")

    assert "is taken" not in checkout.run("up")
    assert json.loads(ports.read_text())["postgres"] == given
    assert f":{given}/" in checkout.run("env")


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7, 1.5, 3.0])
def test_ctrl_c_while_starting_leaves_nothing(make_checkout, seconds: float):
    checkout = make_checkout()
    with checkout.begin("up") as child:
        time.sleep(seconds)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)

    assert child.returncode in (130, -signal.SIGINT), output
    assert not checkout.processes()
    assert not (checkout.project.state / "endpoints.json").exists()


def test_ctrl_c_in_the_demo_ends_the_stack_that_it_started(make_checkout):
    checkout = make_checkout()
    with checkout.begin("demo", "--commits", "100") as child:
        assert any("Applying the contracts" in line for line in child.stdout)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)

    assert child.returncode == 130, output
    assert "the stack is stopped" in output
    assert not checkout.processes()


def test_ctrl_c_in_the_demo_leaves_a_stack_that_ran_before(make_checkout):
    checkout = make_checkout()
    checkout.run("up")
    with checkout.begin("demo", "--commits", "100") as child:
        assert any("Applying the contracts" in line for line in child.stdout)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)

    assert child.returncode == 130, output
    assert {service["state"] for service in checkout.status().values()} == {"running"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_terminal_is_like_ctrl_c(make_checkout, number: signal.Signals):
    checkout = make_checkout(**ONLY_POSTGRES)
    with checkout.begin("up") as child:
        until(lambda: bool(checkout.processes()))
        child.send_signal(number)
        output, _ = child.communicate(timeout=60)

    assert child.returncode == 130, output
    assert not checkout.processes()


def test_two_ups_at_once_start_one_stack(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    both = [checkout.begin("up"), checkout.begin("up")]
    outputs = []
    for child in both:
        with child:
            outputs.append(child.communicate(timeout=60)[0])

    assert [child.returncode for child in both] == [0, 0], outputs
    assert sorted("already running" in output for output in outputs) == [False, True]


def test_down_ends_a_starting_stack(make_checkout):
    checkout = make_checkout()
    with checkout.begin("up") as child:
        until(lambda: len(checkout.processes()) > 1)
        checkout.run("down")
        output, _ = child.communicate(timeout=60)

    assert child.returncode == 2
    assert "it was stopped meanwhile" in output
    assert not checkout.processes()


def test_a_service_that_does_not_start_tells_why_and_leaves_nothing(make_checkout):
    checkout = make_checkout(**{**ONLY_POSTGRES, "KAFKA_BOOTSTRAP_SERVERS": "", "CONNECT_URL": ""})
    worker = checkout.project.root / "connect" / "worker.properties"
    worker.write_text(worker.read_text() + "key.converter=no.such.Converter\n")

    output = checkout.run("up", code=2)

    assert "connect: could not start: " in output
    assert "  | " in output
    assert "no.such.Converter" in output
    assert "error: the stack could not be started: connect: " in output
    assert not checkout.processes()
    assert checkout.status()["connect"]["state"] == "failed"


def test_two_checkouts_start_side_by_side(make_checkout):
    both = [make_checkout(name, ports=False, **ONLY_POSTGRES) for name in ("one", "two")]
    started = [checkout.begin("up") for checkout in both]
    for child in started:
        with child:
            output, _ = child.communicate(timeout=60)
            assert child.returncode == 0, output

    urls = {str(checkout.status()["postgres"]["url"]) for checkout in both}
    assert len(urls) == 2
    both[0].run("down")
    assert both[1].status()["postgres"]["state"] == "running"


@pytest.mark.skipif(os.getuid() != 0, reason="as root PostgreSQL runs as another account")
def test_root_below_a_closed_folder(make_checkout, tmp_path: Path):
    tmp_path.chmod(0o700)
    checkout = make_checkout(**ONLY_POSTGRES)

    output = checkout.run("up")

    folder = Path(json.loads((checkout.project.state / "postgres.json").read_text())["folder"])
    assert f"its data is in {folder}" in output
    assert folder.is_dir()
    server = psutil.Process(int(str(checkout.status()["postgres"]["pid"])))
    assert server.uids().real != 0
    checkout.run("reset", "--yes")
    assert not folder.exists()
    assert not checkout.project.state.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="as root PostgreSQL's data lie outside the checkout")
def test_a_new_checkout_at_the_path_of_a_deleted_one(make_checkout):
    first = make_checkout(**ONLY_POSTGRES)
    first.run("up")
    first.run("down")
    left = Path(json.loads((first.project.state / "postgres.json").read_text())["folder"])
    shutil.rmtree(first.project.state)
    try:
        assert "the stack is ready" in first.run("up")
        first.run("reset", "--yes")
    finally:
        shutil.rmtree(left)


def test_a_folder_with_other_letters_and_blanks(make_checkout):
    checkout = make_checkout("Здесь живёт проект", CONNECT_URL="", CLICKHOUSE_URL="http://nowhere")

    assert "the stack is ready" in checkout.run("up")


def test_reset_asks(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")

    checkout.run("reset", code=130)

    assert checkout.status()["postgres"]["state"] == "running"


def test_logs_of_a_service(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")

    assert "database system is ready to accept connections" in checkout.run("logs", "postgres")
    assert "there are: postgres" in checkout.run("logs", "nothing", code=2)


def test_with_a_source_database_elsewhere_the_registry_keeps_its_own(make_checkout):
    elsewhere = {
        "POSTGRES_DSN": "postgresql://u:p@db.example.org/source",
        "KAFKA_BOOTSTRAP_SERVERS": "kafka.example.org:9092",
        "CONNECT_URL": "http://connect.example.org",
        "CLICKHOUSE_URL": "http://clickhouse.example.org",
    }
    checkout = make_checkout(**elsewhere)
    checkout.run("up")
    url = f"{checkout.status()['registry']['url']}/subjects/kept-value/versions"
    schema = {"schema": '{"type": "record", "name": "R", "fields": []}'}
    before = httpx.post(url, json=schema).json()

    checkout.run("restart", "registry")

    assert httpx.post(url, json=schema).json() == before
    assert httpx.get(url).json() == [1]
