"""What people query: who wrote a commit, and in which team, today and then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.settings import Endpoints
from contractline.targets import apply_all
from tests.fixtures.credits import wait_for_credits
from tests.fixtures.stack import RunningStack

REPOSITORY = "reporting/test"
ANN, BOB, CY, DEE = (f"reporting {name}" for name in ("Ann", "Bob", "Cy", "Dee"))

IDENTITIES = [
    ("login", "rep-ann", ANN),
    ("email", "rep-ann@example.org", BOB),
    ("email", "rep-bob@example.org", BOB),
    ("noreply", "7+rep-cy@users.noreply.github.com", CY),
    ("name", "reporting Äda", DEE),
]
CHANGES = [
    # user, team, position, changed at, deleted
    (ANN, "red", "Developer", "2026-01-01 00:00:00", 0),
    (ANN, "blue", "Developer", "2026-02-01 00:00:00", 0),
    (ANN, "blue", "Lead", "2026-02-01 00:00:00", 0),
    (BOB, "red", "Analyst", "2026-01-01 00:00:00", 0),
    (BOB, "red", "Analyst", "2026-03-01 00:00:00", 1),
]
COMMITS = {
    # commit: login, email, author, when; user, by what, team today, team then, position then, assumed
    "a": (
        ("REP-Ann", "rep-ann@example.org", "x", "2026-01-15"),
        (ANN, "login", "blue", "red", "Developer", 0),
    ),
    "b": (
        (None, "REP-bob@example.org", "x", "2026-02-15"),
        (BOB, "identity", "", "red", "Analyst", 0),
    ),
    "c": (
        (None, "7+Rep-Cy@users.noreply.github.com", "x", "2026-01-15"),
        (CY, "identity", "", "", "", 0),
    ),
    "d": (
        ("nobody", "no@example.org", "REPORTING äDA", "2026-01-15"),
        (DEE, "name", "", "", "", 0),
    ),
    "e": ((None, "", "", "2026-01-15"), ("", "nobody", "", "", "", 0)),
    "f": (("rep-ann", "", "", "2019-01-15"), (ANN, "login", "blue", "red", "Developer", 1)),
    "g": (("rep-ann", "", "", "2026-02-01"), (ANN, "login", "blue", "blue", "Lead", 0)),
    "h": (("rep-ann", "", "", "2106-02-08"), (ANN, "login", "blue", "blue", "Lead", 0)),
    "i": (
        (None, "rep-bob@example.org", "", "2026-04-01"),
        (BOB, "identity", "", "red", "Analyst", 1),
    ),
    "j": (
        (None, "Rep-ANN@example.org", "", "2026-02-15"),
        (ANN, "email_login", "blue", "blue", "Lead", 0),
    ),
    "k": (
        (None, "12+rep-ann@users.noreply.github.com", "", "2026-02-15"),
        (ANN, "noreply", "blue", "blue", "Lead", 0),
    ),
}


@pytest.fixture(scope="module")
def warehouse(stack: RunningStack) -> Iterator[Warehouse]:
    endpoints: Endpoints = stack.endpoints
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, endpoints, ("topics", "tables")):
        assert outcome.error is None
    warehouse = Warehouse(endpoints)
    for kind, identity, name in IDENTITIES:
        warehouse.run(
            "INSERT INTO github.identities (kind, identity, user_name, version) VALUES"
            f" ('{kind}', '{identity}', '{name}', 1)"
        )
    for version, (name, team, position, changed, deleted) in enumerate(CHANGES, 1):
        for table in ("github.users", "github.users_history"):
            warehouse.run(
                f"INSERT INTO {table} (user_name, team, position, birth_date, changed_at, version,"
                f" is_deleted) VALUES ('{name}', '{team}', '{position}',"
                f" today() - INTERVAL 25 YEAR, '{changed}', {version}, {deleted})"
            )
    for commit, ((login, email, author, when), _) in COMMITS.items():
        login_sql = f"'{login}'" if login else "NULL"
        for version in (1, 2):
            warehouse.run(
                "INSERT INTO github.commits (repository, commit_id, author_login, author_email,"
                " author, committed_at, additions, version) VALUES"
                f" ('{REPOSITORY}', '{commit}', {login_sql}, '{email}', '{author}', '{when}',"
                f" {version}, {version})"
            )
    wait_for_credits(warehouse)
    yield warehouse
    for table in ("identities", "users", "users_history"):
        warehouse.run(f"DELETE FROM github.{table} WHERE startsWith(user_name, 'reporting ')")
    warehouse.run(f"DELETE FROM github.commits WHERE repository = '{REPOSITORY}'")
    warehouse.close()


def test_each_commit_finds_its_person_and_team(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT commit_id, user_name, matched_by, team, team_at_commit, position_at_commit,"
        f" is_assumed FROM reporting.commits WHERE repository = '{REPOSITORY}'"
        " ORDER BY commit_id"
    )
    assert {row[0]: tuple(row[1:]) for row in rows} == {c: e for c, (_, e) in COMMITS.items()}


@pytest.mark.parametrize(("kind", "place"), [("team", 3), ("position", 4)])
def test_sums_by_team_and_position(warehouse: Warehouse, kind: str, place: int) -> None:
    rows = warehouse.rows(
        f"SELECT {kind}_at_commit, sum(commits), sum(additions)"
        f" FROM reporting.commits_by_{kind} WHERE repository = '{REPOSITORY}' GROUP BY 1"
    )
    found = [expected[place] for _, expected in COMMITS.values()]
    assert {tuple(row) for row in rows} == {(x, found.count(x), 2 * found.count(x)) for x in found}


CO_AUTHORS = [
    "Ann <7+REP-ann@users.noreply.github.com>",
    "Bob <rep-bob@example.org>",
    "Bob again <REP-BOB@example.org>",
    "Claude <noreply@anthropic.com>",
    "Stranger <stranger@example.org>",
    "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
]


def test_co_authors_share_the_commit(warehouse: Warehouse) -> None:
    repository = f"{REPOSITORY}-shared"
    warehouse.run(
        "INSERT INTO github.commits (repository, commit_id, author_login, author_email, author,"
        f" committed_at, co_authors, version) VALUES ('{repository}', 'a', 'rep-ann', '', 'Ann',"
        f" '2026-02-15', {CO_AUTHORS}, 1)"
    )
    wait_for_credits(warehouse)
    try:
        rows = warehouse.rows(
            "SELECT role, user_name, email, round(share, 3), team_at_commit, assistant"
            f" FROM reporting.contributions WHERE repository = '{repository}' ORDER BY role, email"
        )
        commits = warehouse.rows(
            "SELECT user_name, is_bot, bot, assistant, is_merge FROM reporting.commits"
            f" WHERE repository = '{repository}'"
        )
    finally:
        warehouse.run(f"DELETE FROM github.commits WHERE repository = '{repository}'")
    assert [tuple(row) for row in rows] == [
        ("author", ANN, "", 0.333, "blue", "Claude"),
        ("co-author", BOB, "REP-BOB@example.org", 0.333, "red", "Claude"),
        ("co-author", "", "stranger@example.org", 0.333, "", "Claude"),
    ]
    assert [tuple(row) for row in commits] == [(ANN, False, "", "Claude", False)]


def test_each_commit_is_one_row(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT count(), uniqExact(commit_id), min(additions) FROM reporting.commits"
        f" WHERE repository = '{REPOSITORY}'"
    )
    assert [tuple(row) for row in rows] == [(len(COMMITS), len(COMMITS), 2)]


def test_birth_dates_are_bands(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT user_name, age_band FROM reporting.users WHERE startsWith(user_name, 'reporting ')"
    )
    assert [row[0] for row in rows] == [ANN]
    columns = warehouse.rows(
        "SELECT DISTINCT name FROM system.columns WHERE database = 'reporting' ORDER BY name"
    )
    assert "birth_date" not in {row[0] for row in columns}
