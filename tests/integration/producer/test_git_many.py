"""Many git repositories in one process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from contractline.errors import ContractlineError
from producer.git.command import Git
from producer.git.watch import RefsWatch
from producer.sources.base import Batch, RefPlace
from producer.sources.git import GitSettings, GitSource
from producer.sources.git_many import GitRepositories
from tests.integration.producer.repositories import Repository, git

Until = Callable[[list[Batch]], bool]


class Reading:
    """Repositories of a folder, read in one go or followed."""

    def __init__(self, folder: Path, paths: list[str], **settings: object) -> None:
        self.said: list[str] = []
        self.batches: list[Batch] = []
        self.stop = threading.Event()
        follow = bool(settings.get("follow"))
        sources = [
            GitSource(GitSettings(path, folder / "clones", **settings), self.said.append)  # type: ignore[arg-type]
            for path in paths
        ]
        self.source = GitRepositories(sources, follow=follow, say=self.said.append)

    def run(self, known: dict[RefPlace, str] | None = None, until: Until = lambda _: False) -> None:
        end = time.monotonic() + 60
        for batch in self.source.batches(known or {}, self.stop):
            self.batches.append(batch)
            if until(self.batches):
                self.stop.set()
            assert time.monotonic() < end

    @property
    def ids(self) -> set[tuple[str, str]]:
        records = [r for batch in self.batches for r in batch.records]
        return {(r["repository"], r["commit_id"]) for r in records}

    @property
    def positions(self) -> dict[RefPlace, str]:
        return {p: at for batch in self.batches for p, at in batch.positions.items()}


def make(folder: Path, number: int) -> list[Repository]:
    found = []
    for n in range(number):
        repository = Repository.make(folder / f"repo{n}")
        for m in range(n % 3 + 1):
            repository.write("a", b"line\n" * (m + 1))
            repository.commit(f"{n} {m}\n")
        found.append(repository)
    return found


def expected(repositories: list[Repository]) -> set[tuple[str, str]]:
    return {
        (repository.path.name, oid)
        for repository in repositories
        for oid in git(repository.path, "rev-list", "main").split()
    }


def test_each_is_read_and_goes_on_from_its_own_cursor(tmp_path):
    repositories = make(tmp_path, 6)
    paths = [str(r.path) for r in repositories[:3]]
    paths += [f"file://{r.path}" for r in repositories[3:]]
    reading = Reading(tmp_path, paths)
    reading.run()
    assert {oid for _, oid in reading.ids} == {oid for _, oid in expected(repositories)}
    assert len({name for name, _ in reading.ids}) == 6
    assert reading.source.expected == len(reading.ids)

    again = Reading(tmp_path, paths)
    again.run(reading.positions)
    assert not again.ids
    new = repositories[1].commit("new\n")
    third = Reading(tmp_path, paths)
    third.run(reading.positions)
    assert third.ids == {("repo1", new)}


def test_one_that_is_broken_keeps_no_other_from_being_read(tmp_path):
    repositories = make(tmp_path, 3)
    broken, empty = tmp_path / "broken", tmp_path / "no-repository"
    broken.mkdir()
    empty.mkdir()
    paths = [str(broken), *(str(r.path) for r in repositories), str(empty)]
    reading = Reading(tmp_path, paths)
    with pytest.raises(
        ContractlineError, match=r"not a git repository.* \(and 1 other, said above"
    ):
        reading.run()
    assert reading.ids == expected(repositories)


def test_two_that_have_one_name_are_not_mixed(tmp_path):
    one = Repository.make(tmp_path / "a" / "same")
    other = Repository.make(tmp_path / "b" / "same")
    one.commit("one\n")
    other.commit("other\n")
    reading = Reading(tmp_path, [str(one.path), str(other.path)])
    with pytest.raises(ContractlineError, match="are both called same"):
        reading.run()
    assert len({name for name, _ in reading.ids}) == 1


def test_following_sees_new_commits_and_a_repository_that_comes_back(tmp_path):
    repositories = make(tmp_path, 20)
    hidden = tmp_path / "hidden"
    steps = iter(("commit", "hide", "commit elsewhere", "back"))
    done: list[str] = []

    def until(batches: list[Batch]) -> bool:
        if expected_now() - reading.ids or batches[-1].records:
            return False
        step = next(steps, "end")
        done.append(step)
        if step.startswith("commit"):
            repositories[len(done)].commit(f"{step}\n")
        elif step == "hide":
            repositories[0].path.rename(hidden)
        elif step == "back":
            hidden.rename(repositories[0].path)
            repositories[0].commit("back\n")
        return step == "end"

    def expected_now() -> set[tuple[str, str]]:
        return expected([r for r in repositories if r.path.exists()])

    reading = Reading(tmp_path, [str(r.path) for r in repositories], follow=True)
    reading.run(until=until)
    assert done == ["commit", "hide", "commit elsewhere", "back", "end"]
    assert reading.ids == expected(repositories)


def test_the_number_of_git_processes_does_not_grow_with_that_of_repositories(tmp_path):
    repositories = make(tmp_path, 40)
    most, over = 0, threading.Event()

    def count() -> None:
        nonlocal most
        me = psutil.Process(os.getpid())
        while not over.wait(0.002):
            most = max(most, sum(1 for child in me.children() if _is_git(child)))

    counting = threading.Thread(target=count)
    counting.start()
    reading = Reading(tmp_path, [str(r.path) for r in repositories], workers=2)
    try:
        reading.run()
    finally:
        over.set()
        counting.join()
    assert reading.ids == expected(repositories)
    assert 1 <= most <= 4  # two that count lines, one that lists commits, one that counts them


def _is_git(process: psutil.Process) -> bool:
    try:
        return process.name() == "git"
    except psutil.Error:
        return False


def test_a_ref_that_moves_is_noticed_without_git(tmp_path):
    repository = Repository.make(tmp_path / "repo")
    watch = RefsWatch(Git(repository.path))
    assert watch.has_moved()
    assert not watch.has_moved()
    changes: list[Callable[[], object]] = [
        lambda: repository.commit("first\n"),
        lambda: repository.commit("second\n"),
        lambda: git(repository.path, "branch", "deep/in/a/folder"),
        lambda: git(repository.path, "pack-refs", "--all"),
        lambda: repository.commit("third\n"),
        lambda: git(repository.path, "symbolic-ref", "HEAD", "refs/heads/deep/in/a/folder"),
        lambda: git(repository.path, "branch", "-D", "main"),
    ]
    for change in changes:
        change()
        assert watch.has_moved()
        assert not watch.has_moved()
    watch.forget()
    assert watch.has_moved()
