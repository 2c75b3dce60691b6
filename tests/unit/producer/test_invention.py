from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import pytest

from contractline.errors import SettingInvalid
from producer.sources.invention import Invented, World
from producer.sources.people import GITHUB, known_people

USERS = Path(__file__).parents[3] / "connect" / "postgres" / "seed_users.csv"
START = datetime(2026, 1, 5, tzinfo=UTC)


def invent(number: int, seed: int = 1, repositories: int = 5) -> list[Invented]:
    return list(islice(World(seed, repositories, START, USERS).commits(), number))


@pytest.fixture(scope="module")
def commits() -> list[Invented]:
    return invent(4000)


def test_the_same_seed_gives_the_same_commits(commits):
    assert invent(300) == commits[:300]


def test_another_seed_gives_other_commits(commits):
    assert {c.commit_id for c in invent(300, seed=2)}.isdisjoint(c.commit_id for c in commits)


def test_the_first_commits_never_change():
    """A re-run after an update of the project doubles nothing, unless Faker has other words."""
    digest = hashlib.sha256("".join(c.commit_id for c in invent(50)).encode()).hexdigest()
    assert digest.startswith("e8946a49fd697181")


def test_hashes_are_unique(commits):
    assert len({c.commit_id for c in commits}) == len(commits)


def test_parents_come_first_and_from_the_same_repository(commits):
    seen: dict[str, set[str]] = {}
    for commit in commits:
        own = seen.setdefault(commit.repository, set())
        assert own.issuperset(commit.parents)
        assert bool(commit.parents) == bool(own)
        own.add(commit.commit_id)
    assert len(seen) == 5


def test_times_rise_and_authors_are_not_later_than_committers(commits):
    times = [c.committed for c in commits]
    assert times == sorted(times)
    assert all(c.authored <= c.committed for c in commits)
    assert times[0] >= START.timestamp()


def test_most_authors_are_the_ten_users(commits):
    users = {person.name for person in known_people(USERS)}
    authors = Counter(c.author.name for c in commits)
    known = sum(number for name, number in authors.items() if name in users)
    assert len(users) == 10
    assert users <= authors.keys()
    assert 0.75 < known / len(commits) < 0.97


def test_logins_and_addresses_follow_from_the_user_name():
    ivan = known_people(USERS)[0]
    assert (ivan.name, ivan.login, ivan.email) == ("Ivan M", "ivan-m", "ivan.m@example.com")


def test_strangers_have_addresses_that_nobody_owns(commits):
    domains = {c.author.email.partition("@")[2] for c in commits}
    assert domains == {"example.com", "example.net", "example.org"}


def test_histories_hold_merges_bodies_and_helpers(commits):
    parents = Counter(len(c.parents) for c in commits)
    assert 0.05 < parents[2] / len(commits) < 0.3
    assert any(number > 2 for number in parents)
    assert all(c.committer == GITHUB for c in commits if c.message.startswith("Merge pull request"))
    helped = [c for c in commits if c.co_authors]
    assert 0.02 < len(helped) / len(commits) < 0.1
    for commit in helped:
        assert commit.message.endswith(f"Co-authored-by: {commit.co_authors[-1]}")
        assert commit.author not in commit.co_authors
    assert any("\n\n" in c.message for c in commits if not c.co_authors)


def test_work_is_done_by_day_and_in_the_week(commits):
    moments = [datetime.fromtimestamp(c.committed, UTC) for c in commits]
    by_day = sum(8 <= m.hour < 20 for m in moments)
    weekends = sum(m.weekday() >= 5 for m in moments)
    assert by_day / len(commits) > 0.75
    assert weekends / len(commits) < 0.2


def test_there_are_bursts(commits):
    gaps = [b.committed - a.committed for a, b in pairwise(commits)]
    assert median(gaps) < sum(gaps) / len(gaps) / 1.3
    assert sum(gap < 600 for gap in gaps) / len(gaps) > 0.3


def test_sizes_have_a_long_tail(commits):
    sizes = sorted(c.lines.additions for c in commits)
    assert sizes[len(sizes) // 2] < 40
    assert sizes[-1] > 400


def test_the_number_of_repositories_is_what_was_asked_for():
    found = {c.repository for c in invent(3000, repositories=20)}
    assert len(found) == 20
    assert all(name.count("/") == 1 for name in found)


def test_a_file_of_users_that_is_none_is_said(tmp_path):
    with pytest.raises(SettingInvalid, match="can't be read"):
        known_people(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingInvalid, match="user_name"):
        known_people(tmp_path / "other.csv")
