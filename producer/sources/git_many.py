"""Commits of many git repositories in one process.

One repository is read at a time, with the workers of the settings, and a few are fetched meanwhile;
so the number of git processes does not depend on the number of repositories.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from contractline.errors import ContractlineError, SettingInvalid
from producer.git.command import GitUnusable
from producer.git.history import SOURCE
from producer.sources.base import TICK_SECONDS, Batch, Batches, Positions, Say
from producer.sources.git import LONGEST_PAUSE_SECONDS, GitSource

FETCHES = 4
"""Repositories that are fetched at a time."""

LOOKS_A_SECOND = 500
"""How many local repositories are looked at each second, at most."""


@dataclass(slots=True)
class _Turn:
    """A repository and when it is looked at next."""

    source: GitSource
    due: float = 0.0
    fetching: Future[None] | None = None
    is_open: bool = False
    problem: ContractlineError | None = None
    pause: float = 0.0


class GitRepositories:
    """Reads several repositories.

    Attributes:
        name: ``git``.
        resumes: from the positions of their refs.

    Args:
        sources: the repositories.
        follow: whether to wait for new commits.
        say: where the words go.
    """

    name = SOURCE
    resumes = True

    def __init__(self, sources: Sequence[GitSource], *, follow: bool, say: Say) -> None:
        self._turns = [_Turn(source) for source in sources]
        self._follow = follow
        self._say = say
        self._names: dict[str, GitSource] = {}

    @property
    def expected(self) -> int | None:
        """How many commits this run will give, as far as it is known yet."""
        known = [e for turn in self._turns if (e := turn.source.expected) is not None]
        return sum(known) if known else None

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give what is new in each repository, parents first.

        A repository that can't be read does not keep the others from being read.

        Raises:
            GitUnusable: there is no git, or one that is too old.
            ContractlineError: some could not be read at last; the others were.
        """
        left = list(self._turns)
        pool = ThreadPoolExecutor(FETCHES, thread_name_prefix="git-fetch")
        try:
            while left and not stop.is_set():
                self._fetch(pool, left, stop)
                ready = [turn for turn in left if turn.fetching and turn.fetching.done()]
                for turn in ready:
                    yield from self._take(turn, known, stop)
                    if stop.is_set():
                        break
                if not self._follow:
                    left = [turn for turn in left if turn not in ready]
                if not ready:
                    yield Batch()
                    stop.wait(TICK_SECONDS)
        finally:
            pool.shutdown(cancel_futures=True)
        self._complain()

    def _fetch(
        self, pool: ThreadPoolExecutor, turns: Sequence[_Turn], stop: threading.Event
    ) -> None:
        now = time.monotonic()
        for turn in turns:
            if turn.fetching is None and turn.due <= now:
                turn.fetching = pool.submit(turn.source.update, stop, quiet=turn.is_open)

    def _take(self, turn: _Turn, known: Positions, stop: threading.Event) -> Batches:
        """Read what is new in one repository, and say when it is looked at again."""
        fetching, turn.fetching = turn.fetching, None
        try:
            if fetching:
                fetching.result()
            if not turn.is_open:
                turn.source.open(known)
                self._claim(turn.source)
                turn.is_open = True
            yield from turn.source.new(stop)
        except GitUnusable:
            raise
        except ContractlineError as problem:
            turn.pause = min(max(turn.pause * 2, 1.0), LONGEST_PAUSE_SECONDS)
            turn.problem = problem
            again = f"; trying again in {turn.pause:g} s" if self._follow else ""
            self._say(f"{problem}{again}")
        else:
            turn.problem, turn.pause = None, 0.0
        turn.due = time.monotonic() + (turn.pause or self._interval(turn.source))

    def _interval(self, source: GitSource) -> float:
        """Return how often a repository is looked at."""
        return max(source.poll_seconds, len(self._turns) / LOOKS_A_SECOND)

    def _claim(self, source: GitSource) -> None:
        other = self._names.setdefault(source.repository, source)
        if other is not source:
            raise SettingInvalid(
                "--repository",
                f"{source.where} and {other.where} are both called {source.repository}",
                hint="give each its own --name",
            )

    def _complain(self) -> None:
        problems = [turn.problem for turn in self._turns if turn.problem]
        if problems:
            others = len(problems) - 1
            more = (
                f" (and {others:,} other{'' if others == 1 else 's'}, said above)" if others else ""
            )
            raise ContractlineError(f"{problems[0]}{more}", hint=problems[0].hint)
