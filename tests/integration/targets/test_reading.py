"""`apply` ends when both sides hold the same rows, or says what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contractline.plan import Change
from contractline.status.facts import Sources
from contractline.status.snapshots import rows
from contractline.watch.snapshots import Snapshots
from tests.integration.targets.lab import Lab, messages, until

KEY: list[Mapping[str, Any]] = [{"name": "id", "type": "int"}]
KIND: Mapping[str, Any] = {"name": "kind", "type": "string", "default": "web"}
NOTE: Mapping[str, Any] = {"name": "note", "type": ["null", "string"], "default": None}


def shown(lab: Lab, table: str, columns: str) -> list[tuple[Any, ...]]:
    """Return what readers of ClickHouse see."""
    return [
        tuple(row)
        for row in lab.query(f"SELECT {columns} FROM {lab.prefix}.{table} FINAL ORDER BY id")
    ]


def test_a_table_that_joins_is_there_when_apply_ends(lab: Lab) -> None:
    lab.sql("CREATE TABLE first (id int PRIMARY KEY)")
    lab.contract("first", KEY, KEY, has_sink=True)
    lab.bring_up_with_tables()
    lab.sql("CREATE TABLE measures (id int, at timestamptz, v int, PRIMARY KEY (id, at))")
    lab.sql(
        "INSERT INTO measures SELECT i % 3, '2026-01-01Z'::timestamptz + i * interval '1 s', i"
        " FROM generate_series(1, 3000) i"
    )
    key: list[Mapping[str, Any]] = [*KEY, {"name": "at", "type": "string"}]
    value = {"name": "v", "type": ["null", "int"], "default": None}
    lab.contract("measures", [*key, value], key, has_sink=True)

    lab.bring_up_with_tables()

    assert shown(lab, "measures", "count(), sum(v) AS id") == [(3000, sum(range(1, 3001)))]


def test_a_column_that_joins_brings_the_values_it_had(lab: Lab) -> None:
    lab.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    lab.sql("INSERT INTO orders SELECT generate_series(1, 5)")
    lab.contract("orders", KEY, KEY, has_sink=True)
    lab.bring_up_with_tables()
    lab.sql("ALTER TABLE orders ADD COLUMN kind text NOT NULL DEFAULT 'web', ADD COLUMN note text")
    lab.sql("UPDATE orders SET kind = 'shop', note = 'a' WHERE id = 2")
    lab.sql("INSERT INTO orders VALUES (6, 'app', NULL), (7, 'web', 'b')")

    lab.release("orders", 2, [*KEY, KIND, NOTE])
    lab.bring_up_with_tables()

    held = lab.sql("SELECT id, kind, note FROM orders ORDER BY id")
    assert shown(lab, "orders", "id, kind, note") == [tuple(row.values()) for row in held]
    assert lab.plan("connectors").steps == ()


def test_what_is_only_in_clickhouse_is_said_and_apply_does_not_call_itself_done(lab: Lab) -> None:
    lab.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    lab.sql("INSERT INTO orders SELECT generate_series(1, 5)")
    lab.contract("orders", KEY, KEY, has_sink=True)
    lab.bring_up_with_tables()
    lab.run(
        f"INSERT INTO {lab.prefix}.orders (id, is_deleted, op, changed_at, version, _topic,"
        f" _partition, _offset) SELECT * REPLACE(9 AS id) FROM"
        f" (SELECT * FROM {lab.prefix}.orders FINAL WHERE id = 1)"
    )
    # As after an earlier version of contractline, which did not compare.
    mark = f"{lab.prefix}: {lab.prefix}.orders"
    lab.sql("UPDATE public.debezium_signal SET data = '{}' WHERE id = %s", mark)

    (outcome,) = lab.apply("connectors")

    assert outcome.exit_code == 1
    assert [step.change for step in outcome.done] == [Change.ALTER]
    assert "1 only in ClickHouse at " in messages(lab.plan("connectors"))
    assert "(such as 1:9)" in messages(lab.plan("connectors"))


def test_a_label_that_was_renamed_is_told_until_its_rows_are_sent_again(lab: Lab) -> None:
    lab.sql("CREATE TYPE mood AS ENUM ('fine', 'poor', 'odd')")
    lab.sql("CREATE TABLE visits (id int PRIMARY KEY, mood mood, moods mood[])")
    lab.sql(
        "INSERT INTO visits VALUES (1, 'fine', '{fine,poor}'), (2, 'odd', '{}'), (3, NULL, NULL)"
    )
    moods = {"type": "array", "items": "string"}
    fields: list[Mapping[str, Any]] = [
        *KEY,
        {"name": "mood", "type": ["null", "string"], "default": None},
        {"name": "moods", "type": ["null", moods], "default": None},
    ]
    lab.contract("visits", fields, KEY, has_sink=True)
    lab.bring_up_with_tables()

    lab.sql("ALTER TYPE mood RENAME VALUE 'fine' TO 'well'; ALTER TYPE mood ADD VALUE 'new'")
    told = [f for f in lab.plan("tables").findings if f.rule == "CDC_LABELS_KNOWN"]

    assert [f.message.partition(";")[0] for f in told] == [
        f"holds labels in `{name}` that the enumeration of {lab.prefix}.visits lacks: `fine` in 1 row"
        for name in ("mood", "moods")
    ]
    assert f"UPDATE {lab.prefix}.visits SET mood = mood" in (told[0].hint or "")
    lab.sql("UPDATE visits SET mood = mood")

    def is_told() -> bool:
        return any(f.rule == "CDC_LABELS_KNOWN" for f in lab.plan("tables").findings)

    until(lambda: not is_told(), "the rows")
    assert shown(lab, "visits", "mood, moods, id")[0] == ("well", ["well", "poor"], 1)


def test_a_snapshot_by_hand_that_fails_is_seen_and_made_good(lab: Lab) -> None:
    lab.sql("CREATE TABLE measures (id int, at timestamptz, v int, PRIMARY KEY (id, at))")
    lab.sql(
        "INSERT INTO measures SELECT i % 3, '2026-01-01Z'::timestamptz + i * interval '1 s', i"
        " FROM generate_series(1, 2500) i"
    )
    key: list[Mapping[str, Any]] = [*KEY, {"name": "at", "type": "string"}]
    value = {"name": "v", "type": ["null", "int"], "default": None}
    lab.contract("measures", [*key, value], key, has_sink=True)
    lab.bring_up_with_tables()
    lab.run(f"TRUNCATE TABLE {lab.prefix}.measures")

    signal = {"data-collections": [f"{lab.prefix}.measures"], "type": "incremental"}
    asked = "INSERT INTO public.debezium_signal VALUES (%s, 'execute-snapshot', %s)"
    lab.sql(asked, f"{lab.prefix} again", json.dumps(signal))
    # Debezium compares timestamptz with a text after the first chunk, and skips the table.
    lab.wait_for_records("measures", 2500 + 1024)

    name = f"{lab.prefix}_measures"
    [_, by_hand] = rows(Sources(lab.project, lab.endpoints))[name]
    assert f"a snapshot was asked for by hand ({lab.prefix} again)" in by_hand.problem
    assert f"by hand (`{lab.prefix} again`)" in messages(lab.plan("connectors"))
    said: list[str] = []
    Snapshots(lab.project, said.append).look(lab.endpoints)
    assert said == [f"{name}: {by_hand.problem}"]

    (outcome,) = lab.apply("connectors")

    assert outcome.exit_code == 0, outcome.left
    assert shown(lab, "measures", "count() AS id") == [(2500,)]
    assert len(rows(Sources(lab.project, lab.endpoints))[name]) == 1
    assert lab.plan("connectors").steps == ()


def test_a_snapshot_by_hand_of_a_table_that_nobody_reads_is_told(lab: Lab) -> None:
    lab.sql("CREATE TABLE first (id int PRIMARY KEY)")
    lab.contract("first", KEY, KEY)
    lab.bring_up()
    asked = "INSERT INTO public.debezium_signal VALUES (%s, 'execute-snapshot', %s)"
    wrong = {"1": '{"data-collections": ["first"]}', "2": "no JSON", "3": None}
    for number, data in wrong.items():
        lab.sql(asked, f"{lab.prefix} {number}", data)

    said = messages(lab.plan("connectors"))

    lab.sql("DELETE FROM public.debezium_signal WHERE starts_with(id, %s)", f"{lab.prefix} ")
    assert f"`{lab.prefix} 1` asks for a snapshot of first: no contract reads it" in said
    for number in ("2", "3"):
        assert f"`{lab.prefix} {number}` asks for a snapshot of no table that can be read" in said
