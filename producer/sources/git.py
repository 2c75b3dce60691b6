"""Commits of a git repository: its whole history once, then what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contractline.clients.retry import SayOnce
from contractline.errors import SettingInvalid
from producer.commit import Record
from producer.git import refs
from producer.git.clones import Clone, is_url, name_of
from producer.git.command import Git, GitFailed
from producer.git.history import SOURCE, GitHistory
from producer.git.partial import PartialClone, promisor
from producer.git.watch import RefsWatch
from producer.reachability import left_behind
from producer.refs import RefChoice
from producer.sources.base import Batch, Batches, Positions, RefPlace, Say, ticks

LOCAL_POLL_SECONDS = 0.25
LOOK_ANYWAY_SECONDS = 30.0
"""How often git is asked for a local repository's refs though nothing seems to have been written."""

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
    choice: RefChoice = field(default_factory=RefChoice)
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
        self._say_once = SayOnce(say)
        self._cursors: dict[str, str] = {}
        self._looked_at = 0.0
        self._clone: Clone | None = None
        self._partial: PartialClone | None = None
        if is_url(settings.repository):
            self._clone = Clone(settings.repository, settings.clones, say)
            self._git = self._clone.git
        else:
            self._git = Git(_existing(settings.repository))
        # Where objects are read: a partial clone is asked for its refs only.
        self._objects = self._git
        self._watch = RefsWatch(self._git)

    @property
    def where(self) -> str:
        """The path or address, as it may be shown."""
        return self._clone.url if self._clone else str(self._git.path)

    @property
    def poll_seconds(self) -> float:
        """How often to look for something new."""
        usual = REMOTE_POLL_SECONDS if self._clone else LOCAL_POLL_SECONDS
        return self._settings.poll_seconds or usual

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give the commits that are new since the known positions, parents first.

        Raises:
            GitUnusable: there is no git, or one that is too old.
            GitFailed: the repository can't be read.
            NoSuchRef: a chosen ref does not exist.
        """
        self.update(stop)
        if stop.is_set():
            return
        self.open(known)
        while not stop.is_set():
            yield from self.new(stop)
            if not self._settings.follow:
                return
            yield from self._pause(stop)

    def update(self, stop: threading.Event, *, quiet: bool = False) -> None:
        """Fetch what is new elsewhere; a local repository is read as it is.

        Raises:
            GitFailed: the remote can't be reached or read.
        """
        if self._clone:
            self._clone.update(stop, quiet=quiet)

    def open(self, known: Positions) -> None:
        """See what the repository is and is called, and how far it was read.

        Raises:
            GitUnusable: there is no git, or one that is too old.
            GitFailed: the repository can't be read.
        """
        self._git.check()
        self.repository = self.repository or self._derived_name()
        self._say_if_cut()
        if remote := promisor(self._git):
            self._partial = PartialClone(self._git, remote, self._settings.clones, self._say)
            self._partial.follow()
            self._objects = self._partial.git
        self._cursors = {} if self._settings.again else self._own(known)

    def new(self, stop: threading.Event) -> Batches:
        """Give what the refs name and was not given, parents first.

        Raises:
            GitFailed: the repository can't be read.
            NoSuchRef: a chosen ref does not exist.
        """
        now = time.monotonic()
        has_moved = self._watch.has_moved()
        if not (has_moved or self._clone or now - self._looked_at > LOOK_ANYWAY_SECONDS):
            return
        try:
            yield from self._new(self._cursors, stop)
        except BaseException:
            self._watch.forget()  # what could not be read is read at the next look
            raise
        self._looked_at = now

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
        if rewritten := self._rewritten(moved, cursors):
            yield Batch(unreachable=self._left_behind(rewritten, tips))
        # The first ref alone, with positions on the way; the others may be thousands of tags.
        first, *others = moved
        for group in ([first], others):
            if group and not stop.is_set():
                yield from self._read({ref: moved[ref] for ref in group}, cursors, stop)

    def _read(
        self, tips: dict[str, str], cursors: dict[str, str], stop: threading.Event
    ) -> Batches:
        covered = sorted(set(refs.commits(self._objects, sorted(set(cursors.values()))).values()))
        wanted = sorted(set(tips.values()))
        before, given = self.expected or 0, 0
        trail = self._trail(tips, cursors)
        if self._partial:
            self._partial.complete(wanted, covered)
        with GitHistory(self._objects, self.repository, workers=self._settings.workers) as history:
            counting = history.count(wanted, covered)
            for records in history.read(wanted, covered):
                if counting.done():
                    self.expected = before + counting.result()
                given += len(records)
                passed = trail.follow(records) if trail else None
                yield Batch(records, {self._place(ref): passed for ref in tips if passed})
                if stop.is_set():
                    return
        self.expected = before + given
        cursors.update(tips)
        yield Batch((), {self._place(ref): tip for ref, tip in tips.items()})

    def _trail(self, tips: dict[str, str], cursors: dict[str, str]) -> _Trail | None:
        """Return what gives a single ref its positions on the way."""
        if len(tips) > 1:
            return None
        [(ref, tip)] = tips.items()
        old = cursors.get(ref)
        if old and refs.commits(self._objects, [old]) and refs.is_ancestor(self._objects, old, tip):
            return _Trail(old)
        return _Trail(None)

    def _pause(self, stop: threading.Event) -> Batches:
        """Wait for the next look, fetching what is elsewhere; a remote that is away is waited for."""
        pause = self.poll_seconds
        while not stop.is_set():
            yield from ticks(pause, stop)
            if self._clone is None or stop.is_set():
                return
            try:
                self.update(stop, quiet=True)
            except GitFailed as problem:
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self._say(f"{problem}; trying again in {pause:g} s")
            else:
                return

    def _place(self, ref: str) -> RefPlace:
        return RefPlace(self.name, self.repository, ref)

    def _rewritten(self, moved: dict[str, str], cursors: dict[str, str]) -> dict[str, str]:
        """Say which refs were rewritten, and return what those named before, where it is still there.

        What they hold now is sent; commits that were sent before stay.
        """
        olds = {ref: cursors[ref] for ref in moved if ref in cursors}
        there = refs.commits(self._objects, sorted(set(olds.values())))
        rewritten = {}
        for ref, old in olds.items():
            if old not in there:
                self._say(
                    f"{self.repository} {ref}: the commit read last, {old[:12]}, is gone; "
                    "reading again what no other cursor covers"
                )
            elif not refs.is_ancestor(self._objects, old, moved[ref]):
                rewritten[ref] = old
                self._say(
                    f"{self.repository} {ref} was rewritten: {old[:12]} is not in its history "
                    "any more; sending what is new"
                )
        return rewritten

    def _left_behind(self, rewritten: dict[str, str], tips: dict[str, str]) -> list[Record]:
        """Return marks of the commits that rewritten refs held and none of the chosen refs holds."""
        held = [f"^{tip}" for tip in sorted(set(tips.values()))]
        marks: list[Record] = []
        for ref, old in rewritten.items():
            lost = self._objects.text("rev-list", "--stdin", lines=[old, *held]).split()
            place = {"repository": self.repository, "ref": ref, "before": old, "after": tips[ref]}
            marks += left_behind(lost, source=self.name, **place)
        return marks

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


def _existing(path: str) -> Path:
    found = Path(path).expanduser()
    if not found.is_dir():
        raise SettingInvalid(
            "--repository", f"{path} is neither a folder nor a URL that git can reach"
        )
    return found.resolve()
