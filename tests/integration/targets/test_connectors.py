"""The target connectors on a real worker: what it needs, drift, heartbeats and failed tasks."""

from __future__ import annotations

import json

import httpx
import pytest

from contractline.cli import run
from contractline.plan import Change
from contractline.targets.connectors import target as connectors
from contractline.targets.topics import Cluster
from tests.fixtures.stack import RunningStack
from tests.integration.targets.lab import Lab, Record, messages, until

FIELDS = [{"name": "name", "type": "string"}]


def declare(lab: Lab) -> None:
    lab.sql("CREATE TABLE people (name text PRIMARY KEY)")
    lab.contract("people", FIELDS, FIELDS)


@pytest.fixture
def people(lab: Lab) -> Lab:
    declare(lab)
    lab.bring_up()
    return lab


def change(lab: Lab, **properties: str) -> None:
    """Change a running connector's configuration by hand."""
    path = f"/connectors/{lab.prefix}/config"
    config = lab.connect("GET", path)
    config |= {name.replace("_", "."): value for name, value in properties.items()}
    answer = httpx.put(f"{lab.endpoints.connect_url}{path}", json=config, timeout=30)
    answer.raise_for_status()


def test_what_is_not_there_yet_is_said_in_words(lab: Lab) -> None:
    declare(lab)

    plan = lab.plan("connectors")

    said = messages(plan)
    assert f"needs the topics: {lab.topic('people')}, __debezium-heartbeat" in said
    assert "needs the registered versions: people v1 in " in said
    assert f"needs in the publication {lab.prefix}: {lab.prefix}.people" in said
    for target in ("topics", "schemas", "postgres"):
        assert f"`contractline apply {target}` brings it" in said
    assert not plan.steps


def test_applying_again_changes_nothing(people: Lab) -> None:
    outcomes = people.apply()

    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0, 0]
    assert [outcome.done for outcome in outcomes] == [(), (), (), ()]


def test_no_secret_is_in_the_plan_or_in_connect(lab: Lab) -> None:
    declare(lab)
    lab.apply("topics", "schemas", "postgres")
    password = lab.endpoints.need("postgres_replication_password")
    plan = lab.plan("connectors")
    lab.apply("connectors")

    assert password not in repr(plan)
    config = json.dumps(lab.connect("GET", "/connectors?expand=info"))
    assert password not in config
    assert "${env:POSTGRES_REPLICATION_PASSWORD}" in config


def test_drift_is_shown_property_by_property_and_brought_back(people: Lab) -> None:
    change(people, poll_interval_ms="4000", database_sslpassword="open")

    plan = people.plan("connectors")
    (step,) = plan.steps
    (outcome,) = people.apply("connectors")

    assert step.change is Change.ALTER
    assert "poll.interval.ms: 4000 -> 50" in step.detail
    assert "database.sslpassword: *** -> (none)" in step.detail
    assert "open" not in step.detail
    assert outcome.exit_code == 0
    assert people.plan("connectors").is_clean


def test_a_connector_keeps_its_place_in_the_log(people: Lab) -> None:
    people.configure(slot_name="elsewhere")

    (outcome,) = people.apply("connectors")

    assert outcome.exit_code == 1
    assert f"slot.name {people.prefix} -> elsewhere" in messages(people.plan("connectors"))
    config = people.connect("GET", f"/connectors/{people.prefix}/config")
    assert config["slot.name"] == people.prefix


def test_a_connector_that_no_file_declares_is_reported_and_left_alone(people: Lab) -> None:
    file = people.root / "connect" / "connectors" / f"{people.prefix}.json"
    file.rename(file.with_suffix(".kept"))

    plan = people.plan("connectors")

    assert f"CONNECTOR_DECLARED: {people.prefix}" in messages(plan)
    assert plan.is_clean
    assert people.task_state() == "RUNNING"


def test_a_paused_connector_is_reported_with_what_waits(people: Lab) -> None:
    people.connect("PUT", f"/connectors/{people.prefix}/pause")
    path = f"/connectors/{people.prefix}/status"
    until(lambda: people.connect("GET", path)["connector"]["state"] == "PAUSED", "the pause")

    said = messages(people.plan("connectors"))

    assert "somebody has paused it; changes wait in the replication slot (" in said
    assert f"PUT /connectors/{people.prefix}/resume" in said


def test_heartbeats_pass_the_strict_converter_and_move_the_slot(people: Lab) -> None:
    topic = f"__debezium-heartbeat.{people.prefix}"
    position = (
        "SELECT confirmed_flush_lsn::text AS at FROM pg_replication_slots WHERE slot_name = %s"
    )
    (before,) = people.sql(position, people.prefix)

    until(lambda: len(people.topic_records(topic)) >= 3, "three heartbeats")

    record = people.topic_records(topic)[0]
    assert record.key == {"serverName": people.prefix}
    assert record.value is not None
    assert set(record.value) == {"ts_ms"}
    until(lambda: people.sql(position, people.prefix) != [before], "the slot to move on")
    assert people.task_state() == "RUNNING"
    assert people.records("people") == []


def test_a_heartbeat_without_a_registered_contract_stops_the_task_in_words(people: Lab) -> None:
    subject = f"__debezium-heartbeat.{people.prefix}-value"
    url = f"{people.endpoints.schema_registry_url}/subjects/{subject}"
    until(
        lambda: bool(people.topic_records(f"__debezium-heartbeat.{people.prefix}")), "a heartbeat"
    )
    httpx.delete(url).raise_for_status()
    httpx.delete(f"{url}?permanent=true")
    change(people, poll_interval_ms="60")  # a new task, whose converter remembers nothing
    until(lambda: people.task_state() == "FAILED", "the task to fail")

    assert "heartbeat v1 (value) is not registered (`make register-schemas`" in messages(
        people.plan("connectors")
    )
    schemas, connectors = people.apply("schemas", "connectors")
    assert (schemas.exit_code, connectors.exit_code) == (0, 0)
    assert people.task_state() == "RUNNING"


@pytest.mark.parametrize("key", ["PRIMARY KEY", "NOT NULL"], ids=["primary-key", "no-primary-key"])
def test_a_table_that_joins_a_running_connector_brings_its_rows(people: Lab, key: str) -> None:
    people.sql(f"CREATE TABLE teams (name text {key})")
    people.sql("INSERT INTO teams SELECT 't' || n FROM generate_series(1, 50) AS n")
    people.contract("teams", FIELDS, FIELDS)
    people.bring_up()
    people.sql("INSERT INTO teams VALUES ('new')")
    people.sql("DELETE FROM teams WHERE name = 't1'")
    people.sql("UPDATE teams SET name = 't0' WHERE name = 't2'")

    left = {f"t{n}" for n in (0, *range(3, 51))} | {"new"}
    until(lambda: names_left(people.records("teams")) == left, "the rows of teams")

    assert people.plan("connectors").steps == ()
    signals = Cluster(people.endpoints).topics([f"{people.prefix}.public.debezium_signal"])
    assert signals == {}


def names_left(records: list[Record]) -> set[str]:
    """Return the names that a reader ends with, who ranks by the position in the log."""
    newest: dict[str, tuple[int, int, bool]] = {}
    for offset, record in enumerate(records):
        if record.value is not None:
            rank = (record.value["__lsn"] or 0, offset, record.is_delete)
            name = record.value["name"]
            newest[name] = max(rank, newest.get(name, rank))
    return {name for name, (_, _, is_delete) in newest.items() if not is_delete}


def test_a_task_that_says_it_runs_and_does_not_read_is_reported(people: Lab) -> None:
    user = people.endpoints.need("postgres_replication_user")
    people.sql(f"ALTER ROLE {user} NOREPLICATION")
    people.connect("POST", f"/connectors/{people.prefix}/restart?includeTasks=true")

    def is_reported() -> bool:
        said = messages(people.plan("connectors"))
        return "CONNECTOR_READS" in said and people.task_state() == "RUNNING"

    until(is_reported, "the report")
    (outcome,) = people.apply("postgres")
    assert outcome.exit_code == 0
    people.apply("connectors")
    until(lambda: people.plan("connectors").is_clean, "the connector to read again")


def test_a_lost_place_in_the_log_is_told_and_begun_anew_by_one_command(
    people: Lab, services: None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"/connectors/{people.prefix}"
    people.connect("PUT", f"{path}/stop")
    until(lambda: people.plan("connectors").refusals != (), "the stop")
    dropped = "SELECT pg_drop_replication_slot(%s)"
    until(lambda: not people.slot_is_active(), "the slot to be free")
    people.sql(dropped, people.prefix)
    people.sql("INSERT INTO people VALUES ('lost')")
    people.connect("PUT", f"{path}/resume")
    until(lambda: people.task_state() == "FAILED", "the task to fail")

    (outcome,) = people.apply("connectors")

    assert outcome.exit_code == 1
    assert outcome.done == ()
    said = messages(people.plan("connectors"))
    assert "PostgreSQL dropped log that was not read yet, so changes are missing" in said
    command = ["resnapshot", "--connector", people.prefix]
    assert f"`contractline {' '.join(command)}`" in said

    code = run(["--project", str(people.root), *command])
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    assert "began anew" in shown.err
    people.sql("INSERT INTO people VALUES ('later')")
    until(lambda: names_left(people.records("people")) == {"lost", "later"}, "both rows")
    assert people.plan("connectors").is_clean

    assert run(["--project", str(people.root), *command]) == 2
    assert "reads on from its place in PostgreSQL's log" in capsys.readouterr().err


def test_after_a_crash_of_the_worker_and_the_source_nothing_is_lost(
    people: Lab, stack: RunningStack
) -> None:
    people.sql("INSERT INTO people VALUES ('before')")
    people.wait_for_records("people", 1)
    for service in ("connect", "postgres"):
        killed = stack.kill(service)
        stack.wait_until_back(service, killed)
    people.sql("INSERT INTO people VALUES ('after')")

    # The registry keeps its schemas in that PostgreSQL: it fails for a moment, and so may the task.
    until(lambda: people.apply("connectors")[0].exit_code == 0, "the connector to read again")
    until(lambda: names_left(people.records("people")) == {"before", "after"}, "both rows")


def test_a_worker_that_is_killed_while_rows_flow_loses_none(
    people: Lab, stack: RunningStack
) -> None:
    for number in range(60):
        if number == 20:
            killed = stack.kill("connect")
        people.sql(f"INSERT INTO people SELECT 'p{number}-' || n FROM generate_series(1, 50) AS n")
    stack.wait_until_back("connect", killed)

    everybody = {f"p{number}-{n}" for number in range(60) for n in range(1, 51)}
    until(lambda: names_left(people.records("people")) == everybody, "all rows")


def test_a_worker_that_is_away_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectors, "AWAY_SECONDS", 2.0)
    declare(lab)
    mine = lab.endpoints
    lab.endpoints = mine.model_copy(update={"connect_url": "http://127.0.0.1:1"})
    (outcome,) = lab.apply("connectors")
    lab.endpoints = mine

    assert outcome.exit_code == 2
    assert "Kafka Connect at http://127.0.0.1:1: did not answer" in str(outcome.error)
