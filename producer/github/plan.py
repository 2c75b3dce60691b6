"""What a backfill will cost, before it begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from producer.github.client import Client, Working
from producer.github.errors import GitHubRefused, QueryFailed
from producer.github.queries import COUNT, points
from producer.github.quota import CORE, GRAPHQL, Budget
from producer.github.retry import clock_time
from producer.github.target import Repository
from producer.github.window import Window

SECONDS_A_PAGE = 1.0
"""What a page of 100 commits with line counts takes at GitHub, roughly."""

HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One branch of one repository.

    Attributes:
        repository: where.
        ref: the branch's full name; empty when there is none yet.
        commits: how many are to be read; None when only GitHub's comparison will tell.
        note: what is special about it.
    """

    repository: Repository
    ref: str
    commits: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What is to be read, and at what cost.

    Attributes:
        parts: each branch.
        by_graphql: with line counts, by points; else by REST calls and without them.
        clone: whether git reads the histories.
        budgets: the quota of each credential.
        share: the share of it that may be used.
        now: when it was made, in seconds since 1970.
    """

    parts: Sequence[PlanPart]
    by_graphql: bool
    clone: bool
    budgets: Sequence[Budget]
    share: float
    now: float

    @property
    def commits(self) -> int:
        """How many commits are to be read, as far as it is known."""
        return sum(part.commits or 0 for part in self.parts)

    @property
    def pages(self) -> int:
        """Points of GraphQL, or calls of REST: one for each 100 commits."""
        return sum(points(part.commits or 0) for part in self.parts)

    @property
    def left(self) -> float | None:
        """What may be used now; None when the quota is not known or has no limit."""
        left = [budget.usable(self.share, self.now) for budget in self.budgets]
        known = [value for value in left if value is not None]
        return sum(max(0.0, value) for value in known) if known else None

    @property
    def hourly(self) -> float:
        """What may be used in an hour."""
        return sum((budget.limit or 0) * self.share for budget in self.budgets)

    @property
    def minutes(self) -> float:
        """How long the API takes, waits for the quota included."""
        left = self.left
        waits = 0
        if left is not None and self.pages > left and self.hourly:
            waits = math.ceil((self.pages - left) / self.hourly)
        return (self.pages * SECONDS_A_PAGE + waits * HOUR_SECONDS) / 60

    def __str__(self) -> str:
        lines = ["plan:", *(f"  {_line(part)}" for part in self.parts)]
        unit = "GraphQL points" if self.by_graphql else "REST calls, without line counts"
        if self.clone:
            lines.append(
                f"  by git: {self.commits:,} commits, no quota, about {self._megabytes} MB to fetch"
            )
        else:
            lines.append(
                f"  by the API: {self.commits:,} commits, {self.pages:,} {unit}"
                f"{self._of_the_quota()}, about {_length(self.minutes)}"
            )
        lines.append(f"  {self._quota()}")
        if self.pages:
            lines.append(f"  {self._cheapest()}")
        return "\n".join(lines)

    @property
    def _megabytes(self) -> int:
        sizes = {part.repository.name: part.repository.kilobytes for part in self.parts}
        return max(1, round(sum(sizes.values()) / 1024))

    def _of_the_quota(self) -> str:
        total = sum(budget.limit or 0 for budget in self.budgets)
        return f" ({self.pages / total:.1%} of an hour's quota)" if total else ""

    def _quota(self) -> str:
        left = self.left
        if left is None:
            return "quota: the server names no limit"
        reset = max((budget.reset for budget in self.budgets), default=self.now)
        kind = GRAPHQL if self.by_graphql else CORE
        share = "" if self.share >= 1 else f" (--max-quota {self.share:.0%})"
        return (
            f"quota: {left:,.0f} of {self.hourly:,.0f} {kind} may be used{share}, "
            f"anew at {clock_time(reset, self.now)}"
        )

    def _cheapest(self) -> str:
        fetch = f"git fetches about {self._megabytes} MB once and counts lines here"
        if self.clone:
            return f"cheapest: --clone, as chosen: {fetch}; logins stay unknown"
        if not self.by_graphql:
            return (
                f"cheapest and richest without a token: --clone: no quota, since {fetch}; "
                "a token gives line counts and logins by GraphQL"
            )
        return (
            f"cheapest: --clone: no quota, since {fetch}; "
            "the API costs points and knows the authors' logins"
        )


def count(client: Client, repository: Repository, tip: str, window: Window) -> Working[int]:
    """Return how many commits a history has: one point, or one call.

    Where GraphQL refuses the token, the client does without it from then on.
    """
    if client.has_graphql:
        variables = {**repository.owner_and_name, **window.parameters(), "tip": tip}
        try:
            data = yield from client.query(COUNT, variables)
        except (GitHubRefused, QueryFailed) as problem:
            if isinstance(problem, QueryFailed) and "NOT_FOUND" in problem.kind:
                raise
            client.do_without_graphql(problem)
        else:
            found = ((data.get("repository") or {}).get("object") or {}).get("history") or {}
            number = found.get("totalCount")
            return number if isinstance(number, int) else 0
    parameters = "".join(f"&{name}={value}" for name, value in _encoded(window).items())
    url = f"{repository.path('commits')}?sha={tip}&per_page=1{parameters}"
    answer = yield from client.get(url)
    return _last_page(answer.headers.get("link", "")) or len(answer.items())


def _encoded(window: Window) -> dict[str, str]:
    return {name: value.replace("+", "%2B") for name, value in window.parameters().items()}


def _last_page(link: str) -> int | None:
    """Return the number of the last page; lists that go on by a cursor do not say it."""
    for part in link.split(","):
        if 'rel="last"' in part:
            number = part.partition("&page=")[2] or part.partition("?page=")[2]
            digits = "".join(
                character for character in number.partition("&")[0] if character.isdigit()
            )
            return int(digits) if digits else None
    return None


def _line(part: PlanPart) -> str:
    name = part.repository.name
    if not part.ref:
        return f"{name}: {part.note}"
    number = "what is new" if part.commits is None else f"{part.commits:,} commits"
    return f"{name} {part.ref}: {number}{f' ({part.note})' if part.note else ''}"


def _length(minutes: float) -> str:
    if minutes < 1:
        return "a minute"
    return f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"
