"""One question, one truth: its SQL, the live page, Metabase's card and a count in plain Python.

Random histories go through Kafka: people who move, leave and come back, identities that come after
the commits, messages that come twice, and commits of two schema versions; in some the people come
from PostgreSQL. CONTRACTLINE_PARITY says how many histories (`make parity`); then each is asked every
question, else a few.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from contractline.clients.registry import Registry
from contractline.contracts.load import load_contracts
from contractline.kafka.encode import RecordWriter
from contractline.metabase.native import native_query
from contractline.reports.answer import ask
from contractline.reports.load import load_reports
from contractline.reports.render import Query, render
from contractline.reports.selection import selection_of
from contractline.settings import environment
from contractline.targets import apply_all
from tests.fixtures.credits import wait_for_credits
from tests.fixtures.people import Change, Commit, Spelling, World
from tests.fixtures.stack import RunningStack
from tests.integration.dashboard.lab import Page
from tests.integration.people.worlds import new_repository, worlds
from tests.metabase_server.native import expanded

ALL = environment().get("CONTRACTLINE_PARITY", "")
HISTORIES = int(ALL or "3")
QUESTIONS = 6
"""How many questions a history is asked, unless all are wanted."""

DRAWN = settings(phases=(Phase.generate,), deadline=None, suppress_health_check=list(HealthCheck))
WAIT_SECONDS = 120
MESSAGES = ("feat: one", "Fix two\n\nSince it was wrong.", "x" * 80, "", "docs(page): three")
PERIODS = ("all", "2026-01-01..2026-01-04", "2025-12-01..2026-12-31")

Row = tuple[Any, ...]
Chosen = dict[str, list[str]]


@dataclass(frozen=True)
class Fact:
    """A commit as one person's, as the source has it and the oracle credits it."""

    commit: Commit
    values: Mapping[str, Any]
    role: str
    share: float
    spelling: Spelling
    user_name: str
    team_at_commit: str
    position_at_commit: str
    team: str
    position: str

    @property
    def is_bot(self) -> bool:
        return bool(self.spelling.machine)

    @property
    def week(self) -> str:
        day = self.commit.committed_at.date()
        return (day - timedelta(days=day.weekday())).isoformat()


class Source:
    """A history as it goes into Kafka."""

    def __init__(self, world: World, repository: str) -> None:
        self.world = world
        self.repository = repository
        self.commits = [self._values(place, one) for place, one in enumerate(world.commits)]

    def _values(self, place: int, commit: Commit) -> dict[str, Any]:
        at = int(commit.committed_at.timestamp() * 1_000_000)
        return {
            "repository": self.repository,
            "commit_id": commit.commit_id,
            "author": commit.name,
            "author_email": commit.email,
            "author_login": commit.login,
            "committer": commit.name,
            "committer_email": commit.email,
            "committer_login": None,
            "commit_message": MESSAGES[place % len(MESSAGES)],
            "authored_at": at - 60_000_000 * place if place % 3 else None,
            "committed_at": at,
            "parents": ["a" * 40, "b" * 40] if place % 4 == 3 else [],
            "additions": None if place % 5 == 4 else place + 1,
            "deletions": None if place % 5 == 4 else place,
            "changed_files": None,
            "source": "fake",
            "produced_at": time.time_ns() // 1000,
            "co_authors": list(commit.co_authors),
        }

    def facts(self, *, all_roles: bool) -> Iterator[Fact]:
        for commit, values in zip(self.world.commits, self.commits, strict=True):
            for role, spelling, share in self.world.contributions(commit):
                if all_roles or role == "author":
                    user = self.world.match(spelling).user_name
                    place = self.world.place(user, commit.committed_at)
                    yield Fact(
                        commit,
                        values,
                        role,
                        share,
                        spelling,
                        user,
                        place.team_at_commit,
                        place.position_at_commit,
                        place.team,
                        place.position,
                    )


class Sender:
    """Writes histories into the topics, each in several ways at once."""

    def __init__(self, stack: RunningStack) -> None:
        from confluent_kafka import Producer

        self._contracts = {one.name: one for one in load_contracts(stack.project)}
        self._registry = Registry.of(stack.endpoints)
        servers = stack.endpoints.need("kafka_bootstrap_servers")
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "log_level": 0})
        self._lsn = time.time_ns() // 1000

    def _writers(self, stream: str) -> tuple[RecordWriter, list[RecordWriter]]:
        contract = self._contracts[stream]
        key, value = contract.subjects
        newest = {field["name"] for field in contract.values[-1].schema.fields}
        found = []
        for version in contract.values:
            schema_id = self._registry.id_of(value, version.schema)
            assert schema_id is not None
            later = frozenset(newest - {field["name"] for field in version.schema.fields})
            found.append(RecordWriter.of(version.schema, schema_id, later=later))
        schema = contract.keys[-1].schema
        key_id = self._registry.id_of(key, schema)
        assert key_id is not None
        return RecordWriter.of(schema, key_id, is_key=True), found

    def send(self, source: Source, random: Random) -> None:
        """Send a history; some messages twice, the identities last."""
        self._changes(source, random)
        self.commits(source, random)
        self._identities(source, random)

    def _changes(self, source: Source, random: Random) -> None:
        for change in source.world.changes:
            self._row(
                "github_users",
                random,
                {
                    "user_name": change.user_name,
                    "position": change.position,
                    "team": change.team,
                    "birth_date": None,
                    "updated_at": f"{change.changed_at:%Y-%m-%dT%H:%M:%S}.000000Z",
                    "valid_from": change.valid_from,
                },
                at=change.changed_at,
                is_deleted=change.is_deleted,
            )

    def commits(self, source: Source, random: Random) -> None:
        """Send the commits of a history."""
        key, versions = self._writers("commits")
        topic = self._contracts["commits"].topic.name
        for values in source.commits:
            # The first version has no co-authors: it can only write a commit that has none.
            writer = versions[-1] if values["co_authors"] else random.choice(versions)
            names = {name: values[name] for name in ("repository", "commit_id")}
            for _ in range(random.choice((1, 1, 2))):
                self._producer.produce(topic, writer(values), key(names))
        assert self._producer.flush(60) == 0

    def _identities(self, source: Source, random: Random) -> None:
        for identity in source.world.identities:
            self._row(
                "github_identities",
                random,
                {
                    "kind": identity.kind,
                    "identity": identity.identity,
                    "user_name": identity.user_name,
                    "updated_at": "2026-01-01T00:00:00.000000Z",
                    "verified": identity.verified,
                },
                at=datetime.now(UTC),
            )
        assert self._producer.flush(60) == 0

    def _row(
        self,
        stream: str,
        random: Random,
        values: dict[str, Any],
        *,
        at: datetime,
        is_deleted: bool = False,
    ) -> None:
        key, versions = self._writers(stream)
        self._lsn += 1
        record = {
            **values,
            "__deleted": "true" if is_deleted else "false",
            "__op": "d" if is_deleted else "u",
            "__lsn": self._lsn,
            "__source_ts_ms": int(at.timestamp() * 1000),
        }
        # An older version lacks fields that a change may need.
        for _ in range(random.choice((1, 2))):
            topic = self._contracts[stream].topic.name
            self._producer.produce(topic, versions[-1](record), key(record))


def carry_out(dsn: str, world: World) -> World:
    """Make the people of a history in PostgreSQL; return the history as it is then.

    A change is made now, so each says by its day from when on it holds.
    """
    carried: list[Change] = []
    there: set[str] = set()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for change in world.changes:
            name, first_day = change.user_name, change.valid_from or change.changed_at.date()
            if change.is_deleted and name not in there:
                continue
            if change.is_deleted:
                there.remove(name)
                connection.execute("DELETE FROM github_users WHERE user_name = %s", [name])
            else:
                there.add(name)
                connection.execute(
                    "INSERT INTO github_users (user_name, position, team, valid_from)"
                    " VALUES (%s, %s, %s, %s) ON CONFLICT (user_name) DO UPDATE SET"
                    " position = excluded.position, team = excluded.team,"
                    " valid_from = excluded.valid_from",
                    [name, change.position, change.team, first_day],
                )
            time.sleep(0.005)  # changes are told apart by their millisecond
            carried.append(replace(change, changed_at=datetime.now(UTC), valid_from=first_day))
        for one in world.identities:
            connection.execute(
                "INSERT INTO github_identities (kind, identity, user_name, verified)"
                " VALUES (%s, %s, %s, %s)",
                [one.kind, one.identity, one.user_name, one.verified],
            )
    return replace(world, changes=carried)


def arrived(warehouse: Warehouse, source: Source) -> None:
    """Wait until all of a history is in the tables, also in those that views fill from others."""
    world = source.world
    users = sorted({change.user_name for change in world.changes})
    names = ", ".join(map(literal, users or [""]))
    identities = ", ".join(literal(one.identity) for one in world.identities) or "''"
    wanted = (
        len(world.commits),
        len(world.commits),
        0,
        len(world.changes),
        1,
        len(world.identities),
    )
    commits = f"reporting.commit_facts FINAL WHERE repository = {literal(source.repository)}"
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        ((*found,),) = warehouse.rows(
            "SELECT (SELECT count() FROM github.commits FINAL"
            f" WHERE repository = {literal(source.repository)}),"
            f" (SELECT count() FROM {commits}), (SELECT count() FROM {commits}"
            " AND author_key NOT IN (SELECT author_key FROM reporting.credits)),"
            f" (SELECT uniqExact(user_name, __version) FROM (SELECT user_name, changed_at AS"
            f" __version FROM github.users_history FINAL WHERE user_name IN ({names}))),"
            f" (SELECT max(version) FROM github.users WHERE user_name IN ({names})) ="
            f" (SELECT max(version) FROM github.users_history WHERE user_name IN ({names})),"
            " (SELECT count() FROM github.identities FINAL"
            f" WHERE identity IN ({identities}))"
        )
        if tuple(found) == wanted:
            wait_for_credits(warehouse)
            return
        time.sleep(0.1)
    raise AssertionError(f"{found} arrived of {wanted}")


# The count in plain Python


def passing(facts: Iterator[Fact], given: Chosen) -> list[Fact]:
    is_today = given.get("as_of") == ["today"]
    first, last = bounds(given["period"][0])
    return [
        fact
        for fact in facts
        if first <= fact.commit.committed_at < last
        and ("team" not in given or _team(fact, is_today) in given["team"])
        and ("person" not in given or fact.user_name in given["person"])
        and (given.get("bots") == ["on"] or not fact.is_bot)
    ]


def _team(fact: Fact, is_today: bool) -> str:
    return fact.team if is_today else fact.team_at_commit


def bounds(period: str) -> tuple[datetime, datetime]:
    if period == "all":
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    first, last = (
        datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        for day in period.split("..")
    )
    return first, last + timedelta(days=1)


def counting(key: Callable[[Fact, bool], Row]) -> Callable[[list[Fact], bool], list[Row]]:
    def count(facts: list[Fact], is_today: bool) -> list[Row]:
        return [(*row, n) for row, n in Counter(key(one, is_today) for one in facts).items()]

    return count


def by_lines(facts: list[Fact], key: Callable[[Fact], Any]) -> list[Row]:
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for fact in facts:
        if fact.values["additions"] is not None:
            found[key(fact)][0] += fact.values["additions"]
            found[key(fact)][1] += fact.values["deletions"]
    return [(one, *sums) for one, sums in found.items()]


def active(facts: list[Fact], is_today: bool) -> list[Row]:
    people = defaultdict(set)
    for fact in facts:
        if fact.user_name:
            people[fact.week, fact.team_at_commit].add(fact.user_name)
    return [(*key, len(users)) for key, users in people.items()]


def length(fact: Fact) -> str:
    size = len(fact.values["commit_message"].split("\n")[0])
    steps = ((0, "none"), (20, "1 to 20"), (50, "21 to 50"), (72, "51 to 72"))
    return next((name for most, name in steps if size <= most), "over 72")


def behind_half(facts: list[Fact], is_today: bool) -> list[Row]:
    lines: Counter[str] = Counter()
    for fact in facts:
        sums = (fact.values["additions"] or 0) + (fact.values["deletions"] or 0)
        lines[fact.user_name or fact.spelling.email.lower()] += fact.share * sums  # type: ignore[assignment]
    total, reached = sum(lines.values()), 0.0
    if not total:
        return []
    for needed, (_, one) in enumerate(lines.most_common(), 1):
        reached += one
        if reached >= total / 2 - 1e-9:
            return [(facts[0].values["repository"], needed, len(lines))]
    raise AssertionError


COUNTS: dict[str, tuple[bool, Callable[[list[Fact], bool], list[Row]]]] = {
    # question: whether co-authors count, too, and how
    "commits_by_team": (False, counting(lambda f, today: (_team(f, today) or "not in the table",))),
    "commits_by_position": (
        False,
        counting(
            lambda f, today: (
                (f.position if today else f.position_at_commit) or "not in the table",
            )
        ),
    ),
    "commits_by_repository": (False, counting(lambda f, _: (f.values["repository"],))),
    "commits_per_day": (False, counting(lambda f, _: (f.commit.committed_at.date().isoformat(),))),
    "commits_per_week": (False, counting(lambda f, _: (f.week,))),
    "commits_by_age_band": (False, counting(lambda f, _: ("unknown",))),
    "hour_by_weekday": (
        False,
        counting(
            lambda f, _: (
                f.commit.committed_at.isoweekday(),
                f"{f.commit.committed_at:%a}",
                f.commit.committed_at.hour,
            )
        ),
    ),
    "commits_by_person": (
        True,
        counting(lambda f, _: (f.user_name or f"{f.spelling.name} (not in the table)", f.role)),
    ),
    "lines_by_repository": (
        False,
        lambda facts, _: by_lines(facts, lambda f: f.values["repository"]),
    ),
    "lines_per_week": (False, lambda facts, _: by_lines(facts, lambda f: f.week)),
    "message_length": (
        False,
        lambda facts, today: counting(lambda f, _: (length(f),))(
            [f for f in facts if len(f.values["parents"]) < 2], today
        ),
    ),
    "team_sizes": (False, active),
    "bus_factor": (True, behind_half),
}


# The four ways


def selections(source: Source, random: Random) -> Chosen:
    """Return random filters that keep to one history."""
    given: Chosen = {"repository": [source.repository], "period": [random.choice(PERIODS)]}
    teams = sorted({change.team for change in source.world.changes})
    people = sorted({change.user_name for change in source.world.changes})
    if teams and random.random() < 0.4:
        given["team"] = random.sample(teams, random.randint(1, len(teams)))
    if people and random.random() < 0.3:
        given["person"] = random.sample(people, random.randint(1, len(people)))
    if random.random() < 0.5:
        given["as_of"] = ["today"]
    if random.random() < 0.5:
        given["bots"] = ["on"]
    return given


def for_metabase(given: Chosen) -> dict[str, Any]:
    """Return filters as a reader of Metabase sets them: two days are two dates there."""
    values: dict[str, Any] = {
        key: chosen if len(chosen) > 1 else chosen[0] for key, chosen in given.items()
    }
    if ".." in values["period"]:
        values["since"], values["until"] = values.pop("period").split("..")
    return values


def as_set(rows: Sequence[Sequence[Any]]) -> Counter[str]:
    """Return rows as what they hold, whatever their order."""
    rounded = (
        [round(cell, 9) if isinstance(cell, float) else cell for cell in row] for row in rows
    )
    return Counter(json.dumps(row) for row in rounded)


@pytest.fixture(scope="module")
def warehouse(applied: RunningStack) -> Iterator[Warehouse]:
    with closing(Warehouse(applied.endpoints)) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def sender(applied: RunningStack, warehouse: Warehouse) -> Iterator[Sender]:
    """Send histories, and take their people away: `apply` compares them with PostgreSQL's."""
    yield Sender(applied)
    for table in ("identities", "users", "users_history"):
        warehouse.run(f"DELETE FROM github.{table} WHERE match(user_name, '^w[0-9]+x ')")


@pytest.fixture(scope="module")
def captured(applied: RunningStack) -> Iterator[str]:
    """Let PostgreSQL's changes come as well; it has nothing of the histories at the end."""
    for outcome in apply_all(applied.project, load_contracts(applied.project), applied.endpoints):
        assert outcome.error is None, outcome
    yield applied.exports["POSTGRES_DSN"]
    with psycopg.connect(applied.exports["POSTGRES_DSN"], autocommit=True) as connection:
        for table in ("github_users", "github_identities"):
            connection.execute(f"DELETE FROM {table} WHERE user_name ~ '^w[0-9]+x '")


# It comes first: `apply` compares the rows of PostgreSQL with those of ClickHouse.
@settings(DRAWN, max_examples=max(HISTORIES // 10, 1))
@given(world=worlds(), random=st.randoms(use_true_random=False))
@pytest.mark.timeout(3600)
def test_people_who_come_from_postgresql(
    captured: str,
    applied: RunningStack,
    served: Page,
    warehouse: Warehouse,
    sender: Sender,
    world: World,
    random: Random,
):
    source = Source(carry_out(captured, world), new_repository())
    sender.commits(source, random)
    agree(applied, served, warehouse, source, random)


@settings(DRAWN, max_examples=HISTORIES)
@given(world=worlds(), random=st.randoms(use_true_random=False))
@pytest.mark.timeout(3600)
def test_the_same_everywhere(
    applied: RunningStack,
    served: Page,
    warehouse: Warehouse,
    sender: Sender,
    world: World,
    random: Random,
):
    source = Source(world, new_repository())
    sender.send(source, random)
    agree(applied, served, warehouse, source, random)


def agree(
    applied: RunningStack, served: Page, warehouse: Warehouse, source: Source, random: Random
) -> None:
    """Hold the answers of each way against each other once a history has arrived."""
    arrived(warehouse, source)
    reports = load_reports(applied.project)
    names = sorted(reports.questions)
    for name in names if ALL else random.sample(names, QUESTIONS):
        question = reports.question(name)
        given = selections(source, random)
        answer = ask(
            warehouse, render(question, reports.filters, selection_of(reports.filters, given))
        )
        native = native_query(question, reports.filters)
        values = for_metabase(given)
        card = ask(
            warehouse,
            Query(expanded({"query": native.sql, "template-tags": native.tags}, values), {}),
        )
        page = httpx.get(f"{served.url}/q/{name}.json", params=given, timeout=120).json()
        where = (name, given)
        if "now" not in question.sql:  # else the moment decides
            assert as_set(card.rows) == as_set(answer.rows), where
            assert as_set(page["rows"]) == as_set(answer.rows), where
        if name in COUNTS:
            all_roles, count = COUNTS[name]
            facts = passing(source.facts(all_roles=all_roles), given)
            expected = count(facts, given.get("as_of") == ["today"])
            assert as_set(answer.rows) == as_set(expected), where
