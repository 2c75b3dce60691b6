"""Generated commits of several repositories, at any rate."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from pathlib import Path

from producer.commit import Record, commit_record, now_micros
from producer.sources.base import TICK_SECONDS, Batch, Batches, Positions
from producer.sources.invention import Invented, World
from producer.sources.people import USERS_FILE

BATCH = 500

__all__ = ["USERS_FILE", "FakeSettings", "FakeSource"]


@dataclass(frozen=True, slots=True)
class FakeSettings:
    """What to generate.

    Attributes:
        users: the CSV file whose people write most commits.
        start: when the histories begin; when None they end now, or are followed live.
        seed: decides everything but times.
        repositories: how many.
        count: how many commits; without end when None.
        rate: commits a second; as fast as possible when None.
        live: whether commits are dated as they are given, where no start is set.
    """

    users: Path
    start: datetime | None = None
    seed: int = 1
    repositories: int = 5
    count: int | None = None
    rate: float | None = None
    live: bool = False


class FakeSource:
    """Gives the commits of a seed: from the first on, the last ones until now, or live ones.

    Attributes:
        name: ``fake``.
        resumes: never; a second run gives the same again.
        expected: how many commits this run will give; None for no end.
    """

    name = "fake"
    resumes = False

    def __init__(self, settings: FakeSettings) -> None:
        self.expected = settings.count
        self._settings = settings

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give commits until the count is reached, at the rate that is set."""
        wanted = self._settings
        commits = self._commits(wanted.start, wanted.count)
        for number in _portions(wanted.rate, stop):
            records = [_record(commit, now_micros()) for commit in islice(commits, number)]
            if number and not records:
                return
            yield Batch(records)

    def _commits(self, start: datetime | None, count: int | None) -> Iterator[Invented]:
        if start is not None:
            return islice(self._world(start).commits(), count)
        if self._settings.live or count is None:
            return islice(self._world(datetime.now(UTC), live=time.time).commits(), count)
        return self._until_now(count)

    def _until_now(self, count: int) -> Iterator[Invented]:
        """Give the last commits of histories that go on until now.

        They begin with a year, so that a later run of the same year gives the same ones again and
        what has come since; with an earlier one where that has not enough of them yet.
        """
        now = datetime.now(UTC)
        year = now.year
        while True:
            world = self._world(datetime(year, 1, 1, tzinfo=UTC))
            known = takewhile(lambda commit: commit.committed <= now.timestamp(), world.commits())
            last = deque(known, maxlen=count)
            if len(last) == count:
                return iter(last)
            year -= 1

    def _world(self, start: datetime, *, live: Callable[[], float] | None = None) -> World:
        wanted = self._settings
        return World(wanted.seed, wanted.repositories, start, wanted.users, live=live)


def _portions(rate: float | None, stop: threading.Event) -> Iterator[int]:
    """Give how many commits are due, again and again; 0 while none is."""
    began, given = time.monotonic(), 0
    while not stop.is_set():
        if rate is None:
            yield BATCH
            continue
        due = int((time.monotonic() - began) * rate) - given
        yield min(due, BATCH)
        given += min(due, BATCH)
        next_due = began + (given + 1) / rate
        stop.wait(max(0.0, min(next_due - time.monotonic(), TICK_SECONDS)))


def _record(commit: Invented, now: int) -> Record:
    return commit_record(
        repository=commit.repository,
        commit_id=commit.commit_id,
        author=commit.author.name,
        author_email=commit.author.email,
        author_login=commit.author.login,
        committer=commit.committer.name,
        committer_email=commit.committer.email,
        committer_login=commit.committer.login,
        text=commit.message,
        authored=commit.authored,
        committed=commit.committed,
        parents=commit.parents,
        source=FakeSource.name,
        produced_at=now,
        additions=commit.lines.additions,
        deletions=commit.lines.deletions,
        changed_files=commit.lines.files,
        co_authors=[str(person) for person in commit.co_authors],
    )
