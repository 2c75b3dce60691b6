"""Following: what is new arrives within seconds, and an idle look costs nothing."""

from __future__ import annotations

import pytest

from producer.refs import RefChoice
from producer.sources.base import RefPlace
from tests.github_server.repositories import generated
from tests.github_server.script import Fault
from tests.integration.github.reading import SHOP, Reading, read


@pytest.fixture
def known(server):
    return {SHOP: server.repositories[0].branches["main"]}


def follow(server, known, steps, **settings) -> Reading:
    """Follow; after each step's condition holds, do the step."""
    left = list(steps)

    def go_on(run: Reading) -> bool:
        if left and left[0][0](run):
            left.pop(0)[1]()
        return not left

    return Reading(server, known, follow=True, **settings).run(until=go_on)


def nothing() -> None:
    """End of the steps."""


def test_idle_looks_cost_no_quota_and_a_push_arrives(server, known):
    it = server.repositories[0]
    looks = "GET /repos/acme/shop/branches/main"
    before = {}

    def push() -> None:
        before["used"] = server.quota("test-token", "core").used
        before["new"] = it.commit("main")

    found = follow(
        server,
        known,
        [
            (lambda _: server.count(looks) > 12, push),
            (lambda run: run.ids, nothing),
        ],
    )

    # The repository, the branch by the plan and by the first look: the ten that followed are free.
    assert before["used"] == 3
    assert found.ids == [before["new"]]
    assert found.positions == {SHOP: before["new"]}
    assert server.quota("test-token", "graphql").used == 1


def test_a_force_push_is_followed_and_said(server, known):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    made = {}

    def force() -> None:
        it.branches["main"] = order[10]
        made["new"] = it.commit("main")

    found = follow(
        server,
        known,
        [(lambda _: server.count("branches/main") > 3, force), (lambda run: run.ids, nothing)],
    )
    assert found.ids == [made["new"]]
    assert found.heard("was rewritten")


def test_a_force_push_whose_old_commit_is_gone_reads_all_of_the_branch(server, known):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    it.branches["main"] = order[10]
    new = it.commit("main")
    found = read(server, {SHOP: "f" * 40})
    assert sorted(found.ids) == sorted(it.history(new))
    assert found.heard("the commit read last is gone")


@pytest.mark.parametrize("status", [301, 307])
def test_a_renamed_repository_is_followed_under_its_old_name(server, known, status):
    it = server.repositories[0]
    made = {}

    def rename() -> None:
        it.rename("other/store")
        if status != 301:
            server.faults = [
                Fault(
                    "/repos/acme/shop",
                    times=-1,
                    status=status,
                    headers={"location": f"{server.url}/repos/other/store/branches/main"},
                ),
            ]
            server.faults[0].match = "/repos/acme/shop/branches/main"
        made["new"] = it.commit("main")

    found = follow(
        server,
        known,
        [(lambda _: server.count("branches/main") > 3, rename), (lambda run: run.ids, nothing)],
    )
    assert [(r["repository"], r["commit_id"]) for r in found.records] == [
        ("acme/shop", made["new"])
    ]
    assert found.heard("acme/shop is other/store at GitHub now")
    assert found.positions == {SHOP: made["new"]}


def test_a_renamed_default_branch_goes_on_from_its_cursor(server, known):
    it = server.repositories[0]
    made = {}

    def rename() -> None:
        it.branches["trunk"] = it.branches.pop("main")
        it.former_branches["main"] = it.default_branch = "trunk"
        made["new"] = it.commit("trunk")

    found = follow(
        server,
        known,
        [(lambda _: server.count("branches/main") > 3, rename), (lambda run: run.ids, nothing)],
    )
    assert found.ids == [made["new"]]
    assert found.heard("the default branch is trunk now")
    assert found.positions == {RefPlace("github", "acme/shop", "refs/heads/trunk"): made["new"]}


def test_an_empty_repository_is_waited_for_at_no_cost(server):
    it = generated("acme/empty", 0, 2)
    server.repositories.append(it)
    looks = "GET /repos/acme/empty$"
    made, before = {}, {}

    def push() -> None:
        before["used"] = server.quota("test-token", "core").used
        made["first"] = it.commit("main")

    found = follow(
        server,
        {},
        [(lambda _: server.count(looks) > 12, push), (lambda run: run.ids, nothing)],
        repositories=("acme/empty",),
    )
    assert found.ids == [made["first"]]
    assert before["used"] <= 5


def test_every_branch_is_followed_new_ones_too(server):
    it = server.repositories[0]
    known = read(server, choice=RefChoice(branches=True)).positions
    made = {}

    def branch() -> None:
        it.branches["topic"] = it.branches["main"]
        made["topic"] = it.commit("topic")
        made["queue"] = it.commit("gh-readonly-queue/main/pr-1", parents=())

    found = follow(
        server,
        known,
        [(lambda _: server.count("/branches") > 4, branch), (lambda run: run.ids, nothing)],
        choice=RefChoice(branches=True),
    )
    assert found.ids == [made["topic"]]


def test_more_than_a_page_of_branches_costs_nothing_when_idle(server):
    it = server.repositories[0]
    it.branches |= {f"b{n:03}": it.branches["main"] for n in range(250)}
    known = read(server, choice=RefChoice(branches=True)).positions
    used, made = {}, {}

    def push() -> None:
        used["core"] = server.quota("test-token", "core").used
        made["new"] = it.commit("b249")

    before = server.quota("test-token", "core").used
    start = server.count("/branches")
    found = follow(
        server,
        known,
        [(lambda _: server.count("/branches") - start > 30, push), (lambda run: run.ids, nothing)],
        choice=RefChoice(branches=True),
    )
    assert found.ids == [made["new"]]
    # The repository, three pages by the plan, three by the first look.
    assert used["core"] - before <= 7


def test_failures_never_end_a_run_that_follows(server, known):
    it = server.repositories[0]
    made = {}

    def fail_then_push() -> None:
        server.faults = [Fault("/repos|/graphql", times=200, status=500, body={"message": "?"})]
        made["new"] = it.commit("main")

    found = follow(
        server,
        known,
        [
            (lambda _: server.count("branches/main") > 3, fail_then_push),
            (lambda run: run.ids, nothing),
        ],
    )
    assert found.ids == [made["new"]]
    assert found.heard("answers again")


def test_a_push_whose_range_could_not_be_had_is_not_forgotten(server, known, monkeypatch):
    monkeypatch.setattr("producer.sources.github.REFUSED_SECONDS", 0.0)
    it = server.repositories[0]
    made = {}

    def push() -> None:
        server.faults = [
            Fault("/compare/", times=2, status=403, body={"message": "Resource not accessible"})
        ]
        made["new"] = it.commit("main")

    found = follow(
        server,
        known,
        [(lambda _: server.count("branches/main") > 3, push), (lambda run: run.ids, nothing)],
    )
    assert found.ids == [made["new"]]
    assert found.heard("acme/shop can be read again")


def test_a_new_repository_of_the_organisation_is_found(server, known, monkeypatch):
    monkeypatch.setattr("producer.sources.github.DISCOVER_SECONDS", 0.1)
    made = {}

    def create() -> None:
        it = generated("acme/young", 0, 9)
        made["first"] = it.commit("main")
        server.repositories.append(it)

    found = follow(
        server,
        known,
        [(lambda _: server.count("branches/main") > 5, create), (lambda run: run.ids, nothing)],
        repositories=(),
        organisations=("acme",),
    )
    assert found.ids == [made["first"]]
    assert found.heard("acme/young is new")


def test_githubs_own_interval_is_kept(server, known):
    server.poll_seconds = 1
    found = follow(server, known, [(lambda _: server.count("branches/main") > 3, nothing)])
    assert found.ids == []
    # Within the second after each look, no other one was sent.
    assert server.count("branches/main") == 4
