"""Random worlds of people and commits, and how they get into ClickHouse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from tests.fixtures.credits import wait_for_credits
from tests.fixtures.people import Change, Commit, Identity, World

START = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBERS = itertools.count(1)
_SMALL = st.integers(0, 2)
_TIMES = st.integers(0, 40).map(lambda hours: START + timedelta(hours=6 * hours))
_CASES: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str, str.upper, str.title])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a world with names of its own, so that worlds in one database don't meet."""
    tag = f"w{next(_NUMBERS)}x"
    users = [f"{tag} user{number}" for number in range(3)]
    logins = [f"{tag}-login{number}" for number in range(3)]
    names = [f"{tag} name{number}" for number in range(2)] + users[:1]
    emails = [f"e{number}@{tag}.example.org" for number in range(3)]
    emails += [f"7+{logins[0]}@users.noreply.github.com", f"{logins[1]}@users.noreply.github.com"]
    identities = draw(
        st.lists(
            st.builds(
                Identity,
                kind=st.just("login"),
                identity=st.sampled_from(logins),
                user_name=st.sampled_from(users),
                verified=st.booleans(),
            )
            | st.builds(
                Identity,
                kind=st.sampled_from(["email", "noreply"]),
                identity=st.sampled_from(emails),
                user_name=st.sampled_from(users),
                verified=st.booleans(),
            )
            | st.builds(
                Identity,
                kind=st.just("mailmap"),
                identity=st.sampled_from([*emails, *(f"{n} <{e}>" for n in names for e in emails)]),
                user_name=st.sampled_from(users),
                verified=st.booleans(),
            )
            | st.builds(
                Identity,
                kind=st.just("name"),
                identity=st.sampled_from(names),
                user_name=st.sampled_from(users),
                verified=st.booleans(),
            ),
            max_size=6,
            unique_by=lambda row: (row.kind, row.identity),
        )
    )
    times = sorted(draw(st.lists(_TIMES, max_size=7, unique=True)))
    days = st.none() | st.integers(-3, 12).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
    changes = [
        Change(
            draw(st.sampled_from(users)),
            f"{tag} team{draw(_SMALL)}",
            f"position{draw(_SMALL)}",
            time,
            draw(days),
            draw(st.sampled_from([False, False, False, True])),
        )
        for time in times
    ]
    spelled_emails = st.tuples(st.sampled_from(["", *emails]), _CASES).map(lambda p: p[1](p[0]))
    spelled_names = st.tuples(st.sampled_from(["", *names]), _CASES).map(lambda p: p[1](p[0]))
    machines = st.sampled_from(
        [
            "Claude <noreply@anthropic.com>",
            "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
        ]
    )
    co_authors = st.builds("{} <{}>".format, spelled_names, spelled_emails) | machines
    commits = [
        Commit(
            f"{number:040x}",
            draw(st.none() | st.tuples(st.sampled_from(logins), _CASES).map(lambda p: p[1](p[0]))),
            draw(spelled_emails),
            draw(spelled_names),
            draw(_TIMES) - timedelta(days=2),
            tuple(draw(st.lists(co_authors, max_size=3))),
        )
        for number in range(draw(st.integers(1, 6)))
    ]
    return World(identities, changes, commits)


def new_repository() -> str:
    """Return the name of a repository that no world had before."""
    return f"people/{next(_NUMBERS)}"


def put(warehouse: Warehouse, worlds: Mapping[str, World]) -> None:
    """Insert worlds as the streams would, each with its commits in a repository of its own.

    Returns once reports credit the commits to these people.
    """
    identities = [
        f"({literal(row.kind)}, {literal(row.identity)}, {literal(row.user_name)}, {row.verified},"
        f" {version})"
        for world in worlds.values()
        for version, row in enumerate(world.identities, 1)
    ]
    changes = [
        f"({literal(change.user_name)}, {literal(change.team)}, {literal(change.position)},"
        f" '{change.changed_at:%Y-%m-%d %H:%M:%S}',"
        f" {_day(change.valid_from)}, {int(change.is_deleted)},"
        f" {version})"
        for world in worlds.values()
        for version, change in enumerate(world.changes, 1)
    ]
    commits = [
        f"({literal(repository)}, '{commit.commit_id}',"
        f" {'NULL' if commit.login is None else literal(commit.login)}, {literal(commit.email)},"
        f" {literal(commit.name)}, '{commit.committed_at:%Y-%m-%d %H:%M:%S}',"
        f" [{', '.join(map(literal, commit.co_authors))}], 2, 1)"
        for repository, world in worlds.items()
        for commit in world.commits
    ]
    of_a_user = "user_name, team, position, changed_at, valid_from, is_deleted, version"
    for table, columns, rows in (
        ("github.identities", "kind, identity, user_name, verified, version", identities),
        ("github.users", of_a_user, changes),
        ("github.users_history", of_a_user, changes),
        (
            "github.commits",
            "repository, commit_id, author_login, author_email, author, committed_at, co_authors,"
            " additions, version",
            commits,
        ),
    ):
        if rows:
            warehouse.run(f"INSERT INTO {table} ({columns}) VALUES {', '.join(rows)}")
    wait_for_credits(warehouse)


def _day(day: date | None) -> str:
    return "NULL" if day is None else f"'{day}'"
