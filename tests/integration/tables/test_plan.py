"""Plan and apply: nothing to do twice, safe changes while data flows, the rest refused."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread

import pytest

from contractline.finding import Severity
from contractline.plan import Change, Plan
from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import Lab, commit

BRANCH = {"name": "branch", "type": "string", "default": "main", "doc": "Branch it came on."}


def test_applying_twice_changes_nothing(lab: Lab) -> None:
    for name in ("commits", "github_users", "github_identities"):
        lab.stream(name)
    lab.apply()
    assert nothing_to_do(lab.plan())


def test_everything_of_the_repository(stack: RunningStack, lab: Lab) -> None:
    """Its own streams and reporting views, on the same engine."""
    whole = Lab.__new__(Lab)
    whole.__dict__ |= lab.__dict__ | {"project": stack.project}
    whole.apply("topics", "tables")
    assert nothing_to_do(whole.plan())


def test_next_version_while_data_flows(lab: Lab) -> None:
    """A column added, its earlier rows with the Avro default; no record lost, none twice."""
    lab.stream("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    with sending(lab, lambda n: lab.frame("commits", commit(n))) as sent:
        lab.wait_for(f"SELECT count() > 300 FROM {table}", 1)
        for round_ in range(3):
            name = f"branch{round_}"
            lab.release("commits", [BRANCH | {"name": name}])
            plan = lab.plan()
            assert [(s.change, s.subject) for s in plan.steps] == [
                (Change.REMOVE, f"ingestion.{lab.prefix}_commits_queue"),
                (Change.ALTER, table),
                (Change.RECREATE, f"ingestion.{lab.prefix}_commits_queue"),
            ]
            lab.apply("tables", "schemas")
            time.sleep(0.5)
    lab.wait_for(f"SELECT uniqExact(commit_id) FROM {table}", len(sent))
    assert lab.one(f"SELECT count() FROM {table} FINAL") == len(sent)
    assert lab.rows(
        f"SELECT branch0, branch1, branch2, count() FROM {table} FINAL GROUP BY ALL"
    ) == [("main", "main", "main", len(sent))]
    assert lab.one(f"SELECT max(_offset) + 1 FROM {table}") == len(sent)
    columns = [row[0] for row in lab.rows(f"DESCRIBE TABLE {table}")]
    after = columns.index("co_authors") + 1
    assert columns[after : after + 3] == ["branch0", "branch1", "branch2"]
    late = commit(10**6) | {"co_authors": [], "branch0": "a", "branch1": "b", "branch2": "c"}
    lab.send("commits", [lab.frame("commits", late, version=5)])
    lab.wait_for(f"SELECT count() FROM {table} WHERE branch2 = 'c'", 1)


def test_engine_killed_while_data_flows(lab: Lab, stack: RunningStack) -> None:
    lab.stream("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    rank = random.Random(3)

    def frame(number: int) -> bytes:
        good = lab.frame("commits", commit(number, additions=number))
        return good[:30] if number % 50 == 49 else good

    with sending(lab, frame) as sent:
        for _ in range(4):
            time.sleep(rank.uniform(0.5, 2))
            stack.wait_until_back("clickhouse", stack.kill("clickhouse"))
    bad = [n for n in sent if n % 50 == 49]
    good = [n for n in sent if n % 50 != 49]
    lab.wait_for(f"SELECT uniqExact(commit_id) FROM {table}", len(good))
    assert lab.rows(f"SELECT count(), sum(additions) FROM {table} FINAL") == [
        (len(good), sum(good))
    ]
    lab.wait_for(
        "SELECT count() FROM ingestion.errors FINAL"
        f" WHERE topic = '{lab.contract('commits').topic.name}'",
        len(bad),
    )


def test_a_faster_promise_only_makes_the_queue_anew(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    file = lab.project.contracts / f"{lab.prefix}_commits" / "contract.odcs.yaml"
    file.write_text(file.read_text().replace("value: 600", "value: 300"))
    plan = lab.plan()
    assert [step.change for step in plan.steps] == [Change.REMOVE, Change.RECREATE]
    assert "kafka_flush_interval_ms 400 -> 100" in plan.steps[0].summary
    lab.apply("tables")


@pytest.mark.parametrize(
    ("by_hand", "rule", "hint"),
    [
        pytest.param(
            "ALTER TABLE {table} ADD COLUMN mine String DEFAULT 'x'",
            "COLUMN_DECLARED",
            "DROP COLUMN mine",
            id="a column that nothing declares",
        ),
        pytest.param(
            "ALTER TABLE {table} MODIFY COLUMN additions Nullable(Int32)",
            "COLUMN_TYPE",
            "MODIFY COLUMN additions Nullable(Int64)",
            id="another type",
        ),
        pytest.param(
            "CREATE OR REPLACE TABLE {table} AS {table} ENGINE = MergeTree ORDER BY commit_id",
            "TABLE_ENGINE",
            "RENAME TABLE",
            id="another engine and order",
        ),
    ],
)
def test_what_loses_rows_is_refused(lab: Lab, by_hand: str, rule: str, hint: str) -> None:
    lab.stream("commits")
    lab.apply()
    lab.warehouse.run(by_hand.format(table=f"{lab.prefix}.commits"))
    plan = lab.plan()
    refusals = [f for f in plan.findings if f.severity is Severity.ERROR]
    assert [f.rule for f in refusals] == [rule]
    assert hint in refusals[0].hint
    assert not plan.is_clean


def test_the_way_by_hand_works(lab: Lab) -> None:
    """The hint for another engine, followed to the letter, ends in a clean plan."""
    lab.stream("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    lab.send("commits", [lab.frame("commits", commit(n)) for n in range(10)])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 10)
    folder = lab.project.contracts / f"{lab.prefix}_commits"
    with lab.edited(folder) as sections:
        sections["clickhouse"]["orderBy"] = ["repository", "commit_id"]
    (refusal,) = [f for f in lab.plan().findings if f.severity is Severity.ERROR]
    for command in refusal.hint.split("; "):
        if command.startswith("contractline"):
            lab.apply("tables")
        elif command != "compare both":
            lab.warehouse.run(command)
    assert nothing_to_do(lab.plan())
    assert lab.one(f"SELECT count() FROM {table} FINAL") == 10


def test_drift_of_a_table_is_brought_back(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    for change in (
        "COMMENT COLUMN author 'someone'",
        "MODIFY COMMENT 'something'",
        "MODIFY SETTING min_age_to_force_merge_seconds = 5",
        "MODIFY SETTING max_parts_to_merge_at_once = 10",
        "MODIFY COLUMN commit_date DEFAULT today()",
        "DROP COLUMN deletions",
    ):
        lab.warehouse.run(f"ALTER TABLE {table} {change}")
    assert {(s.change, s.subject) for s in lab.plan().steps} == {(Change.ALTER, table)}
    assert len(lab.plan().steps) == 6
    lab.apply("tables")
    assert nothing_to_do(lab.plan())


@pytest.mark.parametrize(
    "by_hand",
    [
        "DROP TABLE ingestion.{db}_commits_feed",
        "DROP TABLE ingestion.{db}_commits_errors",
        "DROP TABLE ingestion.{db}_commits",
        "ALTER TABLE ingestion.{db}_commits_current MODIFY QUERY"
        " SELECT * FROM ingestion.{db}_commits WHERE _error = 'never'",
    ],
)
def test_drift_of_what_moves_rows_is_brought_back(lab: Lab, by_hand: str) -> None:
    lab.stream("commits")
    lab.apply()
    lab.warehouse.run(by_hand.format(db=lab.prefix))
    assert not lab.plan().is_clean
    lab.apply("tables")
    assert nothing_to_do(lab.plan())
    lab.send("commits", [lab.frame("commits", commit(1))])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 1)


def test_a_plan_that_was_killed_is_swept_later(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    old, own = "contractline_plan_1700000000_0a", "contractline_plan_of_mine"
    for name in (old, own):
        lab.warehouse.run(f"CREATE DATABASE {name} ENGINE = Memory")
    lab.plan()
    found = lab.rows("SELECT name FROM system.databases WHERE name LIKE 'contractline_plan%'")
    lab.warehouse.run(f"DROP DATABASE {own}")
    assert found == [(own,)]


def test_a_refreshable_view_follows_its_declaration(lab: Lab) -> None:
    lab.stream("commits")
    folder = lab.project.ddl / "reporting"
    folder.mkdir()
    view = f"{lab.prefix}.kept_all"

    def declare(refresh: str, number: int) -> None:
        (folder / "kept.sql").write_text(
            f"CREATE TABLE {lab.prefix}.kept (n UInt8) ENGINE = MergeTree ORDER BY n;\n"
            f"CREATE MATERIALIZED VIEW {view} REFRESH {refresh} APPEND TO {lab.prefix}.kept"
            f" AS SELECT toUInt8({number}) AS n;\n"
        )

    declare("EVERY 1 DAY", 1)
    lab.apply()
    assert nothing_to_do(lab.plan())
    lab.wait_for(f"SELECT groupArray(n) = [1] FROM {lab.prefix}.kept", 1)

    declare("EVERY 2 DAYS", 1)
    assert [(s.change, s.subject) for s in lab.plan().steps] == [(Change.ALTER, view)]
    lab.apply("tables")
    assert nothing_to_do(lab.plan())

    declare("EVERY 2 DAYS", 2)
    assert [(s.change, s.subject) for s in lab.plan().steps] == [(Change.RECREATE, view)]
    lab.apply("tables")
    assert nothing_to_do(lab.plan())
    lab.wait_for(f"SELECT has(groupArray(n), 2) FROM {lab.prefix}.kept", 1)


def test_removed_stream_is_reported_and_left_alone(lab: Lab) -> None:
    lab.stream("commits")
    lab.stream("github_identities")
    lab.apply()
    (lab.project.contracts / f"{lab.prefix}_commits").rename(lab.project.root / "gone")
    plan = lab.plan()
    assert not plan.steps
    queue = f"ingestion.{lab.prefix}_commits_queue"
    found = next(f for f in plan.findings if f.subject == queue)
    assert f"reads '{lab.prefix}.commits_topic'" in found.message
    assert found.hint.endswith(f"DROP TABLE {queue}")
    (lab.project.root / "gone").rename(lab.project.contracts / f"{lab.prefix}_commits")


def nothing_to_do(plan: Plan) -> bool:
    """Tell whether a plan is empty but for what it notices of other tests' tables."""
    others = {"TABLE_DECLARED", "DDL_GENERATED"}
    return plan.is_clean and not plan.steps and {f.rule for f in plan.findings} <= others


@contextmanager
def sending(lab: Lab, frame: Callable[[int], bytes], rate: float = 400.0) -> Iterator[list[int]]:
    """Send while the body runs, and give the numbers that were acknowledged when it ends."""
    sent: list[int] = []
    stop = Event()

    def acknowledged(number: int, problem: object, _: object) -> None:
        assert problem is None
        sent.append(number)

    def run() -> None:
        topic = lab.contract("commits").topic.name
        number = 0
        while not stop.is_set():
            lab.producer.produce(
                topic, frame(number), str(number), on_delivery=partial(acknowledged, number)
            )
            lab.producer.poll(0)
            number += 1
            time.sleep(1 / rate)
        lab.producer.flush(30)

    thread = Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def test_a_topic_that_was_made_anew_is_told_where_rows_rank_by_offset(lab: Lab) -> None:
    folder = lab.stream("commits").folder
    with lab.edited(folder) as sections:
        del sections["clickhouse"]["version"]
    lab.apply()
    table = f"{lab.prefix}.commits"
    lab.send("commits", [lab.frame("commits", commit(n)) for n in range(3)])
    lab.wait_for(f"SELECT count() FROM {table}", 3)
    assert nothing_to_do(lab.plan())

    lab.remove_topic("commits")
    lab.apply("topics")
    lab.send("commits", [lab.frame("commits", commit(1))])

    [told] = [f for f in lab.plan().findings if f.rule == "TOPIC_CONTINUES"]
    assert told.subject == table
    assert told.severity is Severity.ERROR
    topic = lab.contract("commits").topic.name
    assert told.message.startswith(
        f"holds a row that ranks by offset 2, but partition 0 ends at 1 in {topic}: the topic was"
    )

    # As docs/clickhouse.md says.
    lab.warehouse.run(f"CREATE TABLE {table}_before AS {table}")
    lab.warehouse.run(
        f"INSERT INTO {table}_before SELECT * REPLACE (0 AS version) FROM {table} FINAL"
    )
    lab.warehouse.run(f"TRUNCATE TABLE {table}")
    lab.warehouse.run(f"INSERT INTO {table} SELECT * FROM {table}_before")
    lab.warehouse.run(f"DROP TABLE {table}_before")
    assert "TOPIC_CONTINUES" not in {str(f.rule) for f in lab.plan().findings}
