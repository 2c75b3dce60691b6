"""The reporting views against a plain Python resolver, on random worlds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from contractline.project import Project
from tests.fixtures.people import Change, Commit, Identity, World
from tests.fixtures.stack import REPOSITORY
from tests.integration.people.worlds import new_repository, put, worlds

SETTINGS = (Project(REPOSITORY).ddl / "reporting" / "people_settings.sql").read_text()
PERSON = (
    "user_name, matched_by, match_certainty, team, position, team_at_commit, position_at_commit,"
    " is_assumed"
)


@pytest.fixture(scope="module", params=[False, True], ids=["names-off", "names-on"])
def match_by_name(request: pytest.FixtureRequest, warehouse: Warehouse) -> Iterator[bool]:
    statement = SETTINGS[SETTINGS.index("CREATE") :].rstrip().rstrip(";")
    assert "0 AS match_by_name" in statement
    warehouse.run(statement.replace("0 AS match_by_name", f"{int(request.param)} AS match_by_name"))
    yield request.param
    warehouse.run(statement)


# All worlds of an example are put and asked for together, so that it costs the same few queries
# however many they are. No shrinking: on a slow machine it would go on past the test's time, and
# Hypothesis would report that as a flaky test. A world is small enough to be read as it is.
@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(worlds(), min_size=20, max_size=20))
def test_the_views_agree_with_the_oracle(
    warehouse: Warehouse, match_by_name: bool, drawn: list[World]
) -> None:
    agree(warehouse, [replace(world, match_by_name=match_by_name) for world in drawn])


def test_who_was_deleted_before_all_that_is_known(warehouse: Warehouse) -> None:
    """Such a history is what a topic holds that no longer has its beginning."""
    who, start = "first deleted", datetime(2026, 1, 1, tzinfo=UTC)
    changes = [
        Change(who, "left", "left", start, is_deleted=True),
        Change(who, "team", "position", start + timedelta(days=2)),
    ]
    commits = [
        Commit(f"{day:040x}", "first-deleted", "", "", start + timedelta(days=day))
        for day in (-1, 1, 3)
    ]
    agree(warehouse, [World([Identity("login", "first-deleted", who)], changes, commits)])


def agree(warehouse: Warehouse, drawn: list[World]) -> None:
    """Put worlds into ClickHouse, and compare each view with what the oracle says of them."""
    there = {new_repository(): world for world in drawn}
    put(warehouse, there)
    where = f"WHERE repository IN ({', '.join(map(literal, there))})"
    commits = by_repository(
        warehouse,
        f"SELECT repository, commit_id, {PERSON}, bot, assistant FROM reporting.commits {where}"
        " ORDER BY commit_id",
    )
    contributions = by_repository(
        warehouse,
        f"SELECT repository, commit_id, role, share, login, email, name, {PERSON}"
        f" FROM reporting.contributions {where} ORDER BY commit_id, role, email, name",
    )
    sums = {
        slices: by_repository(
            warehouse,
            f"SELECT repository, {slices}, {slices}_at_commit, is_assumed, sum(commits),"
            f" sum(additions) FROM reporting.commits_by_{slices} {where} GROUP BY 1, 2, 3, 4",
        )
        for slices in ("team", "position")
    }
    for repository, world in there.items():
        assert commits[repository] == [
            (
                commit.commit_id,
                *person(world, commit, commit.author),
                commit.author.machine,
                world.assistant(commit),
            )
            for commit in world.commits
        ], world
        assert contributions[repository] == [
            (commit.commit_id, role, share, *astuple(spelling), *person(world, commit, spelling))
            for commit in world.commits
            for role, spelling, share in world.contributions(commit)
        ], world
        for slices, answer in sums.items():
            assert Counter(answer[repository]) == Counter(expected_sums(world, slices)), world


def person(world: World, commit: Any, spelling: Any) -> tuple[Any, ...]:
    match = world.match(spelling)
    return *astuple(match), *astuple(world.place(match.user_name, commit.committed_at))


def expected_sums(world: World, slices: str) -> Iterator[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for commit in world.commits:
        place = world.place(world.match(commit.author).user_name, commit.committed_at)
        counts[getattr(place, slices), getattr(place, f"{slices}_at_commit"), place.is_assumed] += 1
    for key, count in counts.items():
        yield *key, count, 2 * count


def by_repository(warehouse: Warehouse, sql: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each repository, the first column, in the order of the answer."""
    answer = defaultdict(list)
    for repository, *row in warehouse.rows(sql):
        answer[repository].append(tuple(row))
    return answer
