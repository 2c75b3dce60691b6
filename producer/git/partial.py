"""Partial clones: what they lack is fetched into a copy beside them, and never into themselves.

A clone made with ``--filter=blob:none`` holds no files, and git would fetch them into it one by one
while lines are counted. The copy has the clone's objects as its alternates and holds only what was
missing, fetched at once; it is kept, so that a later run fetches only what is new.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from contractline.settings import without_password
from producer.git.command import Git, GitFailed
from producer.sources.base import Say

_PROMISOR = re.compile(r"remote\.(?P<name>.+)\.promisor")
_REACHING = re.compile(r"(remote\..*|http\..*|credential\..*|url\..*|ssh\..*|core\.sshcommand)")
"""The settings of a clone that say how to reach its remotes."""
_NOT_REACHING = re.compile(r"remote\..*\.(promisor|partialclonefilter|fetch|push|mirror|prune)")
_MISSING = "?"
_ROUNDS = 3
"""Files are fetched in one round; a clone without trees gets these first."""


def promisor(git: Git) -> str:
    """Return the remote from which a repository would fetch what it lacks; empty for a whole one."""
    found = [_PROMISOR.fullmatch(key) for key, value in _settings(git) if value == "true"]
    return next((one["name"] for one in found if one), "")


class PartialClone:
    """A partial clone with a copy that holds what it lacks.

    Args:
        clone: the clone of the user.
        remote: the remote that has what it lacks.
        folder: where copies are kept.
        say: tells the reader.

    Attributes:
        git: reads commits with their files, as the clone would show them.
    """

    def __init__(self, clone: Git, remote: str, folder: Path, say: Say) -> None:
        self._clone = clone
        self._remote = remote
        self._say = say
        name = str(clone.path.resolve())
        slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[-40:]
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        self._path = folder / f"{slug}-{digest}.missing.git"
        self._own = Git(self._path)
        # Without the setting that names a promisor, so that git fetches nothing by itself; with the
        # clone's files, which may hold a mailmap and attributes.
        top = _top(clone)
        place = {"GIT_DIR": str(self._path)} | ({"GIT_WORK_TREE": str(top)} if top else {})
        self.git = Git(clone.path, (*_reaching(clone), *_mailmap(clone)), place)

    def complete(self, tips: Sequence[str], known: Sequence[str]) -> None:
        """Fetch the files and folders that the clone lacks of the commits that are to be read.

        Args:
            tips: the commits that are read, with their ancestors.
            known: commits that, with their ancestors, are not.

        Raises:
            GitFailed: the remote can't be reached, or does not give what is missing.
        """
        self.follow()
        for _ in range(_ROUNDS):
            missing = self._missing(tips, known)
            if not missing:
                return
            self._say(
                f"{self._clone.path} is a partial clone; fetching the {len(missing):,} objects that"
                f" it lacks from {self._url()} into {self._path}; the clone itself stays as it is"
            )
            self._fetch(missing)
        if missing := self._missing(tips, known):
            words = f"{len(missing):,} objects are missing in it and at {self._url()}"
            raise GitFailed("fetch", str(self._clone.path), words, hint=self._hint())

    def follow(self) -> None:
        """Let the copy see what the clone holds now."""
        if not (self._path / "HEAD").exists():
            self._path.mkdir(parents=True, exist_ok=True)
            kind = self._clone.text("rev-parse", "--show-object-format")
            self._own.run(
                "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", "."
            )
        objects = self._inside("objects").resolve()
        alternates = self._path / "objects" / "info" / "alternates"
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_text(f"{objects}\n", encoding="utf-8")
        for name in ("shallow", "info/attributes"):
            theirs, ours = self._inside(name), self._path / name
            if theirs.exists():
                ours.parent.mkdir(exist_ok=True)
                ours.write_bytes(theirs.read_bytes())
            else:
                ours.unlink(missing_ok=True)

    def _inside(self, name: str) -> Path:
        return self._clone.path / self._clone.text("rev-parse", "--git-path", name)

    def _missing(self, tips: Sequence[str], known: Sequence[str]) -> list[str]:
        """Return the objects of the commits that neither the clone nor the copy holds."""
        given = [*tips, *(f"^{commit}" for commit in known)]
        # A commit is compared with its first parent, so that the files of known ones count too.
        listed = self.git.text("rev-list", "--objects", "--missing=print", "--stdin", lines=given)
        parents = self.git.text("rev-list", "--boundary", "--stdin", lines=given)
        edge = [line[1:] for line in parents.split("\n") if line.startswith("-")]
        if edge:
            options = ("--objects", "--missing=print", "--no-walk=unsorted", "--stdin")
            listed += "\n" + self.git.text("rev-list", *options, lines=edge)
        found = (line[1:] for line in listed.split("\n") if line.startswith(_MISSING))
        return list(dict.fromkeys(found))

    def _fetch(self, missing: Sequence[str]) -> None:
        """Fetch objects by their names, as git itself does for a partial clone."""
        options = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--no-filter")
        try:
            self.git.run(
                # What the alternates hold would make the remote think that nothing is missing.
                *("-c", "fetch.negotiationAlgorithm=noop", "-c", "gc.auto=0", "fetch", "--quiet"),
                *(*options, "--stdin", self._remote),
                lines=missing,
            )
        except GitFailed as problem:
            words = problem.words.replace(self._address(), self._url())
            raise GitFailed("fetch", str(self._clone.path), words, hint=self._hint()) from problem

    def _hint(self) -> str:
        return (
            f"the clone is partial, and only {self._url()} has the files that line counts need:"
            " run again when it can be reached, or give a whole clone, or the URL itself, as"
            " --repository"
        )

    def _url(self) -> str:
        return without_password(self._address())

    def _address(self) -> str:
        return self._clone.text("config", "--get", f"remote.{self._remote}.url", fine=(0, 1))


def _reaching(clone: Git) -> Iterator[tuple[str, str]]:
    """Yield the settings by which a clone reaches its remotes, for a copy elsewhere."""
    for key, value in _settings(clone):
        if not _REACHING.fullmatch(key) or _NOT_REACHING.fullmatch(key):
            continue
        is_relative = key.endswith(".url") and key.startswith("remote.") and value.startswith(".")
        home = _top(clone) or clone.path
        yield key, str((home / value).resolve()) if is_relative else value


def _mailmap(clone: Git) -> Iterator[tuple[str, str]]:
    """Yield where the mailmap of a bare clone is: in the commit of its HEAD."""
    if _top(clone) is None:
        head = clone.text("rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1))
        if head:
            yield "mailmap.blob", f"{head}:.mailmap"


def _top(clone: Git) -> Path | None:
    """Return the folder of a clone's files; None where it is bare."""
    top = clone.text("rev-parse", "--show-toplevel", fine=(0, 128))
    return Path(top) if top else None


def _settings(git: Git) -> Iterator[tuple[str, str]]:
    listed = git.run("config", "--local", "--list", "-z", fine=(0, 1, 128)).stdout
    for setting in listed.decode(errors="replace").split("\0"):
        key, _, value = setting.partition("\n")
        yield key, value
