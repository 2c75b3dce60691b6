"""Age bands: against plain Python on random birth dates, and that no birth date leaves the tables."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import QueryRefused, Warehouse
from contractline.project import Project
from tests.fixtures.stack import REPOSITORY

SMALLEST = 3
REPORTING = "SELECT name FROM system.tables WHERE database = 'reporting'"
VIEW = (Project(REPOSITORY).ddl / "reporting" / "users.sql").read_text()
Bands = Callable[[list[date | None]], list[str]]


@pytest.fixture(scope="module")
def bands(warehouse: Warehouse) -> Iterator[Bands]:
    """Return the bands of people, one for each birth date.

    It is the repository's view over a table of its own: all people together decide which bands
    there are.
    """
    warehouse.run("CREATE DATABASE people_ages")
    warehouse.run("CREATE TABLE people_ages.users AS github.users")
    view = VIEW.replace("github.users", "people_ages.users").replace(
        "CREATE OR REPLACE VIEW reporting.users", "CREATE VIEW people_ages.shown"
    )
    warehouse.run(view.rstrip().rstrip(";"))

    def ask(birth_dates: list[date | None]) -> list[str]:
        warehouse.run("TRUNCATE TABLE people_ages.users")
        rows = ", ".join(
            f"('{number}', {'NULL' if day is None else literal(str(day))}, 1)"
            for number, day in enumerate(birth_dates)
        )
        warehouse.run(
            f"INSERT INTO people_ages.users (user_name, birth_date, version) VALUES {rows}"
        )
        answer = warehouse.rows(
            "SELECT age_band FROM people_ages.shown ORDER BY toUInt32(user_name)"
        )
        return [band for (band,) in answer]

    yield ask
    warehouse.run("DROP DATABASE people_ages")


TODAY = datetime.now(UTC).date()
BIRTH_DATES = st.none() | st.integers(-400, 36_000).map(lambda days: TODAY - timedelta(days=days))


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@example(birth_dates=[date(TODAY.year - 30, 1, 1)] * 2)
@example(birth_dates=[date(TODAY.year - 95, 1, 1), date(TODAY.year - 10, 1, 1), date(2000, 2, 29)])
@given(birth_dates=st.lists(BIRTH_DATES, min_size=1, max_size=25))
def test_bands_are_those_of_the_oracle_and_hold_enough_people(
    bands: Bands, birth_dates: list[date | None]
) -> None:
    shown = bands(birth_dates)
    assert shown == oracle(birth_dates), birth_dates
    people = Counter(shown)
    assert all(count >= SMALLEST for band, count in people.items() if band != "unknown")


def oracle(birth_dates: list[date | None]) -> list[str]:
    decades = [decade(day) for day in birth_dates]
    groups: list[list[int]] = []
    for _, same in itertools.groupby(sorted(d for d in decades if d is not None)):
        if groups and len(groups[-1]) < SMALLEST:
            groups[-1] += same
        else:
            groups.append(list(same))
    if len(groups) > 1 and len(groups[-1]) < SMALLEST:
        rest = groups.pop()
        groups[-1] += rest
    names = {d: name(group) for group in groups for d in group if len(group) >= SMALLEST}
    return ["unknown" if d is None else names.get(d, "unknown") for d in decades]


def decade(born: date | None) -> int | None:
    """Return 10 for all below 20, 60 for all from 60 on; None where the age is not known."""
    if born is None or born > TODAY:
        return None
    years = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
    return min(max(years // 10, 1), 6) * 10


def name(group: list[int]) -> str:
    first, last = group[0], group[-1]
    if first == 10:
        return "any age" if last == 60 else f"under {last + 10}"
    return f"{first} and over" if last == 60 else f"{first} to {last + 9}"


def test_no_view_and_no_error_shows_a_birth_date(warehouse: Warehouse) -> None:
    born = "1987-06-05"
    for table in ("github.users", "github.users_history"):
        warehouse.run(
            f"INSERT INTO {table} (user_name, team, birth_date, version)"
            f" VALUES ('birth date', 'birth date', '{born}', 1)"
        )
    try:
        views = [view for (view,) in warehouse.rows(REPORTING)]
        shown = {view: warehouse.raw(f"SELECT * FROM reporting.{view}", "TSV") for view in views}
        # ClickHouse names the value that it can't read.
        with pytest.raises(QueryRefused, match="Int32") as refused:
            warehouse.rows("SELECT toInt32(age_band) FROM reporting.users")
    finally:
        for table in ("github.users", "github.users_history"):
            warehouse.run(f"DELETE FROM {table} WHERE user_name = 'birth date'")
    assert [view for view in views if born.encode() in shown[view]] == []
    assert b"birth date" in shown["users"]
    assert b"birth date" in shown["user_periods"]
    assert born not in str(refused.value)
