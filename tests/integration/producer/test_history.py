"""Histories as git counts them: the oracle is plain git, read another way."""

from __future__ import annotations

import os
import threading
from itertools import chain
from pathlib import Path

import psutil
import pytest

from producer.commit import Record
from producer.git import history
from producer.git.command import Git, GitFailed, GitUnusable
from producer.git.history import GitHistory
from tests.integration.producer.repositories import Repository, git, odd_repository

THIS = Path(__file__).parents[3]
Counts = dict[str, tuple[int, int, int]]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return odd_repository(tmp_path_factory.mktemp("odd") / "repository")


def read(path: Path, *tips: str, workers: int = 2) -> list[Record]:
    with GitHistory(Git(path), "test/odd", workers=workers) as commits:
        return list(chain.from_iterable(commits.read(tips or ("HEAD",), ())))


def counted_by_git(path: Path, tip: str = "HEAD") -> Counts:
    """Count lines with git's text output, without a NUL in sight."""
    options = ("--numstat", "--diff-merges=first-parent", "--format=commit %H", tip)
    found: Counts = {}
    commit = ""
    for line in git(path, "-c", "core.quotePath=true", "log", *options).split("\n"):
        if line.startswith("commit "):
            commit = line.split()[1]
            found[commit] = (0, 0, 0)
        elif line:
            plus, minus, _ = line.split("\t", 2)
            added, deleted, files = found[commit]
            lines = (0, 0) if plus == "-" else (int(plus), int(minus))
            found[commit] = (added + lines[0], deleted + lines[1], files + 1)
    return found


def counted(records: list[Record]) -> Counts:
    return {r["commit_id"]: (r["additions"], r["deletions"], r["changed_files"]) for r in records}


def shown_by_git(path: Path, placeholder: str) -> dict[str, str]:
    """Return one thing that git says of each commit, asked commit by commit."""
    commits = git(path, "rev-list", "HEAD").split("\n")
    options = ("--no-walk", "--encoding=UTF-8", f"--format={placeholder}")
    return {c: git(path, "log", *options, c) for c in commits}


def test_an_odd_history_holds_what_git_counts(odd):
    records = read(odd.path)

    assert len(records) == int(git(odd.path, "rev-list", "--count", "HEAD"))
    assert counted(records) == counted_by_git(odd.path)


@pytest.mark.parametrize(
    ("field", "placeholder"),
    [
        ("author", "%aN"),
        ("author_email", "%aE"),
        ("committer", "%cN"),
        ("committer_email", "%cE"),
        ("commit_message", "%B"),
    ],
)
def test_an_odd_history_says_what_git_says(odd, field, placeholder):
    said = shown_by_git(odd.path, placeholder)
    for record in read(odd.path):
        expected = said[record["commit_id"]].replace(placeholder, "")
        assert record[field].strip() == expected.strip()


def test_parents_are_those_of_the_objects_and_come_first(odd):
    seen: set[str] = set()
    for record in read(odd.path):
        raw = git(odd.path, "cat-file", "commit", record["commit_id"]).split("\n\n")[0]
        parents = [line.split()[1] for line in raw.split("\n") if line.startswith("parent ")]
        assert record["parents"] == parents
        assert seen.issuperset(parents)
        seen.add(record["commit_id"])


def test_single_oddities(odd):
    by_message = {r["commit_message"].split("\n")[0]: r for r in read(odd.path)}

    assert by_message["mapped"]["author"] == "New Name"
    assert by_message["mapped"]["author_email"] == "new@example.com"
    assert by_message["no address"]["author_email"] == ""
    assert by_message["no name"]["author"] == ""
    assert by_message["nobody at all"]["author"] == ""
    assert by_message["with helpers"]["co_authors"] == ["X <x@x>", "Y folded <y@y>"]
    assert by_message["café in Latin-1"]["author"] == "Test"
    assert by_message["undecodable \ufffd\ufffd bytes"]["author"] == "Ren\ufffd"
    assert by_message["cut at"]["commit_message"] == "cut at"
    assert by_message["a binary file"]["changed_files"] == 1
    assert by_message["a binary file"]["additions"] == 0
    assert by_message["a newer submodule"]["additions"] == 1
    assert by_message["renamed, and changed a little"]["deletions"] == 0
    assert by_message["merge x"]["changed_files"] == 2
    assert len(by_message["octopus"]["parents"]) == 3
    assert by_message["another root"]["parents"] == []


def test_dates_of_every_kind(odd):
    by_message = {r["commit_message"]: r for r in read(odd.path)}
    latest = 10_413_791_999_000_000

    assert by_message["dated 0"]["committed_at"] == 0
    assert by_message["dated 4294967296"]["committed_at"] == 4_294_967_296_000_000
    assert by_message["dated 10413791999"]["committed_at"] == latest
    assert by_message["dated 10413792000"]["committed_at"] == latest
    assert by_message["dated " + "9" * 20]["committed_at"] == latest
    for unreadable in ("dated -86400", "no date"):
        assert by_message[unreadable]["committed_at"] == 0
        assert by_message[unreadable]["authored_at"] is None


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_processes_count_lines_than_asked_for(odd, workers, monkeypatch):
    monkeypatch.setattr("producer.git.history.STRETCH", 1)
    at_once: list[int] = []
    start = GitHistory._start

    def counted(self, *arguments):
        started = start(self, *arguments)
        alive = [one for one in tuple(self._running) if "log" in one.args and one.poll() is None]
        at_once.append(len(alive))
        return started

    monkeypatch.setattr(GitHistory, "_start", counted)

    read(odd.path, workers=workers)

    assert max(at_once) <= workers


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_order_is_the_same_however_many_work(odd, workers, monkeypatch):
    expected = read(odd.path)
    monkeypatch.setattr(history, "STRETCH", 3)

    found = read(odd.path, workers=workers)

    assert [r["commit_id"] for r in found] == [r["commit_id"] for r in expected]
    assert counted(found) == counted(expected)


@pytest.mark.parametrize(
    "setting",
    [
        "log.showSignature=true",
        "log.showRoot=false",
        "log.diffMerges=separate",
        "log.mailmap=false",
        "log.decorate=full",
        "diff.renames=false",
        "diff.renames=copies",
        "diff.algorithm=patience",
        "diff.relative=true",
        "diff.ignoreSubmodules=all",
        "diff.submodule=log",
        "diff.external=/bin/false",
        "color.ui=always",
        "i18n.logOutputEncoding=ISO-8859-1",
        "core.quotePath=false",
        "core.pager=/bin/false",
        "notes.displayRef=refs/notes/*",
        "format.pretty=raw",
    ],
)
def test_no_setting_changes_what_is_read(odd, setting):
    expected = [{**r, "produced_at": 0} for r in read(odd.path)]
    name, _, value = setting.partition("=")
    git(odd.path, "config", name, value)
    try:
        assert [{**r, "produced_at": 0} for r in read(odd.path)] == expected
    finally:
        git(odd.path, "config", "--unset", name)


def test_a_hook_s_environment_changes_nothing(odd, tmp_path, monkeypatch):
    expected = counted(read(odd.path))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    assert counted(read(odd.path)) == expected


def test_a_shallow_clone_has_recorded_parents_and_no_counts_at_its_edge(tmp_path):
    odd = odd_repository(tmp_path / "odd")
    (odd.path / ".git" / "info" / "grafts").unlink()
    clone = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "4", f"file://{odd.path}", str(clone))
    whole = {r["commit_id"]: r for r in read(odd.path)}

    records = read(clone)

    edge = set((clone / ".git" / "shallow").read_text().split())
    assert len(records) == int(git(clone, "rev-list", "--count", "HEAD"))
    assert edge
    for record in records:
        full = whole[record["commit_id"]]
        assert record["parents"] == full["parents"]
        if record["commit_id"] in edge and full["parents"]:
            assert record["additions"] is record["changed_files"] is None
        else:
            assert record["additions"] == full["additions"]


def test_hashes_may_be_longer(tmp_path):
    repo = Repository.make(tmp_path / "sha256", "--object-format=sha256")
    repo.write("a", b"1\n")
    repo.commit("one\n")
    [record] = read(repo.path)
    assert len(record["commit_id"]) == 64
    assert record["additions"] == 1


def test_this_repository_holds_what_git_counts():
    tip = git(THIS, "rev-parse", "HEAD")
    records = read(THIS, tip)
    assert len(records) == int(git(THIS, "rev-list", "--count", tip))
    assert counted(records) == counted_by_git(THIS, tip)


def test_a_broken_repository_is_an_error_in_git_s_words(tmp_path):
    repo = Repository.make(tmp_path / "broken")
    repo.write("a", b"1\n")
    repo.commit("one\n")
    blob = repo.files[b"a"][1]
    repo.write("a", b"2\n")
    repo.commit("two\n")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(GitFailed, match=blob[:8]):
        read(repo.path)


def test_what_is_no_repository_is_an_error(tmp_path):
    with pytest.raises(GitFailed) as problem:
        Git(tmp_path).check()
    assert "a clone" in problem.value.hint


@pytest.fixture
def fake_git(tmp_path, monkeypatch):
    """A folder that is the whole PATH, for a git of one's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_an_old_git_is_an_error(fake_git, tmp_path):
    script = fake_git / "git"
    script.write_text("#!/bin/sh\necho git version 2.25.1\n")
    script.chmod(0o755)
    with pytest.raises(GitUnusable, match=r"2\.25 is too old"):
        Git(tmp_path).check()


def test_no_git_is_an_error(fake_git, tmp_path):
    with pytest.raises(GitUnusable, match="none on PATH"):
        Git(tmp_path).check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    repo = Repository.make(tmp_path / "foreign")
    for path in (repo.path, *repo.path.rglob("*")):
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(GitFailed) as problem:
        Git(repo.path).check()
    assert f"safe.directory {repo.path}" in problem.value.hint


def test_ending_early_leaves_no_process(odd, monkeypatch):
    monkeypatch.setattr(history, "STRETCH", 1)
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    with GitHistory(Git(odd.path), "test/odd", workers=3) as commits:
        next(commits.read(["HEAD"], ()))
    after = {p.pid for p in psutil.Process().children(recursive=True)}
    assert after <= before
    assert not [t for t in threading.enumerate() if t.name.startswith("git")]
