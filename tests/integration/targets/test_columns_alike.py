"""A column that differs from another only by case: said before it stops, and the remedy works."""

from __future__ import annotations

from tests.integration.targets.lab import Lab, until

KEY = [{"name": "id", "type": "int"}]
DAY = {"name": "d", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None}


def captured(lab: Lab) -> None:
    lab.sql(
        "CREATE TABLE days (id int PRIMARY KEY, d date); CREATE TABLE others (id int PRIMARY KEY)"
    )
    lab.contract("days", [*KEY, DAY], key=KEY)
    lab.contract("others", KEY, key=KEY)
    lab.bring_up()
    lab.sql("INSERT INTO days VALUES (1, '2026-01-01')")
    lab.wait_for_records("days", 1)
    lab.sql('ALTER TABLE days ADD COLUMN "D" int')


def test_a_column_that_goes_again_before_a_change_stops_nothing(lab: Lab):
    captured(lab)

    said = {str(finding.rule): finding.message for finding in lab.plan("postgres").findings}
    assert "differ only by case (d, D)" in said["CDC_COLUMNS_DISTINCT"]
    assert "CDC_COLUMN_CONTRACTED" not in {f.rule for f in lab.plan("connectors").findings}

    lab.sql('ALTER TABLE days RENAME COLUMN "D" TO amount')
    lab.sql("INSERT INTO days (id, d) VALUES (2, '2026-02-02'); INSERT INTO others VALUES (1)")
    lab.wait_for_records("days", 2)
    lab.wait_for_records("others", 1)
    assert lab.task_state() == "RUNNING"


def test_a_stopped_task_goes_on_after_a_new_snapshot(lab: Lab):
    captured(lab)
    lab.sql("INSERT INTO days (id, d) VALUES (3, '2026-02-02'); INSERT INTO others VALUES (1)")
    until(lambda: lab.task_state() == "FAILED", "the task to stop")

    plan = lab.plan("connectors")
    [stopped] = [finding for finding in plan.findings if finding.rule == "CONNECTOR_RUNS"]
    assert stopped.message.startswith(f"{lab.prefix}.days has columns that differ only by case")
    assert "new snapshot" in (stopped.hint or "")
    assert plan.steps == ()

    lab.sql('ALTER TABLE days DROP COLUMN "D"')
    path = f"/connectors/{lab.prefix}"
    lab.connect("PUT", f"{path}/stop")
    until(lambda: not lab.slot_is_active(), "the slot to be free")
    until(lambda: lab.task_state() == "NONE", "the task to be gone")
    lab.connect("DELETE", f"{path}/offsets")
    lab.sql("SELECT pg_drop_replication_slot(%s)", lab.prefix)
    lab.connect("PUT", f"{path}/resume")

    until(lambda: len(lab.records("others")) == 1, "the other table")
    ids = {record.row["id"] for record in lab.wait_for_records("days", 3) if record.row}
    assert ids == {1, 3}
