"""What a change of a captured table does to its stream: both policies, and columns that go."""

from __future__ import annotations

import pytest

from contractline.plan import Change
from tests.integration.targets.lab import Lab, messages, until

FIELDS = [{"name": "name", "type": "string"}, {"name": "team", "type": "string"}]
LEVEL = {"name": "level", "type": ["null", "int"], "default": None}
KEY = [{"name": "name", "type": "string"}]


def start(lab: Lab, *, policy: str, compatibility: str = "FULL_TRANSITIVE") -> None:
    lab.sql("CREATE TABLE people (name text PRIMARY KEY, team text NOT NULL)")
    lab.sql("INSERT INTO people VALUES ('Ada', 'A')")
    lab.contract("people", FIELDS, KEY, policy=policy, compatibility=compatibility)
    lab.bring_up()
    lab.wait_for_records("people", 1)


def wait_until_failed(lab: Lab) -> None:
    until(lambda: lab.task_state() == "FAILED", "the task to fail")


def test_report_keeps_an_uncontracted_column_out_and_says_so(lab: Lab) -> None:
    start(lab, policy="report")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    lab.sql("INSERT INTO people VALUES ('Bob', 'B', 7)")

    records = lab.wait_for_records("people", 2)

    assert records[-1].row == {"name": "Bob", "team": "B"}
    assert lab.task_state() == "RUNNING"
    plan = lab.plan("connectors")
    assert plan.is_clean
    assert (
        f"{lab.prefix}.people has a column `level` that people v1 does not hold: it is kept out"
        in messages(plan)
    )
    assert "`contractline release people`" in messages(plan)


def test_report_lets_a_column_in_once_it_is_contracted(lab: Lab) -> None:
    start(lab, policy="report")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    lab.release("people", 2, [*FIELDS, LEVEL])

    before = lab.plan("connectors")
    assert "people v2" in messages(before)
    assert "`contractline apply schemas`" in messages(before)
    assert not before.steps
    lab.bring_up()
    lab.sql("INSERT INTO people VALUES ('Bob', 'B', 7)")

    records = lab.wait_for_records("people", 2)
    assert records[-1].row == {"name": "Bob", "team": "B", "level": 7}
    assert "level" not in messages(lab.plan("connectors"))


def test_stop_lets_nothing_through_and_resumes_with_nothing_lost(lab: Lab) -> None:
    start(lab, policy="stop")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    for number in range(30):
        lab.sql("INSERT INTO people VALUES (%s, 'B', %s)", f"new {number}", number)
    lab.sql("UPDATE people SET level = 99 WHERE name = 'Ada'")
    wait_until_failed(lab)

    plan = lab.plan("connectors")
    (finding,) = (f for f in plan.findings if f.rule == "CONNECTOR_RUNS")
    assert finding.message == (
        f"{lab.prefix}.people has a column `level` that people v1 does not hold"
    )
    assert "add it, `contractline release people`, `make register-schemas`" in finding.hint
    assert "the change waits in the replication slot (" in finding.hint
    assert "of WAL kept)" in finding.hint
    assert not plan.steps
    assert lab.apply("connectors")[0].exit_code == 1
    assert lab.task_state() == "FAILED"
    assert len(lab.records("people")) == 1

    lab.release("people", 2, [*FIELDS, LEVEL])
    assert "people v2 (value) is not registered" in messages(lab.plan("connectors"))
    schemas, connectors = lab.apply("schemas", "connectors")
    assert schemas.exit_code == 0
    # The second step makes sure of the values that the new column had before.
    assert [step.change for step in connectors.done] == [Change.RESTART, Change.ALTER]
    assert connectors.exit_code == 0

    records = [
        r for r in lab.wait_for_records("people", 32)[1:] if r.value and r.value["__op"] != "r"
    ]
    assert {r.row["name"]: r.row["level"] for r in records if r.row} == {
        "Ada": 99,
        **{f"new {number}": number for number in range(30)},
    }
    assert len(records) == 31


def test_stop_holds_back_the_other_tables_too_and_loses_none_of_them(lab: Lab) -> None:
    lab.sql("CREATE TABLE teams (name text PRIMARY KEY)")
    lab.contract("teams", KEY, KEY)
    start(lab, policy="stop")
    lab.sql("ALTER TABLE people ADD COLUMN level int; INSERT INTO people VALUES ('Bob', 'B', 7)")
    wait_until_failed(lab)
    lab.sql("INSERT INTO teams VALUES ('A')")
    assert lab.records("teams") == []

    lab.release("people", 2, [*FIELDS, LEVEL])
    lab.bring_up()

    assert [r.row for r in lab.wait_for_records("teams", 1)] == [{"name": "A"}]


def test_a_working_schema_that_holds_the_column_has_only_to_be_released(lab: Lab) -> None:
    start(lab, policy="stop")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    lab.sql("INSERT INTO people VALUES ('Bob', 'B', 7)")
    wait_until_failed(lab)
    lab.release("people", 2, [*FIELDS, LEVEL])
    (lab.root / "contracts" / "people" / "versions" / "value.v2.avsc").unlink()

    assert "the working value.avsc holds it: `contractline release people`" in messages(
        lab.plan("connectors")
    )


def test_going_from_stop_to_report_lets_a_stopped_stream_go_on(lab: Lab) -> None:
    start(lab, policy="stop")
    lab.sql("ALTER TABLE people ADD COLUMN level int")
    lab.sql("INSERT INTO people VALUES ('Bob', 'B', 7)")
    wait_until_failed(lab)

    lab.policy("people", "report")
    (outcome,) = lab.apply("connectors")

    assert outcome.exit_code == 0
    assert lab.wait_for_records("people", 2)[-1].row == {"name": "Bob", "team": "B"}


@pytest.mark.parametrize("policy", ["report", "stop"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DROP COLUMN team", "has no column `team`, which people v1 holds"),
        ("RENAME COLUMN team TO squad", "has no column `team`, which people v1 holds"),
        ("ALTER COLUMN team TYPE int USING 1", "is int, but string in people v1"),
        ("ALTER COLUMN team DROP NOT NULL", "takes NULL, but not in people v1"),
    ],
    ids=["dropped", "renamed", "type", "nullable"],
)
def test_a_contracted_column_that_changes_always_stops_the_task(
    lab: Lab, policy: str, change: str, words: str
) -> None:
    start(lab, policy=policy)
    lab.sql(f"ALTER TABLE people {change}")
    lab.sql("UPDATE people SET name = 'Eve'")
    wait_until_failed(lab)

    assert words in messages(lab.plan("postgres"))
    (finding,) = (f for f in lab.plan("connectors").findings if f.rule == "CONNECTOR_RUNS")
    assert words in finding.message
    assert "undo the change of the table, or bring value.avsc to it" in finding.hint
    assert len(lab.records("people")) == 1


def test_a_wider_column_resumes_once_a_version_holds_it(lab: Lab) -> None:
    lab.sql("CREATE TABLE people (name text PRIMARY KEY, score int NOT NULL)")
    fields = [{"name": "name", "type": "string"}, {"name": "score", "type": "int"}]
    lab.contract("people", fields, KEY, compatibility="BACKWARD_TRANSITIVE")
    lab.bring_up()
    lab.sql("INSERT INTO people VALUES ('Ada', 1)")
    lab.wait_for_records("people", 1)
    lab.sql("ALTER TABLE people ALTER COLUMN score TYPE bigint")
    lab.sql("INSERT INTO people VALUES ('Bob', 5000000000)")
    wait_until_failed(lab)

    lab.release("people", 2, [fields[0], {"name": "score", "type": "long"}])
    lab.bring_up()

    assert lab.wait_for_records("people", 2)[-1].row == {"name": "Bob", "score": 5_000_000_000}
