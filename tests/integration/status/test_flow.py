"""What is told of the pipeline while it flows, and while something keeps it from that."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Producer

from contractline.status import Section, look
from contractline.status.facts import Sources
from tests.integration.targets.lab import Lab, until

KEY = [{"name": "id", "type": "int"}]
FIELDS = [*KEY, {"name": "name", "type": "string"}]


def looked(lab: Lab) -> dict[str, Section]:
    return {section.name: section for section in look(Sources(lab.project, lab.endpoints))}


def facts(lab: Lab, section: str, name: str) -> dict[str, Any]:
    return {fact.name: fact.value for fact in looked(lab)[section].facts[name]}


def problems(lab: Lab) -> str:
    return "\n".join(p for section in looked(lab).values() for p in section.problems)


def bring_up(lab: Lab, *tables: str) -> None:
    for table in tables:
        lab.sql(f"CREATE TABLE {table} (id integer PRIMARY KEY, name text NOT NULL)")
        lab.sql(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
        lab.contract(table, FIELDS, KEY, has_sink=True)
    lab.bring_up_with_tables()


def test_a_table_that_stopped_the_connector_is_named_with_those_that_it_holds(lab: Lab) -> None:
    bring_up(lab, "guilty", "held")
    whole = {"lag": 0, "earlier rows": "whole"}
    until(
        lambda: whole.items() <= facts(lab, "streams", f"{lab.prefix}_held").items(),
        "everything to be read and compared",
    )

    assert problems(lab) == ""
    of_stream = facts(lab, "streams", f"{lab.prefix}_held")
    assert of_stream.pop("rows/s") in (0, round(2 / 60, 2))
    assert of_stream == {**whole, "behind": 0.0, "open errors": 0, "changes": "read"}
    connector = facts(lab, "connectors", lab.prefix)
    assert (connector["state"], connector["tasks"]) == ("RUNNING", "running")
    assert connector["slot"] == lab.prefix
    assert connector["WAL kept"] >= 0

    lab.sql("ALTER TABLE guilty RENAME COLUMN name TO called")
    lab.sql("INSERT INTO guilty VALUES (3, 'three')")
    until(lambda: lab.task_state() == "FAILED", "the task to fail")

    said = problems(lab)
    guilty, held = f"{lab.prefix}.guilty", f"{lab.prefix}.held"
    assert f"{lab.prefix}_guilty: its change stopped the connector {lab.prefix}" in said
    assert f"{lab.prefix}_held: held by {guilty}, which stopped the connector" in said
    assert f"`contractline plan connectors` says what to do; it holds {held}" in said


def test_whatever_else_does_not_flow_is_a_problem(lab: Lab) -> None:
    bring_up(lab, "things")
    name = f"{lab.prefix}_things"

    # Nobody reads.
    lab.run(f"DETACH TABLE ingestion.{name}_feed")
    lab.sql("INSERT INTO things VALUES (3, 'three')")
    until(lambda: "ClickHouse has read none" in problems(lab), "the message to be overdue")
    assert facts(lab, "streams", name)["lag"] >= 1
    lab.run(f"ATTACH TABLE ingestion.{name}_feed")
    until(lambda: problems(lab) == "", "ClickHouse to catch up")

    # A message can't be read.
    producer = Producer({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    producer.produce(lab.topic("things"), value=b"not Avro", key=b"none")
    assert producer.flush(30) == 0
    until(lambda: "could not be read" in problems(lab), "the message to be put aside")
    assert facts(lab, "streams", name)["open errors"] == 1
    assert "`contractline dlq list` shows them" in problems(lab)

    # A connector is held back, and a contract was never applied.
    lab.connect("PUT", f"/connectors/{lab.prefix}/pause")
    until(lambda: "somebody has paused it" in problems(lab), "the pause")
    lab.contract("later", FIELDS, KEY, has_sink=True)
    said = problems(lab)
    assert f"{name}: its connector {lab.prefix} stands still" in said
    assert f"{lab.prefix}_later: its topic does not exist; `contractline apply` makes it" in said
    assert f"{lab.prefix}_later: it has no table in ClickHouse; `contractline apply`" in said

    # A service does not answer.
    away = lab.endpoints.model_copy(update={"connect_url": "http://127.0.0.1:9"})
    sections = {s.name: s for s in look(Sources(lab.project, away))}
    assert "Kafka Connect" in "\n".join(sections["connectors"].problems)
    assert "lag" in {fact.name for fact in sections["streams"].facts[name]}


def test_a_view_that_is_not_refreshed_is_a_problem(lab: Lab) -> None:
    view = f"ingestion.{lab.prefix}_refreshed"
    lab.run(f"CREATE TABLE {view}_into (a UInt8) ENGINE = Memory")
    lab.run(
        f"CREATE MATERIALIZED VIEW {view} REFRESH EVERY 1 SECOND SETTINGS refresh_retries = 0"
        f" APPEND TO {view}_into"
        " AS SELECT CAST(throwIf(count() = 0, 'nothing there'), 'UInt8') AS a"
        f" FROM {view}_into"
    )

    def problem() -> str:
        return "\n".join(looked(lab)["refreshable views"].problems)

    until(lambda: "last refresh failed" in problem(), "the view to fail")
    assert view in problem()
    assert "nothing there" in problem()
    lab.run(f"INSERT INTO {view}_into VALUES (1)")
    until(lambda: problem() == "", "the view to be refreshed")
    assert facts(lab, "refreshable views", view)["state"] in ("Scheduled", "Running")
    lab.run(f"SYSTEM STOP VIEW {view}")
    until(lambda: f"`SYSTEM START VIEW {view}`" in problem(), "the view to be stopped")
    lab.run(f"DROP VIEW {view} SYNC")
    lab.run(f"DROP TABLE {view}_into SYNC")
