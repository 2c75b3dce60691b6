"""What reports read for speed against what it is made of, on random worlds: they never disagree."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.reports.answer import ask
from contractline.reports.load import load_reports
from contractline.reports.render import render
from contractline.reports.selection import selection_of
from contractline.targets import apply_all
from contractline.targets.tables import target
from tests.fixtures.credits import wait_for_credits
from tests.fixtures.people import World
from tests.fixtures.stack import RunningStack
from tests.integration.people.worlds import new_repository, put, worlds

FACTS = "reporting.commit_facts"
LIGHTER = ("reporting.commits_by_time", "reporting.commits_without_people")


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
def test_it_is_what_the_plain_query_says(warehouse: Warehouse, drawn: list[World]) -> None:
    there = {new_repository(): world for world in drawn}
    # Commits first, and the people once the credits without them are kept.
    put(warehouse, {name: replace(w, identities=[], changes=[]) for name, w in there.items()})
    agree(warehouse)
    put(warehouse, there)
    agree(warehouse)


def test_a_new_row_counts_within_two_seconds(warehouse: Warehouse) -> None:
    warehouse.run(
        "INSERT INTO github.commits (repository, commit_id, author, author_email, committed_at, version)"
        " VALUES ('people/credits', 'at-once', 'At Once', 'at@once.example', '2026-01-01', 1)"
    )
    views = ("reporting.commits", LIGHTER[0], "reporting.contributions")

    def credited() -> list[object]:
        asked = "SELECT user_name, matched_by FROM {} WHERE commit_id = 'at-once'"
        return [warehouse.rows(asked.format(view)) for view in views]

    # Whether the author is among the credits already or not.
    assert credited() == [[("", "nobody")]] * 3
    wait_for_credits(warehouse)
    assert credited() == [[("", "nobody")]] * 3
    warehouse.run(
        "INSERT INTO github.identities (kind, identity, user_name, verified, version)"
        " VALUES ('email', 'at@once.example', 'Once', true, 1)"
    )
    began = time.monotonic()
    while credited() != [[("Once", "identity")]] * 3:
        assert time.monotonic() - began < 2


def test_an_author_whom_nothing_is_known_of_yet_is_shown(warehouse: Warehouse) -> None:
    """The credits lie behind by a second or two; a commit that is on the screen has its author."""
    warehouse.run("SYSTEM STOP VIEW reporting.kept_credits_feed")
    try:
        warehouse.run(
            "INSERT INTO github.commits (repository, commit_id, author, author_email, author_login,"
            " committed_at, version)"
            " VALUES ('people/credits', 'new', 'New', 'new@new.example', 'new', '2026-01-01', 1)"
        )
        for view in ("reporting.commits", LIGHTER[0]):
            assert warehouse.rows(
                "SELECT author, author_email, author_login, matched_by, team, age_band, is_bot"
                f" FROM {view} WHERE commit_id = 'new'"
            ) == [("New", "new@new.example", "new", "nobody", "", "unknown", False)]
    finally:
        warehouse.run("SYSTEM START VIEW reporting.kept_credits_feed")


def test_what_is_kept_stays_small(warehouse: Warehouse) -> None:
    """Each change of a person makes a generation; merges leave two of them."""
    for number in range(5):
        warehouse.run(
            "INSERT INTO github.identities (kind, identity, user_name, verified, version)"
            f" VALUES ('email', 'small@small.example', 'Small {number}', true, {number + 1})"
        )
        wait_for_credits(warehouse)
    warehouse.run("OPTIMIZE TABLE reporting.kept_credits FINAL")
    ((kept, credits),) = warehouse.rows(
        "SELECT (SELECT count() FROM reporting.kept_credits), (SELECT count() FROM reporting.credits)"
    )
    assert credits <= kept <= 3 * credits  # and rows of people who are gone


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
    monkeypatch.setattr(target, "_STORING_SECONDS", 8.0)
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


def test_the_first_commit_of_a_person_is_that_of_all_their_spellings(
    stack: RunningStack, warehouse: Warehouse
) -> None:
    made = [
        ("one", "early@begin.example", "2025-02-03"),
        ("other", "late@begin.example", "2026-03-02"),
        ("other", "late@begin.example", "2026-03-09"),
        ("other", "known@begin.example", "2026-03-10"),
        ("one", "nobody@begin.example", "2026-03-11"),
    ]
    values = ", ".join(
        f"('people/begin {repository}', '{number}', 'B', '{email}', '{day}', 1)"
        for number, (repository, email, day) in enumerate(made)
    )
    warehouse.run(
        "INSERT INTO github.commits (repository, commit_id, author, author_email, committed_at,"
        f" version) VALUES {values}"
    )
    warehouse.run(
        "INSERT INTO github.identities (kind, identity, user_name, verified, version) VALUES"
        " ('email', 'early@begin.example', 'Beginner', true, 1),"
        " ('email', 'late@begin.example', 'Beginner', true, 1)"
    )
    wait_for_credits(warehouse)

    firsts = (
        "SELECT person, toString(toDate32(first_at)) FROM reporting.beginners"
        " WHERE person = 'Beginner' OR endsWith(person, '@begin.example') ORDER BY person"
    )
    expected = [
        ("Beginner", "2025-02-03"),
        ("known@begin.example", "2026-03-10"),
        ("nobody@begin.example", "2026-03-11"),
    ]
    assert warehouse.rows(firsts) == expected

    reports = load_reports(stack.project)
    given = {"repository": ["people/begin other", "people/begin one"], "period": ["all"]}
    query = render(
        reports.question("new_and_returning"),
        reports.filters,
        selection_of(reports.filters, given),
    )
    assert ask(warehouse, query).rows == (
        ("2025-02-03", "new", 1),
        ("2026-03-02", "returning", 1),
        ("2026-03-09", "new", 2),
        ("2026-03-09", "returning", 1),
    )

    for name in ("VIEW reporting.first_commits_feed", "VIEW reporting.first_commits_all"):
        warehouse.run(f"DROP {name} SYNC")
    warehouse.run("DROP TABLE reporting.first_commits SYNC")
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("tables",)):
        assert outcome.error is None, outcome.error
    warehouse.run("SYSTEM WAIT VIEW reporting.first_commits_all")
    assert warehouse.rows(firsts) == expected


@pytest.mark.parametrize("view", LIGHTER)
def test_a_lighter_view_lacks_what_the_filters_say(
    stack: RunningStack, warehouse: Warehouse, view: str
) -> None:
    relation = load_reports(stack.project).filters.relations["commits"]
    lacks = next(set(one.lacks) for one in relation.lighter if one.view == view)
    assert lacks == set(columns_of(warehouse, relation.view)) - set(columns_of(warehouse, view))
