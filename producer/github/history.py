"""The whole history behind a commit, newest first, a page at a time.

GitHub lists a history only from its newest commit on, so a branch's own cursor can be written when
all of it was read. Until then the position is the commit that reading began at and GitHub's cursor
behind the last page, with which another run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from contractline.errors import ContractlineError
from producer.commit import Record, now_micros
from producer.github.client import Client, TooLarge, Working, next_page
from producer.github.counting import PageSize, completed, one_by_one
from producer.github.mapping import from_rest
from producer.github.queries import HISTORY, PAGE
from producer.github.target import Repository
from producer.github.window import Window
from producer.sources.base import Say


class CommitGone(ContractlineError):
    """When the commit that a history begins at is not there any more."""

    def __init__(self, repository: Repository, commit: str) -> None:
        super().__init__(f"{repository.name}: commit {commit[:12]} is gone", hint="run again")


class GitHubHistory(Protocol):
    """A history that is read page by page."""

    def page(self) -> Working[list[Record] | None]:
        """Return the next commits, None at the end."""
        ...

    @property
    def position(self) -> str:
        """Where to go on after the pages so far; empty at the start."""
        ...


class GraphQLHistory:
    """A history with line counts: a point for each 100 commits.

    Args:
        client: asks GitHub.
        repository: where.
        tip: the commit that it begins at.
        say: where the words go.
        window: which commits.
        position: where another run stopped.
    """

    def __init__(
        self,
        client: Client,
        repository: Repository,
        tip: str,
        say: Say,
        window: Window,
        position: str = "",
    ) -> None:
        self._client = client
        self._repository = repository
        self._tip = tip
        self._say = say
        self._window = window
        self._size = PageSize()
        self._after: str | None = position or None
        self._ended = False

    @property
    def position(self) -> str:
        """GitHub's cursor behind the last page."""
        return self._after or ""

    def page(self) -> Working[list[Record] | None]:
        """Return the next commits, None at the end.

        Raises:
            CommitGone: the tip is not there.
            QueryFailed: GraphQL could not answer, because of a wrong position for one.
        """
        while not self._ended:
            try:
                found = yield from self._ask(self._size.now, counts=True)
            except TooLarge as problem:
                if self._size.now == 1:
                    return (yield from self._single())
                self._size.shrink()
                self._say(f"{self._repository.name}: {problem}; pages of {self._size.now} from now")
                yield from self._client.breathe()
                continue
            self._size.went_well()
            self._pass(found)
            return (yield from completed(self._client, self._repository, found["nodes"], self._say))
        return None

    def _single(self) -> Working[list[Record]]:
        """Read one commit whose lines GraphQL can't count."""
        found = yield from self._ask(1, counts=False)
        self._pass(found)
        commits = [node["oid"] for node in found["nodes"]]
        return (yield from one_by_one(self._client, self._repository, commits, self._say))

    def _ask(self, first: int, *, counts: bool) -> Working[Mapping[str, Any]]:
        variables = {
            **self._repository.owner_and_name,
            **self._window.parameters(),
            "tip": self._tip,
            "first": first,
            "after": self._after,
            "counts": counts,
        }
        data = yield from self._client.query(HISTORY, variables, shrinkable=counts)
        commit = (data.get("repository") or {}).get("object")
        if commit is None:
            raise CommitGone(self._repository, self._tip)
        history: Mapping[str, Any] = commit.get("history") or {}
        nodes = history.get("nodes")
        if not nodes and not history.get("pageInfo"):
            raise TooLarge("GraphQL left out the page")
        if any(not isinstance(node, Mapping) for node in nodes or ()):
            raise TooLarge("GraphQL left out commits")
        return {"nodes": nodes or [], "pageInfo": history["pageInfo"]}

    def _pass(self, found: Mapping[str, Any]) -> None:
        page = found["pageInfo"]
        self._after = page.get("endCursor") or self._after
        self._ended = not page.get("hasNextPage")


class RestHistory:
    """A history without line counts: a call for each 100 commits."""

    def __init__(
        self, client: Client, repository: Repository, tip: str, window: Window, position: str = ""
    ) -> None:
        asked = {"sha": tip, "per_page": str(PAGE), **window.parameters()}
        self._client = client
        self._repository = repository
        self._next: str | None = position or f"{repository.path('commits')}?{urlencode(asked)}"
        self._passed = position

    @property
    def position(self) -> str:
        """The address of the next page, as GitHub gave it."""
        return self._passed

    def page(self) -> Working[list[Record] | None]:
        """Return the next commits, None at the end."""
        if self._next is None:
            return None
        answer = yield from self._client.get(self._next)
        self._next = next_page(answer.headers)
        self._passed = self._next or ""
        now = now_micros()
        commits = (commit for commit in answer.items() if commit.get("sha"))
        return [from_rest(commit, self._repository.name, now) for commit in commits]


def read_history(
    client: Client,
    repository: Repository,
    tip: str,
    say: Say,
    window: Window,
    position: str = "",
) -> GitHubHistory:
    """Return the history by what the client can: GraphQL, or REST.

    A position that the other one made is not used.
    """
    is_address = "://" in position
    if client.has_graphql:
        start = "" if is_address else position
        return GraphQLHistory(client, repository, tip, say, window, start)
    start = position if is_address and position.startswith(client.base_url) else ""
    return RestHistory(client, repository, tip, window, start)
