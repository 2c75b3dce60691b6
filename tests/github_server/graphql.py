"""GraphQL, executed by graphql-core over GitHub's published schema."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    VariableNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.github_server.repositories import Commit, Person, Repository, moment

SCHEMA = build_schema(
    (Path(__file__).parent / "data" / "schema.graphql").read_text(), assume_valid=True
)

MOST_NODES = 500_000


class Failure(Exception):
    """What GitHub gives up with; `kind` as its answer says it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Root:
    """What a query begins with."""

    def __init__(self, server: Any, quota: dict[str, Any]) -> None:
        self._server = server
        self.rateLimit = quota

    def repository(self, info: Any, owner: str, name: str, followRenames: bool = True) -> Any:
        found = self._server.find(f"{owner}/{name}")
        if found is None or (found.full_name != f"{owner}/{name}" and not followRenames):
            raise GraphQLError(
                f"Could not resolve to a Repository with the name '{owner}/{name}'.",
                extensions={"type": "NOT_FOUND"},
            )
        return _Repository(found, self._server)


class _Repository:
    def __init__(self, it: Repository, server: Any) -> None:
        self._it, self._server = it, server
        self.id, self.databaseId = f"R_{it.id}", it.id
        self.name, self.nameWithOwner = it.name, it.full_name
        self.isEmpty = not it.branches

    def defaultBranchRef(self, info: Any) -> Any:
        name = self._it.default_branch
        return self._ref(name) if name in self._it.branches else None

    def object(self, info: Any, oid: str | None = None, expression: str | None = None) -> Any:
        name = oid or (expression or "").removeprefix("refs/heads/")
        commit = self._it.commits.get(self._it.branches.get(name, name))
        return _Commit(self._it, commit, self._server) if commit else None

    def ref(self, info: Any, qualifiedName: str) -> Any:
        name = qualifiedName.removeprefix("refs/heads/")
        return self._ref(name) if name in self._it.branches else None

    def _ref(self, name: str) -> dict[str, Any]:
        tip = self._it.commits[self._it.branches[name]]
        commit = _Commit(self._it, tip, self._server)
        return {"id": name, "name": name, "prefix": "refs/heads/", "target": commit}


class _Commit:
    def __init__(self, it: Repository, commit: Commit, server: Any) -> None:
        self._it, self._commit, self._server = it, commit, server
        self.id, self.oid = f"C_{commit.oid}", commit.oid
        self.message = commit.message
        self.authoredDate, self.committedDate = moment(commit.authored), moment(commit.committed)
        self.changedFilesIfAvailable = commit.files
        self.deletions = commit.deletions
        self.author, self.committer = _actor(commit.author), _actor(commit.committer)

    def additions(self, info: Any) -> int:
        if self.oid in self._server.heavy:
            if self._server.heavy_form == "holes":
                raise GraphQLError("Something went wrong while executing your query.")
            raise Failure(self._server.heavy_form)
        return self._commit.additions

    def parents(self, info: Any, first: int | None = None, **_: Any) -> dict[str, Any]:
        nodes = [{"oid": oid} for oid in self._commit.parents[: _page(first)]]
        return {"totalCount": len(self._commit.parents), "nodes": nodes}

    def history(
        self,
        info: Any,
        first: int | None = None,
        after: str | None = None,
        since: str | None = None,
        until: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        number = _page(first)
        if number > self._server.largest_page:
            raise Failure("502")
        commits = [
            oid
            for oid in self._it.history(self.oid)
            if _within(self._it.commits[oid].committed, since, until)
        ]
        start = int(after.partition(" ")[2]) + 1 if after else 0
        if after and after.partition(" ")[0] != self.oid:
            raise GraphQLError(f"`{after}` does not appear to be a valid cursor.")
        page = commits[start : start + number]
        last = start + len(page) - 1
        return {
            "totalCount": len(commits),
            "pageInfo": {
                "hasNextPage": last + 1 < len(commits),
                "hasPreviousPage": start > 0,
                "endCursor": f"{self.oid} {last}" if page else None,
            },
            "nodes": [_Commit(self._it, self._it.commits[oid], self._server) for oid in page],
        }


def _within(seconds: int, since: str | None, until: str | None) -> bool:
    begin = datetime.fromisoformat(since).timestamp() if since else float("-inf")
    end = datetime.fromisoformat(until).timestamp() if until else float("inf")
    return begin <= seconds <= end


def _actor(person: Person | None) -> dict[str, Any] | None:
    if person is None:
        return None
    user = {"login": person.login, "id": person.login} if person.login else None
    return {"name": person.name, "email": person.email, "user": user}


def _page(number: int | None) -> int:
    if number is None:
        raise GraphQLError(
            "You must provide a `first` or `last` value to properly paginate the connection.",
            extensions={"type": "MISSING_PAGINATION_BOUNDARIES"},
        )
    if not 1 <= number <= 100:
        raise GraphQLError(
            f"Requesting {number} records exceeds the `first` limit of 100 records.",
            extensions={"type": "EXCESSIVE_PAGINATION"},
        )
    return number


def points(query: str, variables: dict[str, Any]) -> int:
    """Return what GitHub charges: the requests that the lists need, divided by 100."""
    document = parse(query)
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }

    def needed(selections: Any, times: int) -> int:
        total = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                total += needed(fragments[node.name.value].selection_set, times)
            elif isinstance(node, InlineFragmentNode):
                total += needed(node.selection_set, times)
            elif isinstance(node, FieldNode):
                first = [a.value for a in node.arguments or () if a.name.value in ("first", "last")]
                number = times
                if first:
                    total += times
                    value = first[0]
                    if isinstance(value, VariableNode):
                        number = times * int(variables.get(value.name.value) or 1)
                    elif isinstance(value, IntValueNode):
                        number = times * int(value.value)
                total += needed(node.selection_set, number)
        return total

    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return max(1, round(sum(needed(o.selection_set, 1) for o in operations) / 100))


def answer(server: Any, query: str, variables: dict[str, Any], quota: dict[str, Any]) -> Any:
    """Execute a query.

    Raises:
        Failure: the server is told that this is too much.
    """
    document = parse(query)
    if errors := validate(SCHEMA, document):
        return {"errors": [e.formatted for e in errors]}
    result = execute_sync(
        SCHEMA,
        document,
        root_value=Root(server, quota),
        variable_values=variables,
        type_resolver=lambda value, *_: "Commit",
    )
    for error in result.errors or ():
        if isinstance(error.original_error, Failure):
            raise error.original_error
    shown: dict[str, Any] = {"data": result.data}
    if result.errors:
        shown["errors"] = [_formatted(error) for error in result.errors]
    return shown


def _formatted(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    kind = (formatted.pop("extensions", None) or {}).get("type")
    return {"type": kind, **formatted} if kind else formatted
