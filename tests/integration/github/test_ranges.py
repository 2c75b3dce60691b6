"""What is new between two commits, against an answer computed from the server's own graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from producer.commit import Record
from producer.github.client import finish
from producer.github.ranges import RangeUnknown, RefRelation, fetch_range
from producer.github.target import look_up
from tests.github_server.repositories import Repository


def shown(records: Sequence[Record]) -> dict[str, Any]:
    return {r["commit_id"]: (r["additions"], r["commit_message"], r["parents"]) for r in records}


def expected(repository: Repository, head: str, base: str) -> dict[str, Any]:
    oids = repository.history(head, without=repository.reachable(base))
    commits = [repository.commits[oid] for oid in oids]
    return {c.oid: (c.additions, c.message, list(c.parents)) for c in commits}


def test_a_range_is_exactly_what_is_new_with_few_calls(server, client):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    repository = finish(look_up(client, "acme/shop"))

    found = finish(fetch_range(client, repository, order[250], order[0], print))

    assert found.relation is RefRelation.AHEAD
    assert shown(found.records) == expected(it, order[0], order[250])
    parents_first: set[str] = set()
    new = set(expected(it, order[0], order[250]))
    for record in found.records:
        assert set(record["parents"]) & new <= parents_first
        parents_first.add(record["commit_id"])
    # Not one call a commit: 250 commits in three comparisons and three queries.
    assert (server.count("/compare/"), server.count("/graphql")) == (3, 3)
    assert client.points == 3


@pytest.mark.parametrize("most", [250, 100, 17])
def test_a_comparison_that_lists_only_some_is_completed(server, client, most):
    server.compare_most = most
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    repository = finish(look_up(client, "acme/shop"))
    found = finish(fetch_range(client, repository, order[300], order[0], print))
    assert shown(found.records) == expected(it, order[0], order[300])


def test_a_rewritten_branch_gives_what_is_new_in_it(server, client):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    it.branches["side"] = order[20]
    rewritten = it.commit("side")
    repository = finish(look_up(client, "acme/shop"))
    found = finish(fetch_range(client, repository, order[0], rewritten, print))
    assert found.relation is RefRelation.DIVERGED
    assert set(shown(found.records)) == {rewritten}
    back = finish(fetch_range(client, repository, order[0], order[20], print))
    assert (back.relation, back.records) == (RefRelation.BEHIND, [])


def test_a_commit_that_is_gone_can_not_be_compared(server, client):
    repository = finish(look_up(client, "acme/shop"))
    tip = server.repositories[0].branches["main"]
    with pytest.raises(RangeUnknown, match="not found"):
        finish(fetch_range(client, repository, "f" * 40, tip, print))


def test_without_a_token_there_are_no_line_counts(server, make_client):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    nobody = make_client()
    repository = finish(look_up(nobody, "acme/shop"))
    found = finish(fetch_range(nobody, repository, order[5], order[0], print))
    assert set(shown(found.records)) == set(expected(it, order[0], order[5]))
    assert {r["additions"] for r in found.records} == {None}
    assert server.count("/graphql") == 0
