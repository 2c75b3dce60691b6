"""Up, down and everything that goes wrong in between, through the commands."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.fixtures.stack import clean_environment
from tests.integration.stack.conftest import ELSEWHERE, ONLY_POSTGRES, until


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
    shown = checkout.run("up") + checkout.run("status", code=1)
    assert json.loads((state / "passwords.json").read_text())["postgres"] not in shown


def test_real_installations_are_not_started(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)

    output = checkout.run("up")

    assert "registry: not started, SCHEMA_REGISTRY_URL is set" in output
    assert "secret" not in output
    states = {name: service["state"] for name, service in checkout.status().items()}
    own = {states.pop(name) for name in ("postgres", "watch", "dashboard")}
    assert own == {"running"}
    assert set(states.values()) == {"external"}
    exports = checkout.run("env")
    assert f"export KAFKA_BOOTSTRAP_SERVERS={ELSEWHERE}\n" in exports
    assert "export POSTGRES_DSN=postgresql://postgres:" in exports


def exported(checkout) -> dict[str, str]:
    """The variables of a shell after `eval "$(contractline env)"`."""
    lines = (shlex.split(line) for line in checkout.run("env").splitlines())
    return dict(line[1].split("=", 1) for line in lines)


@pytest.mark.parametrize("ended", ["down", "reset"])
def test_exported_variables_do_not_make_the_own_stack_a_foreign_one(make_checkout, ended):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    given = exported(checkout)
    assert given["POSTGRES_DSN"].startswith("postgresql://postgres:")
    checkout.run(*(("reset", "--yes") if ended == "reset" else ("down",)))
    checkout.environment.update(given)

    assert "POSTGRES_DSN is set" not in checkout.run("up")

    assert checkout.status()["postgres"]["state"] == "running"
    now = exported(checkout)
    assert (now["POSTGRES_DSN"] == given["POSTGRES_DSN"]) == (ended == "down")
    # The old password is still in the shell; the commands take what the running stack says.
    code = "from pathlib import Path; from contractline.project import Project; "
    code += "from contractline.settings import Endpoints; "
    code += f"print(Endpoints.load(Project(Path({str(checkout.project.root)!r}))).postgres_dsn)"
    environment = {**clean_environment(), **checkout.environment}
    argv = [sys.executable, "-c", code]
    told = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == now["POSTGRES_DSN"]


def test_a_variable_that_was_changed_names_another_installation(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")
    checkout.environment.update(exported(checkout))
    checkout.run("down")
    checkout.environment["POSTGRES_DSN"] = f"postgresql://u:p@{ELSEWHERE}/other"

    assert "postgres: not started, POSTGRES_DSN is set" in checkout.run("up")


def test_an_installation_that_does_not_answer_is_told(make_checkout):
    checkout = make_checkout(**{**ONLY_POSTGRES, "CONNECT_URL": "http://127.0.0.1:9"})

    output = checkout.run("up", code=1)

    assert "connect: not started, CONNECT_URL is set (http://127.0.0.1:9)" in output
    assert "NOTHING ANSWERS THERE" in output
    assert "connect: nothing answers at http://127.0.0.1:9" in output
    assert "unset its variable" in output
    assert checkout.status()["connect"]["state"] == "unreachable"
    assert checkout.status()["kafka"]["state"] == "external"
    assert "unreachable" in checkout.run("status", code=1)
    assert "already running" in checkout.run("up", code=1)


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
    stale = {"pid": os.getpid(), "started": 1.0}
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

    # Exit code 1: the installation that the variable names does not answer.
    assert "the stack is ready" in checkout.run("up", code=1)


def test_reset_asks(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")

    assert "there is no terminal to ask at; nothing was removed" in checkout.run("reset", code=2)

    assert checkout.status()["postgres"]["state"] == "running"


def test_logs_of_a_service(make_checkout):
    checkout = make_checkout(**ONLY_POSTGRES)
    checkout.run("up")

    assert "database system is ready to accept connections" in checkout.run("logs", "postgres")
    assert "there are: postgres" in checkout.run("logs", "nothing", code=2)


def test_with_a_source_database_elsewhere_the_registry_keeps_its_own(make_checkout):
    elsewhere = {
        "POSTGRES_DSN": f"postgresql://u:p@{ELSEWHERE}/source",
        "KAFKA_BOOTSTRAP_SERVERS": ELSEWHERE,
        "CONNECT_URL": f"http://{ELSEWHERE}",
        "CLICKHOUSE_URL": f"http://{ELSEWHERE}",
    }
    checkout = make_checkout(**elsewhere)
    checkout.run("up")
    url = f"{checkout.status()['registry']['url']}/subjects/kept-value/versions"
    schema = {"schema": '{"type": "record", "name": "R", "fields": []}'}
    before = httpx.post(url, json=schema).json()

    checkout.run("restart", "registry")

    assert httpx.post(url, json=schema).json() == before
    assert httpx.get(url).json() == [1]


def test_a_stack_for_a_moment_tells_the_last_lines_of_a_service_that_ended(make_checkout):
    """Its logs are removed with it, so that nobody could read them afterwards."""
    checkout = make_checkout(JAVA_TOOL_OPTIONS="-XX:NoSuchOption")

    output = checkout.run("generate", "cdc", code=2)

    assert "kafka: could not start: the Java runtime is another version than needed" in output
    assert "  | Unrecognized VM option 'NoSuchOption'" in output
    assert "`contractline up` starts the same services and keeps their logs" in output
    assert "Traceback" not in output
