"""Commits with line counts by GraphQL, in portions that GitHub can do.

Counting lines is work for GitHub: a large page may end with 502, a time-out or holes in the answer.
Then a smaller one is asked for, down to a single commit; one that is still too much is asked for by
REST, and in the end taken without line counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contractline.errors import ContractlineError
from producer.commit import Record, now_micros
from producer.github.client import Client, TooLarge, Working
from producer.github.mapping import from_graphql, from_rest
from producer.github.queries import PAGE, PARENTS, by_id
from producer.github.target import Repository
from producer.sources.base import Say

GROW_AFTER = 3
"""Pages that must go well before the next is larger again."""


class PageSize:
    """How much to ask for at once.

    Attributes:
        now: commits a page.
    """

    def __init__(self, most: int = PAGE) -> None:
        self.now = most
        self._most = most
        self._good = 0

    def shrink(self) -> None:
        """Ask for half as much from now on."""
        self.now, self._good = max(1, self.now // 2), 0

    def went_well(self) -> None:
        """Ask for more when it went well for a while."""
        self._good += 1
        if self._good >= GROW_AFTER:
            self.now, self._good = min(self._most, self.now * 2), 0


def by_ids(
    client: Client, repository: Repository, commits: Sequence[str], say: Say
) -> Working[list[Record]]:
    """Return the records of single commits, in their order, in one query for many.

    A commit that is no longer there is left out.

    Raises:
        QueryFailed: GraphQL could not answer.
    """
    size = PageSize()
    records: list[Record] = []
    left = list(commits)
    while left:
        portion = left[: size.now]
        variables = {**repository.owner_and_name, "counts": True}
        try:
            data = yield from client.query(by_id(portion), variables, shrinkable=True)
            found = _objects(data, len(portion))
        except TooLarge as problem:
            if size.now == 1:
                records += yield from one_by_one(client, repository, portion, say)
                left = left[1:]
            else:
                size.shrink()
                say(f"{problem}; asking for {size.now} commits at once")
                yield from client.breathe()
            continue
        records += yield from completed(client, repository, found, say)
        left = left[len(portion) :]
        size.went_well()
    return records


def _objects(data: Mapping[str, Any], number: int) -> list[Mapping[str, Any]]:
    repository = data.get("repository") or {}
    found = [repository.get(f"c{n}") for n in range(number)]
    return [commit for commit in found if isinstance(commit, Mapping) and commit.get("oid")]


def completed(
    client: Client, repository: Repository, commits: Sequence[Mapping[str, Any]], say: Say
) -> Working[list[Record]]:
    """Return the records of GraphQL's commits; one with very many parents is asked for again."""
    now = now_micros()
    records = []
    for commit in commits:
        if ((commit.get("parents") or {}).get("totalCount") or 0) > PARENTS:
            records += yield from one_by_one(client, repository, [commit["oid"]], say)
        else:
            records.append(from_graphql(commit, repository.name, now))
    return records


def one_by_one(
    client: Client, repository: Repository, commits: Sequence[str], say: Say
) -> Working[list[Record]]:
    """Return the records of commits that are too much for GraphQL: a REST call each."""
    records = []
    for commit in commits:
        try:
            answer = yield from client.get(repository.path("commits", commit), shrinkable=True)
            record = from_rest(answer.object(), repository.name, now_micros())
        except TooLarge as problem:
            say(f"{repository.name} {commit[:12]}: {problem}; taken without line counts")
            record = yield from _without_counts(client, repository, commit)
        records.append(record)
    return records


def _without_counts(client: Client, repository: Repository, commit: str) -> Working[Record]:
    variables = {**repository.owner_and_name, "counts": False}
    data = yield from client.query(by_id([commit]), variables)
    found = _objects(data, 1)
    if not found:
        raise ContractlineError(
            f"{repository.name}: GitHub can't show {commit}", hint="run again, or use --clone"
        )
    return from_graphql(found[0], repository.name, now_micros())
