"""The git source without Kafka: what is new, where the cursors are, and what is said."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from contractline.errors import SettingInvalid
from producer.git import history
from producer.git.command import GitFailed
from producer.git.refs import NoSuchRef
from producer.refs import RefChoice
from producer.sources.base import Batch, RefPlace
from producer.sources.git import GitSettings, GitSource
from tests.integration.producer.repositories import Repository, git, odd_repository

MAIN = RefPlace("git", "test/repo", "refs/heads/main")


class Reading:
    """One run of a source: what it gave, said and would save."""

    def __init__(self, path: Path | str, known: Mapping[RefPlace, str], **settings: Any) -> None:
        clones = settings.pop("clones", Path("/nonexistent"))
        name = settings.pop("name", "test/repo")
        self.said: list[str] = []
        self.batches: list[Batch] = []
        self.stop = threading.Event()
        wanted = GitSettings(str(path), clones, name, **settings)
        self.source = GitSource(wanted, self.said.append)
        self._known = known

    def run(self, until: Callable[[Reading], bool] = lambda _: False, limit: float = 20) -> Reading:
        end = time.monotonic() + limit
        for batch in self.source.batches(self._known, self.stop):
            self.batches.append(batch)
            if until(self):
                self.stop.set()
            assert time.monotonic() < end, "the source did not come to what was waited for"
        return self

    @property
    def ids(self) -> list[str]:
        return [r["commit_id"] for batch in self.batches for r in batch.records]

    @property
    def positions(self) -> dict[RefPlace, str]:
        found: dict[RefPlace, str] = {}
        for batch in self.batches:
            found.update(batch.positions)
        return found


def read(path: Path | str, known: Mapping[RefPlace, str] | None = None, **settings: Any) -> Reading:
    return Reading(path, known or {}, **settings).run()


def commits(path: Path, *revisions: str) -> set[str]:
    return set(git(path, "rev-list", *revisions).split())


@pytest.fixture
def repo(tmp_path) -> Repository:
    repo = Repository.make(tmp_path / "repo")
    for number in range(5):
        repo.write("a", b"line\n" * (number + 1))
        repo.commit(f"{number}\n")
    return repo


def test_a_second_run_gives_only_what_is_new(repo):
    first = read(repo.path)
    assert set(first.ids) == commits(repo.path, "main")
    assert first.positions == {MAIN: repo.tip("main")}
    assert first.source.expected == 5

    assert read(repo.path, first.positions).batches == []

    new = repo.commit("new\n")
    second = read(repo.path, first.positions)
    assert second.ids == [new]
    assert second.positions == {MAIN: new}
    assert len(read(repo.path, first.positions, again=True).ids) == 6


def test_cursors_of_others_are_not_ours(repo):
    tip = repo.tip("main")
    others = {
        RefPlace("git", "test/other", MAIN.ref): tip,
        RefPlace("github", MAIN.repository, MAIN.ref): tip,
    }
    assert len(read(repo.path, others).ids) == 5


def test_another_branch_gives_what_the_first_did_not(repo):
    known = read(repo.path).positions
    side = repo.commit("side\n", branch="side", parents=[repo.tip("main")])
    found = read(repo.path, known, choice=RefChoice(("side",)))
    assert found.ids == [side]
    assert found.positions == {RefPlace("git", "test/repo", "refs/heads/side"): side}


def test_a_force_push_sends_what_is_new_and_says_so(repo):
    known = read(repo.path).positions
    base = git(repo.path, "rev-parse", "main~2")
    rewritten = repo.commit("rewritten\n", parents=[base])

    found = read(repo.path, known)

    assert found.ids == [rewritten]
    assert found.positions == {MAIN: rewritten}
    assert any("was rewritten" in words for words in found.said)
    marks = {m["commit_id"]: m for batch in found.batches for m in batch.unreachable}
    assert set(marks) == commits(repo.path, known[MAIN], "^main")
    assert len(marks) == 2
    mark = marks[known[MAIN]]
    assert (mark["before"], mark["after"], mark["ref"]) == (known[MAIN], rewritten, MAIN.ref)

    # What another branch that is read still holds was not left behind.
    git(repo.path, "branch", "keeps", known[MAIN])
    everything = read(repo.path, known, choice=RefChoice(branches=True))
    assert not [m for batch in everything.batches for m in batch.unreachable]


def test_a_cursor_whose_commit_is_gone_reads_everything_again(repo):
    known = {MAIN: "f" * 40}
    found = read(repo.path, known)
    assert set(found.ids) == commits(repo.path, "main")
    assert any("is gone" in words for words in found.said)


def test_positions_on_the_way_never_skip_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "STRETCH", 2)
    odd = odd_repository(tmp_path / "odd")
    everything = commits(odd.path, "main")
    whole = read(odd.path)
    given: set[str] = set()
    on_the_way = 0
    for batch in whole.batches:
        given |= {r["commit_id"] for r in batch.records}
        for position in batch.positions.values():
            on_the_way += 1
            rest = read(odd.path, {MAIN: position})
            assert given | set(rest.ids) == everything
            assert rest.positions.get(MAIN, position) == odd.tip("main")
    assert on_the_way > 5


def test_all_refs_are_those_of_git(tmp_path):
    odd = odd_repository(tmp_path / "odd")
    found = read(odd.path, choice=RefChoice(all=True))
    assert set(found.ids) == commits(odd.path, "--exclude=refs/replace/*", "--all")
    assert len(found.ids) == len(set(found.ids))
    refs = {place.ref for place in found.positions}
    assert {"refs/heads/main", "refs/heads/x", "refs/tags/annotated", "refs/tags/tag-of-tag"} < refs
    assert not any(ref.startswith("refs/replace/") for ref in refs)
    assert "refs/tags/of-a-tree" not in refs
    assert read(odd.path, found.positions, choice=RefChoice(all=True)).ids == []


def test_several_refs(tmp_path):
    odd = odd_repository(tmp_path / "odd")
    found = read(odd.path, choice=RefChoice(("x", "refs/tags/annotated", odd.tip("y"))))
    assert set(found.ids) == commits(odd.path, "x", "y", "annotated")
    assert {place.ref for place in found.positions} == {
        "refs/heads/x",
        "refs/tags/annotated",
        odd.tip("y"),
    }


def test_a_ref_that_is_not_there_is_an_error_that_names_some(repo):
    with pytest.raises(NoSuchRef) as problem:
        read(repo.path, choice=RefChoice(("nowhere",)))
    assert "it has main" in problem.value.hint
    for wrong in ("--all", "main..main", "HEAD^9", "-x"):
        with pytest.raises((NoSuchRef, GitFailed)):
            read(repo.path, choice=RefChoice((wrong,)))


def test_an_empty_repository_has_nothing_and_its_first_commit_is_waited_for(tmp_path):
    empty = Repository.make(tmp_path / "empty")
    found = read(empty.path)
    assert (found.ids, found.positions) == ([], {})
    assert any("no commits yet" in words for words in found.said)

    reading = Reading(empty.path, {}, follow=True, poll_seconds=0.1)
    first: list[str] = []

    def until(reading: Reading) -> bool:
        if not first:
            empty.write("a", b"1\n")
            first.append(empty.commit("first\n"))
        return bool(reading.positions)

    assert reading.run(until).ids == first


def test_a_detached_head_has_a_cursor_of_its_own(repo):
    git(repo.path, "update-ref", "--no-deref", "HEAD", repo.tip("main"))
    found = read(repo.path)
    assert len(found.ids) == 5
    assert found.positions == {RefPlace("git", "test/repo", "HEAD"): repo.tip("main")}


def test_bare_worktree_and_subfolder_are_the_same_repository(repo, tmp_path):
    bare, tree = tmp_path / "bare.git", tmp_path / "tree"
    git(tmp_path, "clone", "-q", "--bare", str(repo.path), str(bare))
    git(repo.path, "worktree", "add", "-q", "-b", "other", str(tree), "main")
    inside = tree / "inside"
    inside.mkdir()

    assert read(bare).ids == read(repo.path).ids == read(tree).ids == read(inside).ids
    assert read(tree).positions == {
        RefPlace("git", "test/repo", "refs/heads/other"): repo.tip("main")
    }


def test_following_gives_a_new_commit_soon(repo):
    reading = Reading(repo.path, read(repo.path).positions, follow=True, poll_seconds=0.2)
    made: dict[str, float] = {}

    def until(reading: Reading) -> bool:
        if not made and len(reading.batches) > 3:
            made[repo.commit("while following\n")] = time.monotonic()
        return bool(made) and bool(reading.positions)

    reading.run(until)
    assert reading.ids == list(made)
    assert time.monotonic() - next(iter(made.values())) < 2


def test_following_goes_on_after_a_force_push_and_a_branch_change(repo):
    reading = Reading(repo.path, {}, follow=True, poll_seconds=0.05)
    changes: list[Callable[[], str]] = [
        lambda: repo.commit("rewritten\n", parents=[git(repo.path, "rev-parse", "main~1")]),
        lambda: repo.commit("elsewhere\n", branch="b", parents=[repo.tip("main")]),
        lambda: git(repo.path, "symbolic-ref", "HEAD", "refs/heads/b"),
    ]
    steps = iter(changes)

    def until(reading: Reading) -> bool:
        if not reading.batches[-1].records and not reading.batches[-1].positions:
            step = next(steps, None)
            if step is None:
                return len(reading.ids) == 7
            step()
        return False

    found = reading.run(until)
    assert set(found.ids) >= commits(repo.path, "main", "b")
    assert RefPlace("git", "test/repo", "refs/heads/b") in found.positions


def test_a_url_is_cloned_once_and_fetched_after(repo, tmp_path):
    url, clones = f"file://{repo.path}", tmp_path / "clones"
    first = read(url, clones=clones)
    assert set(first.ids) == commits(repo.path, "main")
    [clone] = clones.iterdir()
    assert git(clone, "rev-parse", "--is-bare-repository") == "true"

    new = repo.commit("new\n")
    git(repo.path, "tag", "v1", new)
    second = read(url, first.positions, clones=clones)
    assert second.ids == [new]
    assert list(clones.iterdir()) == [clone]
    assert git(clone, "tag", "--list") == "v1"
    assert any(words.startswith("fetched file://") for words in second.said)


def test_a_url_s_default_branch_is_followed(repo, tmp_path):
    url, clones = f"file://{repo.path}", tmp_path / "clones"
    known = read(url, clones=clones).positions
    other = repo.commit("other\n", branch="trunk", parents=[repo.tip("main")])
    git(repo.path, "symbolic-ref", "HEAD", "refs/heads/trunk")
    git(repo.path, "update-ref", "-d", "refs/heads/main")

    found = read(url, known, clones=clones)

    assert found.ids == [other]
    assert found.positions == {RefPlace("git", "test/repo", "refs/heads/trunk"): other}


def test_a_url_that_was_rewritten_is_fetched_by_force(repo, tmp_path):
    url, clones = f"file://{repo.path}", tmp_path / "clones"
    known = read(url, clones=clones).positions
    rewritten = repo.commit("rewritten\n", parents=[git(repo.path, "rev-parse", "main~3")])
    assert read(url, known, clones=clones).ids == [rewritten]


def test_an_empty_url_has_nothing(tmp_path):
    Repository.make(tmp_path / "empty")
    assert read(f"file://{tmp_path}/empty", clones=tmp_path / "clones").ids == []


def test_a_url_that_is_not_there_is_an_error_without_the_password(tmp_path):
    with pytest.raises(GitFailed) as problem:
        read("https://me:s3cret@127.0.0.1:9/a/b.git", clones=tmp_path / "clones")
    assert "s3cret" not in str(problem.value) + problem.value.hint
    assert "https://me:***@127.0.0.1:9/a/b.git" in str(problem.value)
    config = next((tmp_path / "clones").iterdir()) / "config"
    assert "s3cret" not in config.read_text()


def test_following_waits_for_a_remote_that_is_away(repo, tmp_path):
    url, clones = f"file://{repo.path}", tmp_path / "clones"
    reading = Reading(url, {}, clones=clones, follow=True, poll_seconds=0.1)
    hidden = tmp_path / "hidden"
    outage: list[str] = []

    def until(reading: Reading) -> bool:
        if not outage and reading.positions:
            outage.append("began")
            repo.path.rename(hidden)
        if outage == ["began"] and any("trying again" in words for words in reading.said):
            outage.append("over")
            hidden.rename(repo.path)
            repo.commit("after the outage\n")
        return len(reading.ids) == 6

    reading.run(until)
    assert len(reading.ids) == 6


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/pallets/flask.git", "pallets/flask"),
        ("https://user:token@github.com/pallets/flask", "pallets/flask"),
        ("git@github.com:pallets/flask.git", "pallets/flask"),
        ("ssh://git@gitlab.example.org:2222/group/sub/tool.git/", "group/sub/tool"),
    ],
)
def test_the_name_comes_from_the_remote(repo, remote, name):
    git(repo.path, "remote", "add", "origin", remote)
    found = read(repo.path, name=None)
    assert found.source.repository == name
    assert not found.said


def test_without_a_remote_the_folder_names_it_with_a_warning(repo, tmp_path):
    assert read(repo.path, name=None).source.repository == "repo"
    bare = tmp_path / "some.git"
    git(tmp_path, "clone", "-q", "--bare", str(repo.path), str(bare))
    found = read(bare, name=None)
    assert found.source.repository == "some"
    assert "--name owner/name" in found.said[0]


def test_a_shallow_clone_is_said(repo, tmp_path):
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{repo.path}", str(clone))
    found = read(clone)
    assert len(found.ids) == 2
    assert any("shallow" in words and "--again" in words for words in found.said)

    git(clone, "fetch", "-q", "--unshallow")
    assert read(clone, found.positions).ids == []
    assert len(read(clone, found.positions, again=True).ids) == 5


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingInvalid, match="neither a folder nor a URL"):
        Reading(tmp_path / "nowhere", {})


def test_a_copy_that_was_broken_off_is_finished(repo, tmp_path):
    url, clones = f"file://{repo.path}", tmp_path / "clones"
    read(url, clones=clones)
    [clone] = clones.iterdir()
    shutil.rmtree(clone / "objects")
    (clone / "packed-refs").unlink(missing_ok=True)
    shutil.rmtree(clone / "refs")
    (clone / "refs").mkdir()
    (clone / "objects").mkdir()
    assert len(read(url, clones=clones).ids) == 5


# Partial clones


def partial(repo: Repository, path: Path, *options: str) -> Path:
    # A remote with grafts gives a clone only what they leave of its history.
    (repo.path / ".git" / "info" / "grafts").unlink(missing_ok=True)
    git(repo.path, "config", "uploadpack.allowFilter", "true")
    git(repo.path, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(path.parent, "clone", "-q", *options, f"file://{repo.path}", str(path))
    return path


def snapshot(path: Path) -> dict[str, tuple[int, int]]:
    """Every file of a clone, with its size and time."""
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def records(path: Path, clones: Path) -> list[dict[str, Any]]:
    reading = read(path, clones=clones)
    return [
        {name: value for name, value in record.items() if name != "produced_at"}
        for batch in reading.batches
        for record in batch.records
    ]


@pytest.mark.parametrize(
    "options",
    [
        ("--filter=blob:none",),
        ("--filter=blob:none", "--no-checkout"),
        ("--filter=blob:none", "--bare"),
        ("--filter=tree:0", "--no-checkout"),
        ("--filter=blob:none", "--depth=3"),
    ],
    ids=" ".join,
)
def test_a_partial_clone_stays_as_it_is_and_its_lines_are_counted(repo, tmp_path, options):
    # git can't clone a tag of a tree without trees.
    odd = repo if "--filter=tree:0" in options else odd_repository(tmp_path / "odd")
    clone = partial(odd, tmp_path / "partial", *options)
    whole = [option for option in options if not option.startswith("--filter")]
    before = snapshot(clone)

    found = records(clone, tmp_path / "clones")

    assert snapshot(clone) == before
    assert found == records(partial(odd, tmp_path / "whole", *whole), tmp_path / "clones")
    assert any(record["additions"] for record in found)


def test_a_partial_clone_is_followed(repo, tmp_path):
    clone = partial(repo, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    clones = tmp_path / "clones"
    first = read(clone, clones=clones)
    assert any("fetching the 5 objects that it lacks" in said for said in first.said)
    repo.write("a", b"other\n")
    repo.commit("more\n")
    git(clone, "fetch", "-q")
    git(clone, "update-ref", "refs/heads/main", "refs/remotes/origin/main")

    second = read(clone, first.positions, clones=clones)

    assert second.ids == [repo.tip("main")]
    assert any("fetching the 1 objects that it lacks" in said for said in second.said)
    assert read(clone, second.positions, clones=clones).said == []


def test_a_partial_clone_without_its_remote_says_what_to_do(repo, tmp_path):
    clone = partial(repo, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    before = snapshot(clone)
    shutil.move(repo.path, tmp_path / "away")

    with pytest.raises(GitFailed) as failed:
        read(clone, clones=tmp_path / "clones")

    assert "the clone is partial, and only file://" in failed.value.hint
    assert "run again when it can be reached, or give a whole clone" in failed.value.hint
    assert snapshot(clone) == before

    shutil.move(tmp_path / "away", repo.path)
    assert len(read(clone, clones=tmp_path / "clones").ids) == 5
    shutil.move(repo.path, tmp_path / "away")
    assert len(read(clone, clones=tmp_path / "clones").ids) == 5


def test_a_commit_that_a_partial_clone_has_lost_is_not_fetched(repo, tmp_path):
    """A cursor may name one; asking for it must not bring it into the clone."""
    clone = partial(repo, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    lost = repo.commit("never cloned\n", branch="elsewhere")
    before = snapshot(clone)

    reading = read(clone, {MAIN: lost}, clones=tmp_path / "clones")

    assert len(reading.ids) == 5
    assert any("is gone" in said for said in reading.said)
    assert snapshot(clone) == before
