"""Steps and refusals from states, without an engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contractline.clickhouse.sql import statements
from contractline.finding import Finding
from contractline.plan import Change, Step
from contractline.targets.tables.diff import Unit, differences, in_order
from contractline.targets.tables.state import ColumnState, TablesState, TableState

STREAM = Unit(
    "s",
    tuple(
        statements("""
CREATE DATABASE d;
CREATE TABLE d.t (a String) ENGINE = ReplacingMergeTree ORDER BY a;
CREATE TABLE ingestion.s (a String) ENGINE = Null;
CREATE MATERIALIZED VIEW ingestion.s_current TO d.t AS SELECT a FROM ingestion.s;
CREATE TABLE ingestion.s_queue (a String) ENGINE = Kafka SETTINGS kafka_group_name = 'g';
CREATE MATERIALIZED VIEW ingestion.s_feed TO ingestion.s AS SELECT a FROM ingestion.s_queue;
""")
    ),
)
REPORT = Unit("r", tuple(statements("CREATE OR REPLACE VIEW r.v AS SELECT a FROM d.t;")))


def table(engine: str, **columns: str) -> TableState:
    listed = tuple(ColumnState(name, type_, "", "") for name, type_ in columns.items())
    return TableState("TABLE", engine, {}, listed)


def view(select: str, target: str = "", kind: str = "MATERIALIZED VIEW") -> TableState:
    return TableState(kind, "", {}, (), select, target)


LIVE = {
    "d.t": table("ReplacingMergeTree ORDER BY a", a="String"),
    "ingestion.s": table("`Null`", a="String"),
    "ingestion.s_current": view("SELECT a FROM ingestion.s", "d.t"),
    "ingestion.s_queue": table("Kafka", a="String"),
    "ingestion.s_feed": view("SELECT a FROM ingestion.s_queue", "ingestion.s"),
    "r.v": view("SELECT a FROM d.t", kind="VIEW"),
}
DATABASES = frozenset({"d", "ingestion", "r"})


def found(
    live: dict[str, TableState], wanted: dict[str, TableState | None] | None = None
) -> tuple[list[Step], list[Finding]]:
    state = TablesState(DATABASES, live, {**LIVE, **(wanted or {})})
    both = list(differences([STREAM, REPORT], state))
    return [b for b in both if isinstance(b, Step)], [b for b in both if isinstance(b, Finding)]


def test_nothing_to_do() -> None:
    assert found(LIVE) == ([], [])


def test_from_nothing() -> None:
    steps = list(differences([STREAM, REPORT], TablesState(frozenset(), {}, {})))
    assert all(isinstance(step, Step) and step.change is Change.CREATE for step in steps)
    assert [s.subject for s in steps] == ["d", "d.t", "ingestion.s_queue", "r.v"]


def test_added_column_pauses_alters_and_reads_on() -> None:
    wanted: dict[str, TableState | None] = {
        "d.t": table("ReplacingMergeTree ORDER BY a", a="String", b="Int64"),
        "ingestion.s": table("`Null`", a="String", b="Int64"),
        # The engine can't make a view over a column that is not there yet.
        "ingestion.s_current": None,
    }
    steps, findings = found(LIVE, wanted)
    assert not findings
    assert [(s.change, s.subject) for s in steps] == [
        (Change.REMOVE, "ingestion.s_queue"),
        (Change.ALTER, "d.t"),
        (Change.RECREATE, "ingestion.s_queue"),
        (Change.ALTER, "r.v"),
    ]
    assert steps[0].payload == (
        "DROP TABLE IF EXISTS ingestion.s_queue",
        "DROP VIEW IF EXISTS ingestion.s_current",
        "DROP VIEW IF EXISTS ingestion.s_feed",
        "DROP TABLE IF EXISTS ingestion.s",
    )
    assert steps[1].payload == (
        "ALTER TABLE d.t ADD COLUMN IF NOT EXISTS b Int64 COMMENT '' AFTER a",
    )
    assert isinstance(steps[2].payload, tuple)
    assert [sql.partition("ingestion.")[2].split()[0] for sql in steps[2].payload] == [
        "s",
        "s_current",
        "s_queue",
        "s_feed",
    ]


def test_a_lost_feed_pauses_everything_before_it_comes_back() -> None:
    live = {name: state for name, state in LIVE.items() if name != "ingestion.s_feed"}
    steps, _ = found(live)
    assert [s.change for s in steps] == [Change.REMOVE, Change.RECREATE]
    assert "ingestion.s_feed is missing" in steps[0].summary


def test_a_stream_whose_table_is_refused_goes_on_as_it_is() -> None:
    wanted: dict[str, TableState | None] = {
        "d.t": table("ReplacingMergeTree ORDER BY a", a="Int64"),
        "ingestion.s": table("`Null`", a="Int64"),
    }
    steps, findings = found(LIVE, wanted)
    assert not steps
    assert [f.rule for f in findings] == ["COLUMN_TYPE"]


def test_a_column_takes_null_unless_the_table_is_sorted_by_it() -> None:
    def planned(sorted_by: str) -> tuple[list[Step], list[Finding]]:
        live = replace(LIVE["d.t"], engine=f"MergeTree ORDER BY {sorted_by}")
        column = ColumnState("a", "Nullable(String)", "", "")
        return found({**LIVE, "d.t": live}, {"d.t": replace(live, columns=(column,))})

    steps, findings = planned("b")
    assert not findings
    assert [s.payload for s in steps if s.subject == "d.t"] == [
        ("ALTER TABLE d.t MODIFY COLUMN a Nullable(String)",)
    ]
    steps, findings = planned("(b, a)")
    assert [f.rule for f in findings] == ["COLUMN_TYPE"]
    assert not [s for s in steps if s.subject == "d.t"]


def test_settings_comments_and_defaults_are_altered() -> None:
    described = replace(
        LIVE["d.t"],
        settings={"x": "1"},
        comment="it's",
        columns=(ColumnState("a", "String", "DEFAULT 'q'", "an \\ a"),),
    )
    steps, _ = found(LIVE, {"d.t": described})
    assert [s.payload for s in steps if s.subject == "d.t"] == [
        ("ALTER TABLE d.t MODIFY COLUMN a String DEFAULT 'q'",),
        ("ALTER TABLE d.t COMMENT COLUMN a 'an \\\\ a'",),
        ("ALTER TABLE d.t MODIFY COMMENT 'it\\'s'",),
        ("ALTER TABLE d.t MODIFY SETTING x = 1",),
    ]
    back, _ = found({**LIVE, "d.t": described})
    assert ("ALTER TABLE d.t RESET SETTING x",) in [s.payload for s in back]
    assert ("ALTER TABLE d.t MODIFY COLUMN a REMOVE DEFAULT",) in [s.payload for s in back]


def test_what_nothing_declares_is_noticed() -> None:
    old = {
        "ingestion.old_queue": TableState("TABLE", "Kafka", {"kafka_topic_list": "'old'"}, ()),
        "ingestion.old_feed": view("SELECT 1", "d.t"),
    }
    steps, findings = found({**LIVE, **old})
    assert not steps
    assert [(f.subject, f.message) for f in findings] == [
        ("ingestion.old_queue", "table that nothing declares; it reads 'old'"),
        ("ingestion.old_feed", "materialized view that nothing declares; it writes to d.t"),
    ]


def test_views_come_after_those_that_they_read() -> None:
    views = statements("""
CREATE VIEW r.a AS SELECT * FROM r.b;
CREATE VIEW r.b AS SELECT * FROM r.c JOIN r.a;
CREATE VIEW r.c AS SELECT 1;
""")
    assert [v.name for v in in_order(views)] == ["r.c", "r.b", "r.a"]


def test_a_writing_view_of_people_is_never_made_anew() -> None:
    own = Unit(
        "own", tuple(statements("CREATE MATERIALIZED VIEW r.sums TO r.s AS SELECT 1 FROM d.t;"))
    )
    live = {"r.sums": view("SELECT 2 FROM d.t", "r.s")}
    wanted: dict[str, TableState | None] = {"r.sums": view("SELECT 1 FROM d.t", "r.s")}
    (refusal,) = differences([own], TablesState(DATABASES, live, wanted))
    assert isinstance(refusal, Finding)
    assert refusal.rule == "VIEW_REWRITTEN"


@pytest.mark.parametrize(
    ("live", "change", "sql"),
    [
        (("SELECT 1", "EVERY 1 DAY APPEND"), None, ()),
        (
            ("SELECT 1", "EVERY 2 DAY APPEND"),
            Change.ALTER,
            ("ALTER TABLE r.kept_feed MODIFY REFRESH EVERY 1 DAY APPEND",),
        ),
        (("SELECT 2", "EVERY 1 DAY APPEND"), Change.RECREATE, ("DROP VIEW", "CREATE")),
        (("SELECT 1", "EVERY 1 DAY"), Change.RECREATE, ("DROP VIEW", "CREATE")),
    ],
)
def test_a_refreshable_view_is_made_anew_or_refreshed_at_other_times(
    live: tuple[str, str], change: Change | None, sql: tuple[str, ...]
) -> None:
    text = "CREATE MATERIALIZED VIEW r.kept_feed REFRESH EVERY 1 DAY APPEND TO r.kept AS SELECT 1;"
    own = Unit("own", tuple(statements(text)))
    before = {"r.kept_feed": replace(view(live[0], "r.kept"), refresh=live[1])}
    after = replace(view("SELECT 1", "r.kept"), refresh="EVERY 1 DAY APPEND")
    steps = list(differences([own], TablesState(DATABASES, before, {"r.kept_feed": after})))
    if change is None:
        assert steps == []
        return
    (step,) = steps
    assert isinstance(step, Step)
    assert step.change is change
    lines = step.detail.splitlines()
    assert all(line.startswith(wanted) for line, wanted in zip(lines, sql, strict=False)), lines


def test_a_view_that_is_refreshed_is_not_one_that_works_with_each_insert() -> None:
    own = Unit("own", tuple(statements("CREATE MATERIALIZED VIEW r.sums TO r.s AS SELECT 1;")))
    live = {"r.sums": replace(view("SELECT 1", "r.s"), refresh="EVERY 1 DAY")}
    (refusal,) = differences(
        [own], TablesState(DATABASES, live, {"r.sums": view("SELECT 1", "r.s")})
    )
    assert isinstance(refusal, Finding)
    assert (refusal.rule, refusal.message) == (
        "VIEW_REWRITTEN",
        "is refreshed EVERY 1 DAY, and one that works with each insert is declared",
    )


def test_a_writing_view_over_views_comes_after_them() -> None:
    text = """
CREATE MATERIALIZED VIEW r.kept_feed REFRESH EVERY 1 DAY APPEND TO r.kept AS SELECT * FROM r.v;
CREATE MATERIALIZED VIEW r.sums TO r.s AS SELECT a FROM d.t;
CREATE VIEW r.v AS SELECT a FROM d.t;
"""
    made = differences(
        [Unit("own", tuple(statements(text)))], TablesState(DATABASES, {"d.t": LIVE["d.t"]}, {})
    )
    assert [one.subject for one in made if isinstance(one, Step)] == [
        "r.sums",
        "r.v",
        "r.kept_feed",
    ]
