"""Generated commits of several repositories, at any rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
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
        start: when the histories begin.
        seed: decides everything but when a record is produced.
        repositories: how many.
        count: how many commits; without end when None.
        rate: commits a second; as fast as possible when None.
    """

    users: Path
    start: datetime
    seed: int = 1
    repositories: int = 5
    count: int | None = None
    rate: float | None = None


class FakeSource:
    """Gives the commits of a seed, always from the first on.

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
        world = World(wanted.seed, wanted.repositories, wanted.start, wanted.users)
        commits = islice(world.commits(), wanted.count)
        for number in _portions(wanted.rate, stop):
            records = [_record(commit, now_micros()) for commit in islice(commits, number)]
            if number and not records:
                return
            yield Batch(records)


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
