"""The GitHub source: its history, its cursors, its branches, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contractline.errors import ContractlineError
from producer.commit import micros
from producer.github.window import Window
from producer.refs import RefChoice
from producer.sources.base import RefPlace
from tests.github_server.repositories import Person, from_git, generated
from tests.github_server.script import Fault
from tests.integration.github.reading import SHOP, Reading, read
from tests.integration.producer.repositories import git, odd_repository

ALL = RefChoice(branches=True)


def test_a_history_comes_whole_with_line_counts_for_a_point_each_100_commits(server):
    it = server.repositories[0]
    found = read(server)

    main = it.history(it.branches["main"])
    assert sorted(found.ids) == sorted(main)
    for record in found.records:
        commit = it.commits[record["commit_id"]]
        assert record["repository"] == "acme/shop"
        assert record["commit_message"] == commit.message
        assert record["author_login"] == commit.author.login
        assert record["parents"] == list(commit.parents)
        assert (record["additions"], record["deletions"], record["changed_files"]) == (
            commit.additions,
            commit.deletions,
            commit.files,
        )
        assert record["committed_at"] == micros(commit.committed)
        assert record["authored_at"] == micros(commit.authored)
    assert found.positions[SHOP] == it.branches["main"]
    assert found.source.expected == len(main)
    # One point to count, one for each 100 commits; a handful of calls and none for a commit.
    assert server.quota("test-token", "graphql").used == 1 + -(-len(main) // 100)
    assert server.quota("test-token", "core").used == 2
    assert server.count("/commits/") == 0


def test_other_branches_are_not_counted_unless_wanted(server):
    it = server.repositories[0]
    main, side = (it.reachable(it.branches[name]) for name in ("main", "side"))
    lonely = it.commit("lonely", parents=())
    assert set(read(server).ids) == main
    assert set(read(server, choice=RefChoice(("side",))).ids) == side

    everything = read(server, choice=ALL)
    assert sorted(everything.ids) == sorted(main | side | {lonely})
    refs = {place.ref for place in everything.positions if "unfinished" not in place.ref}
    assert refs == {"refs/heads/main", "refs/heads/side", "refs/heads/lonely"}
    assert everything.heard("it has a history of its own")


def test_a_second_run_reads_what_is_new_and_costs_little(server):
    it = server.repositories[0]
    first = read(server)
    before = len(server.requests)
    assert read(server, first.positions).ids == []
    assert len(server.requests) - before == 3  # the quota, the repository, the branch

    new = it.commit("main")
    second = read(server, first.positions)
    assert second.ids == [new]
    assert second.positions == {SHOP: new}
    assert len(read(server, first.positions, again=True).ids) > 300


@pytest.mark.parametrize("tokens", [("test-token",), ()])
def test_a_run_that_was_cut_goes_on_without_repeating_or_missing(server, tokens):
    it = server.repositories[0]
    everything = it.history(it.branches["main"])
    first = Reading(server, tokens=tokens).run(until=lambda run: len(run.ids) >= 100)
    assert len(first.ids) == 100
    assert SHOP not in first.positions

    new = it.commit("main")
    second = read(server, first.positions, tokens=tokens)

    assert second.heard("going on where a run stopped")
    assert sorted(first.ids + second.ids) == sorted([*everything, new])
    assert second.positions[SHOP] == new


def test_a_position_that_github_does_not_know_any_more_starts_again(server):
    unfinished = RefPlace(SHOP.source, SHOP.repository, f"{SHOP.ref} unfinished")
    tip = server.repositories[0].branches["main"]
    for position in (f"{'f' * 40} {'f' * 40} 99", f"{tip} nonsense 9", f"{tip} http://x/?page=2"):
        found = read(server, {unfinished: position})
        assert len(set(found.ids)) == len(server.repositories[0].history(tip))
        assert found.positions[SHOP] == tip


def test_a_window_has_cursors_of_its_own(server):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    since = datetime.fromtimestamp(it.commits[order[50]].committed, UTC)
    expected = {o for o in order if it.commits[o].committed >= since.timestamp()}

    found = read(server, window=Window(since=since))
    assert set(found.ids) == expected
    assert SHOP not in found.positions

    new = it.commit("main")  # its date is earlier or later than the window: the server's clock
    second = read(server, found.positions, window=Window(since=since))
    is_inside = it.commits[new].committed >= since.timestamp()
    assert second.ids == ([new] if is_inside else [])
    assert len(read(server, found.positions).ids) == len(order) + 1

    until = read(server, window=Window(until=since))
    assert set(until.ids) == {
        o for o in [*order, new] if it.commits[o].committed <= since.timestamp()
    }


def test_without_a_token_rest_gives_the_same_commits_without_line_counts(server):
    rich, poor = read(server), read(server, tokens=())
    left_out = {"additions", "deletions", "changed_files", "produced_at"}
    shown = [
        {r["commit_id"]: {n: v for n, v in r.items() if n not in left_out} for r in run.records}
        for run in (rich, poor)
    ]
    assert shown[0] == shown[1]
    assert {r["additions"] for r in poor.records} == {None}
    assert server.count("/graphql") == 5
    assert poor.heard("REST calls, without line counts")
    assert poor.heard("cheapest and richest without a token: --clone")


def test_lists_that_go_on_by_a_cursor_are_followed(server):
    server.cursor_links = True
    it = server.repositories[0]
    found = read(server, tokens=())
    assert sorted(found.ids) == sorted(it.history(it.branches["main"]))


def test_an_organisation_is_read_without_its_forks(server):
    server.repositories += [generated(f"acme/r{n:03}", 2, n + 10) for n in range(120)]
    found = read(server, repositories=(), organisations=("acme",))
    assert len({r["repository"] for r in found.records}) == 121


def test_the_plan_alone_reads_nothing(server):
    found = read(server, plan_only=True)
    assert found.batches == []
    [plan] = found.said
    assert "acme/shop refs/heads/main: " in plan
    assert "GraphQL points (0.1% of an hour's quota)" in plan
    assert "cheapest: --clone" in plan
    assert server.count("/graphql") == 1


def test_one_repository_that_can_not_be_read_does_not_end_the_others(server):
    hidden = generated("acme/hidden", 3, 2)
    hidden.hidden = True
    server.repositories.append(hidden)
    run = Reading(server, repositories=("acme/hidden", "acme/shop"))
    with pytest.raises(ContractlineError, match="acme/hidden: not found, or hidden") as problem:
        run.run()
    assert "spelled right" in problem.value.hint
    assert len(run.ids) > 300
    assert SHOP in run.positions


def test_an_empty_repository_is_nothing_to_read(server):
    server.repositories.append(generated("acme/empty", 0, 2))
    found = read(server, repositories=("acme/empty",))
    assert found.ids == []
    assert found.heard("acme/empty: no commits yet")


def test_a_branch_that_is_not_there_is_an_error(server):
    with pytest.raises(ContractlineError, match="acme/shop branch nope: not found"):
        read(server, choice=RefChoice(("nope",)))


def test_odd_commits_arrive(server):
    it = generated("acme/odd", 0, 2)
    nobody = it.commit("main", author=None, committer=None, message="")
    unnamed = it.commit("main", author=Person(None, None), committer=Person("", ""))
    old = it.commit("main", committed=-86_400, authored=-86_400)
    long = it.commit("main", message="x" * 200_000)
    unicode = it.commit("main", message="日本語 😀\n\nCo-authored-by: Zoë <z@x.org>\n\n")
    parents = [it.commit(f"p{n}", parents=()) for n in range(120)]
    octopus = it.commit("main", parents=(unicode, *parents))
    server.repositories.append(it)

    found = {r["commit_id"]: r for r in read(server, repositories=("acme/odd",)).records}

    assert set(found) == {nobody, unnamed, old, long, unicode, octopus, *parents}
    assert (found[nobody]["author"], found[nobody]["commit_message"]) == ("", "")
    assert found[unnamed]["author_email"] == ""
    assert found[old]["committed_at"] == -86_400_000_000
    assert len(found[long]["commit_message"]) == 200_000
    assert found[unicode]["co_authors"] == ["Zoë <z@x.org>"]
    assert found[octopus]["parents"] == [unicode, *parents]


def test_git_and_github_give_one_row_for_a_commit(server, tmp_path):
    from tests.integration.producer.test_git_source import read as read_git

    odd = odd_repository(tmp_path / "odd")
    server.repositories.append(from_git(odd.path, "test/repo", 2))
    identity = ("repository", "commit_id", "committed_at", "commit_message")
    by_git = read_git(odd.path)
    for tokens in (("test-token",), ()):
        by_api = read(server, repositories=("test/repo",), tokens=tokens)
        rows = [
            {tuple(record[name] for name in identity) for record in records}
            for records in (by_api.records, [r for b in by_git.batches for r in b.records])
        ]
        assert rows[0] == rows[1]
    counted = read(server, repositories=("test/repo",)).records
    same = ("additions", "deletions", "changed_files", "parents", "co_authors", "authored_at")
    known = {r["commit_id"]: r for b in by_git.batches for r in b.records}
    assert [
        (r["commit_id"], name, r[name], known[r["commit_id"]][name])
        for r in counted
        for name in same
        if r[name] != known[r["commit_id"]][name]
        # GitHub has a date for every commit, also where git can't read it.
        and not (name == "authored_at" and known[r["commit_id"]][name] is None)
    ] == []


def test_git_can_read_the_history_and_the_api_what_is_new(server, tmp_path):
    path = tmp_path / "repo"
    git_repository = odd_repository(path)
    (path / ".git" / "info" / "grafts").unlink()  # git refuses to fetch from such a clone
    server.repositories.append(from_git(path, "test/repo", 2))
    settings = {"repositories": ("test/repo",), "clone": True, "clones": tmp_path / "clones"}
    place = RefPlace("github", "test/repo", "refs/heads/main")

    found = read(server, **settings)

    assert set(found.ids) == set(git(path, "rev-list", "main").split())
    assert {r["source"] for r in found.records} == {"git"}
    assert found.positions[place] == git_repository.tip("main")
    assert server.quota("test-token", "graphql").used <= 1
    assert found.heard("by git: ")
    new = git_repository.commit("new\n")
    server.repositories[-1] = from_git(path, "test/repo", 2)
    assert [
        (r["commit_id"], r["source"]) for r in read(server, found.positions, **settings).records
    ] == [(new, "git")]
    second = read(server, found.positions, repositories=("test/repo",))
    assert [(r["commit_id"], r["source"]) for r in second.records] == [(new, "github")]


def test_a_token_that_graphql_refuses_goes_on_by_rest(server):
    server.faults.append(
        Fault(
            "/graphql", times=-1, status=403, body={"message": "Resource not accessible by token"}
        )
    )
    found = read(server)
    assert len(found.ids) > 300
    assert found.heard("GraphQL can't be used")
    assert {r["additions"] for r in found.records} == {None}


def test_a_repository_can_have_another_name_in_the_records(server):
    found = read(server, repositories=("acme/shop=old/name",))
    assert {r["repository"] for r in found.records} == {"old/name"}
    assert RefPlace("github", "old/name", "refs/heads/main") in found.positions
