"""Commits of a git repository: its whole history once, then what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contractline.errors import SettingInvalid
from producer.commit import Record
from producer.git import refs
from producer.git.clones import Clone, is_url, name_of
from producer.git.command import Git, GitFailed
from producer.git.history import SOURCE, History
from producer.sources.base import TICK_SECONDS, Batch, Batches, Place, Positions, Say

LOCAL_POLL_SECONDS = 1.0
REMOTE_POLL_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class GitSettings:
    """What to read, and how.

    Attributes:
        repository: a path, or a URL that git can reach.
        clones: the folder that keeps copies of URLs.
        name: the canonical name, owner/name; from the URL or the remote when absent.
        choice: which refs.
        workers: how many git processes count lines at a time.
        follow: whether to wait for new commits.
        poll_seconds: how often to look for them; by the kind of repository when absent.
        again: whether to read everything again, whatever the cursors say.
    """

    repository: str
    clones: Path
    name: str | None = None
    choice: refs.Choice = field(default_factory=refs.Choice)
    workers: int = 2
    follow: bool = False
    poll_seconds: float | None = None
    again: bool = False


class GitSource:
    """Reads one repository.

    Attributes:
        name: ``git``.
        resumes: from the positions of its refs.
        expected: how many commits this run will give, as far as it is known yet.
        repository: the canonical name of the repository.
    """

    name = SOURCE
    resumes = True

    def __init__(self, settings: GitSettings, say: Say) -> None:
        """Take the settings; nothing is read yet.

        Raises:
            SettingInvalid: the path does not exist.
        """
        self.expected: int | None = None
        self.repository = settings.name or ""
        self._settings = settings
        self._say = say
        self._said = ""
        self._clone: Clone | None = None
        if is_url(settings.repository):
            self._clone = Clone(settings.repository, settings.clones, say)
            self._git = self._clone.git
        else:
            self._git = Git(_existing(settings.repository))

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give the commits that are new since the known positions, parents first.

        Raises:
            GitUnusable: there is no git, or one that is too old.
            GitFailed: the repository can't be read.
            NoSuchRef: a chosen ref does not exist.
        """
        if self._clone:
            self._clone.update(stop)
        if stop.is_set():
            return
        self._git.check()
        self.repository = self.repository or self._derived_name()
        self._say_if_cut()
        cursors = {} if self._settings.again else self._own(known)
        while not stop.is_set():
            yield from self._new(cursors, stop)
            if not self._settings.follow:
                return
            yield from self._pause(stop)

    def _own(self, known: Positions) -> dict[str, str]:
        return {
            place.ref: commit
            for place, commit in known.items()
            if (place.source, place.repository) == (self.name, self.repository)
        }

    def _new(self, cursors: dict[str, str], stop: threading.Event) -> Batches:
        """Give what the refs name and no cursor covers, and move the cursors along."""
        tips = refs.tips(self._git, self._settings.choice)
        moved = {ref: tip for ref, tip in tips.items() if cursors.get(ref) != tip}
        if not tips:
            self._say_once(f"{self.repository} has no commits yet")
        if not moved:
            return
        self._say_rewritten(moved, cursors)
        # The first ref alone, with positions on the way; the others may be thousands of tags.
        first, *others = moved
        for group in ([first], others):
            if group and not stop.is_set():
                yield from self._read({ref: moved[ref] for ref in group}, cursors, stop)

    def _read(
        self, tips: dict[str, str], cursors: dict[str, str], stop: threading.Event
    ) -> Batches:
        covered = sorted(set(refs.commits(self._git, sorted(set(cursors.values()))).values()))
        wanted = sorted(set(tips.values()))
        before = self.expected or 0
        trail = self._trail(tips, cursors)
        with History(self._git, self.repository, workers=self._settings.workers) as history:
            counting = history.count(wanted, covered)
            for records in history.read(wanted, covered):
                if counting.done():
                    self.expected = before + counting.result()
                passed = trail.follow(records) if trail else None
                yield Batch(records, {self._place(ref): passed for ref in tips if passed})
                if stop.is_set():
                    return
        cursors.update(tips)
        yield Batch((), {self._place(ref): tip for ref, tip in tips.items()})

    def _trail(self, tips: dict[str, str], cursors: dict[str, str]) -> _Trail | None:
        """Return what gives a single ref its positions on the way."""
        if len(tips) > 1:
            return None
        [(ref, tip)] = tips.items()
        old = cursors.get(ref)
        if old and refs.commits(self._git, [old]) and refs.is_ancestor(self._git, old, tip):
            return _Trail(old)
        return _Trail(None)

    def _pause(self, stop: threading.Event) -> Batches:
        """Wait for the next look, fetching what is elsewhere; a remote that is away is waited for."""
        usual = REMOTE_POLL_SECONDS if self._clone else LOCAL_POLL_SECONDS
        pause = self._settings.poll_seconds or usual
        while not stop.is_set():
            yield from _ticks(pause, stop)
            if self._clone is None or stop.is_set():
                return
            try:
                self._clone.update(stop, quiet=True)
            except GitFailed as problem:
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._say(f"{problem}; trying again in {pause:g} s")
            else:
                return

    def _place(self, ref: str) -> Place:
        return Place(self.name, self.repository, ref)

    def _say_rewritten(self, moved: dict[str, str], cursors: dict[str, str]) -> None:
        """Say which refs were rewritten; what they hold now is sent, commits sent before stay."""
        olds = {ref: cursors[ref] for ref in moved if ref in cursors}
        there = refs.commits(self._git, sorted(set(olds.values())))
        for ref, old in olds.items():
            if old not in there:
                self._say(
                    f"{self.repository} {ref}: the commit read last, {old[:12]}, is gone; "
                    "reading again what no other cursor covers"
                )
            elif not refs.is_ancestor(self._git, old, moved[ref]):
                self._say(
                    f"{self.repository} {ref} was rewritten: {old[:12]} is not in its history "
                    "any more; sending what is new"
                )

    def _derived_name(self) -> str:
        url = self._settings.repository
        if self._clone is None:
            url = self._git.text("config", "--get", "remote.origin.url", fine=(0, 1))
        if name := name_of(url):
            return name
        top = self._git.text("rev-parse", "--absolute-git-dir")
        folder = Path(top).parent if Path(top).name == ".git" else Path(top)
        name = folder.name.removesuffix(".git")
        self._say(f"no remote names this repository; calling it {name!r} (--name owner/name)")
        return name

    def _say_if_cut(self) -> None:
        if self._git.text("rev-parse", "--is-shallow-repository") == "true":
            self._say(
                f"{self.repository} is a shallow clone: older commits are missing, and the oldest "
                "have no line counts. After `git fetch --unshallow`, run once with --again"
            )

    def _say_once(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._say(words)


class _Trail:
    """A line of descent through commits that arrive parents first.

    It moves from a commit to its first child that arrives, so all that it has passed, and every
    ancestor, was given; a cursor there is right at any moment.
    """

    def __init__(self, start: str | None) -> None:
        self._at = start

    def follow(self, records: Sequence[Record]) -> str | None:
        """Move along; return where the trail is now, None when it did not move."""
        before = self._at
        for record in records:
            if self._at is None or self._at in record["parents"]:
                self._at = record["commit_id"]
        return self._at if self._at != before else None


def _ticks(seconds: float, stop: threading.Event) -> Batches:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not stop.is_set():
        yield Batch()
        stop.wait(min(left, TICK_SECONDS))


def _existing(path: str) -> Path:
    found = Path(path).expanduser()
    if not found.is_dir():
        raise SettingInvalid("--repository", f"{path} is no folder and no URL that git can reach")
    return found.resolve()
