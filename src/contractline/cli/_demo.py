"""What the demo measures: what was sent, what arrived, and how long it took to be visible."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.settings import environment

if TYPE_CHECKING:
    from contractline.clients.clickhouse import Warehouse
    from contractline.contracts.model import Contract
    from contractline.settings import Endpoints

CANARY = "contractline/canary"
CANARIES = 20
PERSON = "John K"
TEAMS = ("Java-team", "Python-team")
VISIBLE_SECONDS = 60.0
LOOK_SECONDS = 0.005

QUESTIONS = (
    "SELECT team, position, count() AS commits, uniqExact(user_name) AS people"
    " FROM reporting.commits WHERE team != '' GROUP BY ALL ORDER BY commits DESC",
    "SELECT toStartOfWeek(committed_at, 1) AS week, count() AS commits FROM reporting.commits"
    " GROUP BY week ORDER BY week DESC LIMIT 8",
    "SELECT author, author_email, count() AS commits FROM reporting.commits"
    " WHERE user_name = '' GROUP BY ALL ORDER BY commits DESC LIMIT 5",
)
"""What people ask first: who commits how much, when, and who of them is nobody that is known."""

_IS_THERE = "SELECT count() FROM reporting.users WHERE user_name = {person:String}"
_MOVE = "UPDATE public.github_users SET team = %s WHERE user_name = %s RETURNING team"


class SendingFailed(ContractlineError):
    """When a producer of the demo could not send everything."""

    def __init__(self, source: str, problem: str, hint: str) -> None:
        super().__init__(f"the producer (--source {source}) failed: {problem}", hint=hint)


class NotVisible(ContractlineError):
    """When something that was sent does not show up in ClickHouse."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"{what} did not become visible in ClickHouse within {seconds:.0f} s",
            hint="`contractline plan` and `contractline status` say what is wrong; "
            "`contractline logs clickhouse` shows what the engine says",
        )


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What a producer says at its end."""

    read: int
    acknowledged: int
    repositories: tuple[str, ...]
    positions: tuple[str, ...]


class Sender:
    """A producer at work in a process of its own."""

    def __init__(
        self,
        project: Project,
        source: str,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._source = source
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "producer", "--source", source, "--json", *arguments],
            cwd=project.root,
            env={**environment(), **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def is_running(self) -> bool:
        """Whether it still sends."""
        return self._process.poll() is None

    def account(self) -> DemoAccount:
        """Wait for the end and return what was sent.

        Raises:
            SendingFailed: not everything was acknowledged.
        """
        out, words = self._process.communicate()
        try:
            said: dict[str, Any] = json.loads(out)
        except ValueError as problem:
            raise SendingFailed(self._source, words.strip() or out, "") from problem
        if self._process.returncode != 0:
            problem_words = said.get("error") or f"{said['refused']} records were refused"
            raise SendingFailed(self._source, problem_words, said.get("hint") or "")
        cursors = said["cursors"]
        return DemoAccount(
            said["read"],
            said["acknowledged"],
            tuple(cursor["repository"] for cursor in cursors),
            tuple(cursor["position"] for cursor in cursors),
        )

    def stop(self) -> None:
        """End it, if it still runs; it flushes and saves its cursor."""
        if self.is_running:
            self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()


@contextmanager
def sending(project: Project, repository: str, commits: int) -> Iterator[tuple[Sender, Sender]]:
    """Send a repository's history and generated commits, side by side."""
    # From its beginning in every run, so that the account is about the whole history.
    git = Sender(project, "git", "--repository", repository, "--again")
    try:
        fake = Sender(project, "fake", "--count", str(commits))
        try:
            yield git, fake
        finally:
            fake.stop()
    finally:
        git.stop()


def commits_at(repository: str, account: DemoAccount) -> int:
    """Return how many commits the source has: git's own count for a path."""
    if not Path(repository).exists():
        return account.read
    counted = subprocess.run(  # noqa: S603 - git with a hash from its own history
        ["git", "-C", repository, "rev-list", "--count", *account.positions],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return int(counted.stdout)


def move_person(endpoints: Endpoints, warehouse: Warehouse) -> tuple[str, str, float]:
    """Move a person to the other team in PostgreSQL.

    Returns:
        the team before, the team now, and the seconds from the commit until ClickHouse shows it.

    Raises:
        NotVisible: it does not show it.
    """
    from contractline.debezium.source import connected

    with connected(endpoints) as database:
        # The connector first reads the tables as they are; only then does a change stream.
        _await(warehouse, _IS_THERE, {"person": PERSON}, 1, f"{PERSON} of PostgreSQL")
        (row,) = database.rows("SELECT team FROM public.github_users WHERE user_name = %s", PERSON)
        before = row["team"]
        now = TEAMS[1] if before == TEAMS[0] else TEAMS[0]
        database.rows(_MOVE, now, PERSON)
        started = time.monotonic()
    sql = "SELECT team FROM reporting.users WHERE user_name = {person:String}"
    _await(warehouse, sql, {"person": PERSON}, now, f"the move of {PERSON}")
    return before, now, time.monotonic() - started


def canaries(contract: Contract, endpoints: Endpoints, warehouse: Warehouse) -> list[float]:
    """Send single commits and return the seconds from each one's acknowledgement to visible.

    Raises:
        NotVisible: one does not show up.
    """
    from contractline.clients.registry import Registry
    from contractline.kafka.encode import StreamEncoder
    from contractline.kafka.produce import Delivery

    chance = random.Random()  # noqa: S311 - pauses, no secrets
    seconds = []
    with (
        Registry(endpoints.need("schema_registry_url")) as registry,
        Delivery(endpoints.need("kafka_bootstrap_servers"), lambda words: None) as delivery,
    ):
        channel = delivery.channel(StreamEncoder(contract, registry))
        for number in range(CANARIES):
            # Out of step with ClickHouse's flushes, which the wait for the last one fell in with.
            time.sleep(chance.uniform(0, contract.latency.total_seconds()))
            record = _canary(number)
            channel.send(record, {name: record[name] for name in contract.key_fields})
            delivery.flush()
            started = time.monotonic()
            sql = (
                "SELECT toUnixTimestamp64Micro(max(produced_at)) FROM github.commits "
                "WHERE repository = {repository:String} AND commit_id = {commit:String}"
            )
            values = {"repository": CANARY, "commit": record["commit_id"]}
            _await(warehouse, sql, values, record["produced_at"], "a commit")
            seconds.append(time.monotonic() - started)
    return seconds


def _canary(number: int) -> dict[str, Any]:
    """The same commits in every run, so that nothing piles up."""
    return {
        "repository": CANARY,
        "commit_id": hashlib.sha1(f"canary {number}".encode(), usedforsecurity=False).hexdigest(),
        "author": PERSON,
        "author_email": "",
        "committer": PERSON,
        "committer_email": "",
        "commit_message": "How long does a commit take?",
        "committed_at": 1_767_225_600_000_000 + number,
        "parents": [],
        "source": "fake",
        "produced_at": time.time_ns() // 1000,
    }


def _await(
    warehouse: Warehouse, sql: str, values: dict[str, Any], expected: object, what: str
) -> None:
    end = time.monotonic() + VISIBLE_SECONDS
    while [tuple(row) for row in warehouse.rows(sql, values)] != [(expected,)]:
        if time.monotonic() > end:
            raise NotVisible(what, VISIBLE_SECONDS)
        time.sleep(LOOK_SECONDS)
