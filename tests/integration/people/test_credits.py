"""What reports read for speed against what it is made of, on random worlds: they never disagree."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contractline.contracts.load import load_contracts
from contractline.reports.load import load_reports
from contractline.targets import apply_all, clickhouse
from contractline.targets.warehouse import Warehouse
from tests.fixtures.people import World
from tests.fixtures.stack import RunningStack
from tests.integration.people.worlds import new_repository, put, worlds

PATIENCE_SECONDS = 120.0
FACTS = "reporting.commit_facts"
STATE = "SELECT ifNull(toString(state), '') FROM reporting.kept_credits_state"
LIGHTER = ("reporting.commits_by_time", "reporting.commits_without_people")


def keep(warehouse: Warehouse) -> None:
    """Wait until the present state is kept, so that the views read what is kept."""
    end = time.monotonic() + PATIENCE_SECONDS
    while warehouse.rows(STATE)[0][0] == "":
        assert time.monotonic() < end, "the present state was not kept"
        warehouse.run("SYSTEM REFRESH VIEW reporting.kept_credits_feed")
        warehouse.run("SYSTEM WAIT VIEW reporting.kept_credits_feed")


def agree(warehouse: Warehouse) -> None:
    """Hold each quick view against the plain query, both ways."""
    differing(warehouse, "reporting.credits", "reporting.resolved_credits")
    for view in LIGHTER:
        differing(warehouse, view, "reporting.commits")


def differing(warehouse: Warehouse, one: str, other: str) -> None:
    """Hold the columns of one view against another that has them, too."""
    # As texts, since two rows with NULL are not equal for EXCEPT.
    listed = f"toString(({', '.join(columns_of(warehouse, one))}))"
    for first, second in ((one, other), (other, one)):
        rows = warehouse.rows(f"SELECT {listed} FROM {first} EXCEPT SELECT {listed} FROM {second}")
        assert rows == [], (first, second)


def columns_of(warehouse: Warehouse, view: str) -> list[str]:
    return [row[0] for row in warehouse.rows(f"DESCRIBE TABLE {view}")]


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(worlds(), min_size=10, max_size=10))
def test_kept_or_not_it_is_what_the_plain_query_says(
    warehouse: Warehouse, drawn: list[World]
) -> None:
    there = {new_repository(): world for world in drawn}
    # Commits first, and the people once the credits without them are kept.
    put(warehouse, {name: replace(w, identities=[], changes=[]) for name, w in there.items()})
    keep(warehouse)
    agree(warehouse)
    put(warehouse, there)
    agree(warehouse)
    keep(warehouse)
    agree(warehouse)


def test_a_new_row_counts_at_once_though_others_are_kept(warehouse: Warehouse) -> None:
    warehouse.run(
        "INSERT INTO github.commits (repository, commit_id, author, author_email, committed_at, version)"
        " VALUES ('people/credits', 'at-once', 'At Once', 'at@once.example', '2026-01-01', 1)"
    )
    keep(warehouse)
    asked = "SELECT user_name, matched_by FROM {} WHERE commit_id = 'at-once'"
    views = ("reporting.commits", LIGHTER[0], "reporting.contributions")
    assert [warehouse.rows(asked.format(view)) for view in views] == [[("", "nobody")]] * 3
    warehouse.run(
        "INSERT INTO github.identities (kind, identity, user_name, verified, version)"
        " VALUES ('email', 'at@once.example', 'Once', true, 1)"
    )
    assert [warehouse.rows(asked.format(view)) for view in views] == [[("Once", "identity")]] * 3


def test_tables_that_hold_commits_already_are_filled(
    stack: RunningStack, warehouse: Warehouse
) -> None:
    ((there,),) = warehouse.rows("SELECT count() FROM github.commits FINAL")
    assert there
    for name in ("VIEW reporting.commit_facts_feed", "VIEW reporting.commit_facts_all"):
        warehouse.run(f"DROP {name} SYNC")
    warehouse.run(f"DROP TABLE {FACTS} SYNC")
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("tables",)):
        assert outcome.error is None, outcome.error
    warehouse.run("SYSTEM WAIT VIEW reporting.commit_facts_all")
    assert warehouse.rows(f"SELECT count() FROM {FACTS} FINAL") == [(there,)]
    agree(warehouse)


def test_a_block_that_is_on_its_way_while_views_are_made_counts(
    stack: RunningStack, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse, "_STORING_SECONDS", 8.0)
    views = ("author_spellings_feed", "author_spellings_all")
    for name in views:
        warehouse.run(f"DROP VIEW reporting.{name} SYNC")
    insert = threading.Thread(
        target=Warehouse(stack.endpoints).run,
        args=(
            "INSERT INTO github.commits (repository, commit_id, author, author_email, committed_at,"
            " version) SELECT 'people/on its way', toString(number), 'On Its Way', 'on@its.way',"
            " '2026-01-01', sleepEachRow(0.6) FROM numbers(8) SETTINGS max_block_size = 1",
        ),
    )
    insert.start()
    outcomes = apply_all(stack.project, load_contracts(stack.project), stack.endpoints, ("tables",))
    assert [outcome.error for outcome in outcomes] == [None]
    insert.join()
    for name in views[1:]:
        warehouse.run(f"SYSTEM WAIT VIEW reporting.{name}")
    spelled = "SELECT count() FROM reporting.author_spellings FINAL WHERE email = 'on@its.way'"
    assert warehouse.rows(spelled) == [(1,)]


@pytest.mark.parametrize("view", LIGHTER)
def test_a_lighter_view_lacks_what_the_filters_say(
    stack: RunningStack, warehouse: Warehouse, view: str
) -> None:
    relation = load_reports(stack.project).filters.relations["commits"]
    lacks = next(set(one.lacks) for one in relation.lighter if one.view == view)
    assert lacks == set(columns_of(warehouse, relation.view)) - set(columns_of(warehouse, view))
