"""What is new between two commits: before..after, as git would say, with line counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contractline.errors import ContractlineError
from producer.commit import Record, now_micros
from producer.github.client import Client, Working, next_page
from producer.github.counting import by_ids
from producer.github.errors import GitHubRefused, NotFound
from producer.github.mapping import from_rest
from producer.github.queries import PAGE
from producer.github.target import Repository
from producer.sources.base import Say


class RefRelation(StrEnum):
    """How the newer commit of a range stands to the older, in GitHub's words."""

    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    IDENTICAL = "identical"


@dataclass(frozen=True, slots=True)
class Range:
    """The commits that `after` has and `before` has not.

    Attributes:
        relation: AHEAD is an ordinary push; BEHIND and DIVERGED come from a forced one.
        records: parents first.
    """

    relation: RefRelation
    records: Sequence[Record]


class RangeUnknown(ContractlineError):
    """When GitHub can't compare: one of the commits is gone, or they have no common ancestor."""


def fetch_range(
    client: Client, repository: Repository, before: str, after: str, say: Say
) -> Working[Range]:
    """Return what is new in `after`.

    Costs a REST call for each 100 commits, and with a token a GraphQL point for each 100; without
    one, the records have no line counts.

    Args:
        client: asks GitHub.
        repository: where.
        before: a full hash, or the name of a branch.
        after: a full hash.
        say: where the words go.

    Raises:
        RangeUnknown: GitHub can't compare them.
        GitHubRefused: the repository may not be read.
        GitHubAway: there was no usable answer for too long.
        Stopped: the run was told to stop.
    """
    relation, commits = yield from _compare(client, repository, before, after)
    if not client.has_graphql:
        now = now_micros()
        return Range(relation, [from_rest(c, repository.name, now) for c in commits.values()])
    records = yield from by_ids(client, repository, list(commits), say)
    return Range(relation, records)


_Commits = dict[str, Mapping[str, Any]]


def _compare(
    client: Client, repository: Repository, before: str, after: str
) -> Working[tuple[RefRelation, _Commits]]:
    """Return the new commits, parents first.

    A server may list no more than 250, the newest. What is behind those is what their parents have
    and `before` has not, so the parents that are not among them are compared in turn.
    """
    found: _Commits = {}
    relation: RefRelation | None = None
    heads, compared = [after], set()
    while heads:
        head = heads.pop()
        compared.add(head)
        first, listed, is_whole = yield from _listed(client, repository, before, head)
        relation = relation or first
        found = {**listed, **found}
        if not is_whole:
            parents = (p["sha"] for commit in listed.values() for p in commit.get("parents") or ())
            heads += [p for p in dict.fromkeys(parents) if p not in found and p not in compared]
    return relation or RefRelation.IDENTICAL, found


def _listed(
    client: Client, repository: Repository, before: str, after: str
) -> Working[tuple[RefRelation, _Commits, bool]]:
    """Return one comparison, and whether it lists every commit that it counts."""
    url: str | None = f"{repository.path('compare', f'{before}...{after}')}?per_page={PAGE}"
    commits: _Commits = {}
    relation, total = RefRelation.IDENTICAL, 0
    while url:
        try:
            answer = yield from client.get(url)
        except NotFound as problem:
            raise RangeUnknown(str(problem)) from problem
        except GitHubRefused as problem:
            if problem.status != 422:
                raise
            raise RangeUnknown(str(problem)) from problem
        data = answer.object()
        relation, total = (
            RefRelation(data.get("status", "identical")),
            data.get("total_commits") or 0,
        )
        commits |= {c["sha"]: c for c in data.get("commits") or () if isinstance(c, Mapping)}
        url = next_page(answer.headers)
    return relation, commits, len(commits) >= total
