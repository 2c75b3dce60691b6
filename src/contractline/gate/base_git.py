"""What the gate asks git: which commit a change begins at, and what the checkout held there."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.settings import environment

TIMEOUT_SECONDS = 60
_REGULAR = frozenset({"100644", "100755"})
_HEAD = "HEAD"
_SHA1_DIGITS = 40


class GitFailed(ContractlineError):
    """When git is there and does not do what it was asked."""

    def __init__(self, wish: str, problem: str, *, hint: str = "") -> None:
        self.wish = wish
        self.problem = problem
        super().__init__(f"git can't {wish}: {problem}", hint=hint)


class RefUnknown(ContractlineError):
    """When a git ref is named that the repository does not hold."""

    def __init__(self, ref: str, *, hint: str) -> None:
        self.ref = ref
        super().__init__(f"the repository holds no commit `{ref}`", hint=hint)


class NoCommonCommit(ContractlineError):
    """When a shallow clone does not reach back to where a branch began."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        super().__init__(
            f"this clone is shallow and does not reach back to where it left `{ref}`",
            hint="`git fetch --unshallow origin` brings the history"
            " (`fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` in GitLab)",
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree holds at a path.

    Attributes:
        path: the path from the project's root, with `/`.
        id: git's digest of it.
        size: how many bytes a file holds; None for what is not a regular file.
    """

    path: str
    id: str
    size: int | None

    def holds(self, content: bytes) -> bool:
        """Tell whether these are its bytes."""
        digest = hashlib.sha1 if len(self.id) == _SHA1_DIGITS else hashlib.sha256
        return digest(b"blob %d\0" % len(content) + content).hexdigest() == self.id


@dataclass(frozen=True, slots=True)
class Git:
    """A git repository, seen from a folder of it.

    Attributes:
        folder: the folder.
        is_shallow: whether the clone lacks the older history.
    """

    folder: Path
    is_shallow: bool

    @classmethod
    def at(cls, folder: Path) -> Git | None:
        """Return the repository that a folder lies in; None when it lies in none.

        Raises:
            GitFailed: git is not there, or refuses to look at it.
        """
        dot_git = _dot_git(folder)
        try:
            answer = _run(folder, "rev-parse", "--is-shallow-repository", "--is-inside-work-tree")
        except FileNotFoundError as problem:
            if dot_git is None:
                return None
            hint = "install git: a change is found by comparing with an earlier commit"
            raise GitFailed(f"look at {folder}", "it is not installed", hint=hint) from problem
        if answer.returncode == 0:
            return cls(folder, answer.stdout.startswith(b"true"))
        words = _words(answer.stderr)
        if dot_git is None and "not a git repository" in words:
            return None
        hint = f"`git config --global --add safe.directory {folder}`" if "dubious" in words else ""
        raise GitFailed(f"look at {folder}", words, hint=hint or f"is {dot_git} whole?")

    def commit(self, ref: str) -> str | None:
        """Return the commit that a ref names; None when the repository does not hold it."""
        wanted = f"{ref}^{{commit}}"
        answer = _run(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        return answer.stdout.decode().strip() if answer.returncode == 0 else None

    def first_of(self, refs: Sequence[str]) -> str | None:
        """Return the first of several full ref names that exists; where it points to, if it does."""
        answer = self._asked("for-each-ref", "--format=%(refname) %(symref)", *refs)
        found = dict(line.split(" ", 1) for line in answer.decode().splitlines())
        for ref in refs:
            if ref in found:
                return found[ref] or ref
        return None

    def merge_base(self, commit: str) -> str | None:
        """Return where the current commit left a commit's history; None when they share none."""
        answer = _run(self.folder, "merge-base", commit, _HEAD)
        return answer.stdout.decode().split()[0] if answer.returncode == 0 else None

    def entries(self, commit: str, folders: Sequence[str]) -> Iterator[Entry]:
        """Yield what folders hold at a commit, those inside them included.

        Args:
            commit: the commit.
            folders: their paths from this folder; one that is not there holds nothing.
        """
        listed = self._asked("ls-tree", "-r", "-z", "--long", commit, "--", *folders)
        for entry in filter(None, listed.split(b"\0")):
            facts, _, name = entry.partition(b"\t")
            mode, _, id_, size = facts.decode().split()
            path = name.decode("utf-8", "surrogateescape")
            if ".." not in path.split("/"):
                yield Entry(path, id_, int(size) if mode in _REGULAR else None)

    def contents(self, files: Sequence[Entry]) -> Iterator[bytes]:
        """Yield the bytes of files, as they are stored."""
        if not files:
            return
        stdin = "".join(f"{file.id}\n" for file in files).encode()
        contents = self._asked("cat-file", "--batch", stdin=stdin)
        at = 0
        for file in files:
            head, _, size = contents[at : contents.index(b"\n", at)].decode().rpartition(" ")
            if not head.endswith(" blob"):
                raise GitFailed(f"read {file.path}", f"{file.id} {size}")
            start = contents.index(b"\n", at) + 1
            yield contents[start : start + int(size)]
            at = start + int(size) + 1

    def _asked(self, *arguments: str, stdin: bytes = b"") -> bytes:
        answer = _run(self.folder, *arguments, stdin=stdin)
        if answer.returncode:
            raise GitFailed(f"do `{arguments[0]}`", _words(answer.stderr))
        return answer.stdout


def _dot_git(folder: Path) -> Path | None:
    """Return what makes a folder part of a repository, whether or not git can read it."""
    above = (one / ".git" for one in (folder, *folder.parents))
    return next((one for one in above if os.path.lexists(one)), None)


def _surroundings() -> dict[str, str]:
    """Return the environment of git: it speaks English, and the folder alone says which repository.

    A hook is given a GIT_DIR. With it git would take the folder for the top of the work tree.
    """
    kept = dict(environment())
    if "GIT_WORK_TREE" not in kept:
        kept.pop("GIT_DIR", None)
    return kept | {"LC_ALL": "C"}


def _run(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-c", "core.quotePath=false", "--no-replace-objects", *arguments]
    try:
        return subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command,
            cwd=folder,
            env=_surroundings(),
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as problem:
        words = f"no answer in {TIMEOUT_SECONDS} s"
        raise GitFailed(f"do `{arguments[0]}`", words) from problem


def _words(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it does not say why"
