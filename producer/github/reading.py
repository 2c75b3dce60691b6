"""Reading one repository: its history once, then what is new, with a cursor for each branch."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

from contractline.clients.retry import SayOnce
from producer.commit import Record
from producer.github.branches import look
from producer.github.client import Client, Working
from producer.github.errors import NotFound, QueryFailed
from producer.github.history import CommitGone, read_history
from producer.github.mapping import SOURCE
from producer.github.plan import PlanPart, count
from producer.github.ranges import RangeUnknown, RefRelation, fetch_range
from producer.github.target import Repository, described, look_up
from producer.github.window import Window
from producer.refs import BRANCHES, RefChoice
from producer.sources.base import Batch, Batches, Positions, RefPlace, Say


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each repository."""

    choice: RefChoice
    window: Window


class ApiReader:
    """Reads one repository.

    Attributes:
        repository: where it is at GitHub now.

    Args:
        client: asks GitHub.
        repository: where it is.
        wanted: what is read.
        known: the positions of earlier runs.
        say: where the words go.
    """

    def __init__(
        self, client: Client, repository: Repository, wanted: Wanted, known: Positions, say: Say
    ) -> None:
        self.repository = repository
        self._client = client
        self._wanted = wanted
        self._say = say
        self._say_once = SayOnce(say)
        self._cursors = {
            place.ref: position
            for place, position in known.items()
            if (place.source, place.repository) == (SOURCE, repository.name)
        }
        self._sent: set[bytes] = set()
        self._tips: dict[str, str] = {}
        self._is_absent = False

    def plan(self) -> Working[list[PlanPart]]:
        """Look at the branches, and return what is to be read.

        Raises:
            NotFound: a branch that was named is not there.
        """
        yield from self._look(if_changed=False)
        if self._is_absent and (names := self._wanted.choice.names):
            raise NotFound(f"{self.repository.name} branch {', '.join(names)}", 404, "not there")
        parts, is_covered = [], False
        for ref, tip in self._tips.items():
            cursor = self._cursors.get(self._key(ref))
            if cursor == tip:
                parts.append(PlanPart(self.repository, ref, 0, "nothing new"))
            elif cursor or is_covered:
                note = "since the cursor" if cursor else "beside the branches before it"
                parts.append(PlanPart(self.repository, ref, None, note))
            else:
                number = yield from count(self._client, self.repository, tip, self._wanted.window)
                note = "going on where a run stopped" if self._unfinished(ref) else ""
                parts.append(PlanPart(self.repository, ref, number, note))
            is_covered = True
        return parts or [PlanPart(self.repository, "", 0, "no commits yet")]

    def catch_up(self) -> Batches:
        """Give what the branches hold that was not read, as they were when looked at last.

        A branch that could not be read is tried again the next time: GitHub will say that it has
        not changed.
        """
        for ref, tip in list(self._tips.items()):
            cursor = self._cursors.get(self._key(ref))
            if cursor != tip:
                yield from self._read(ref, tip, cursor or self._base(ref))
            self._tips.pop(ref, None)

    def poll(self) -> Batches:
        """Look for what is new, at no cost when nothing is, and give it."""
        if self._is_absent:
            answer = yield from self._client.get(self.repository.path(), if_changed=True)
            if answer.data is None:
                return
            self._update(described(self.repository.name, answer.object()))
        moved = yield from self._look(if_changed=True)
        if moved:
            self._update((yield from look_up(self._client, self.repository.full_name)))
            yield from self._look(if_changed=False)
        yield from self.catch_up()

    def by_git(self, positions: Positions) -> Positions:
        """Return our cursors for what git has read, and go on from them."""
        moved = {p.ref: commit for p, commit in positions.items() if p.ref in self._tips}
        for ref, commit in moved.items():
            self._cursors[self._key(ref)] = commit
        return {self._place(ref): commit for ref, commit in moved.items()}

    @property
    def branches(self) -> list[str]:
        """The full names of the refs that were found."""
        return list(self._tips)

    def _look(self, *, if_changed: bool) -> Working[bool]:
        """Look where the branches are, and tell whether something was renamed."""
        choice, repository = self._wanted.choice, self.repository
        tips = yield from look(self._client, repository, choice, if_changed=if_changed)
        self._is_absent = bool(tips.missing)
        if tips.missing:
            names = ", ".join(tips.missing)
            self._say_once(f"{repository.name}: no branch {names} (no commits yet, or deleted)")
        self._tips |= tips.changed
        return tips.moved

    def _update(self, fresh: Repository) -> None:
        """Go on with a repository or a default branch that has another name now."""
        old = self.repository
        self.repository = replace(fresh, name=old.name)
        if fresh.full_name != old.full_name:
            self._say(renamed(self.repository))
        if fresh.default_branch != old.default_branch and not self._wanted.choice.names:
            self._say(f"{old.name}: the default branch is {fresh.default_branch} now")
            before, after = (self._key(BRANCHES + r.default_branch) for r in (old, fresh))
            if before in self._cursors:
                self._cursors.setdefault(after, self._cursors[before])
            self._tips.pop(BRANCHES + old.default_branch, None)

    def _read(self, ref: str, tip: str, base: str | None) -> Batches:
        done = False
        if base:
            done = yield from self._range(ref, tip, base)
        if not done:
            yield from self._history(ref, tip)

    def _range(self, ref: str, tip: str, base: str) -> Generator[Batch, None, bool]:
        """Give what a branch has and another commit has not; tell whether GitHub could say that."""
        is_own = self._key(ref) in self._cursors
        try:
            found = yield from fetch_range(self._client, self.repository, base, tip, self._say)
        except RangeUnknown:
            words = "the commit read last is gone" if is_own else "it has a history of its own"
            self._say(f"{self.repository.name} {ref}: {words}; reading all of the branch")
            return False
        if is_own and found.relation in (RefRelation.DIVERGED, RefRelation.BEHIND):
            self._say(
                f"{self.repository.name} {ref} was rewritten: {base[:12]} is not in its history "
                "any more; sending what is new"
            )
        yield self._batch(found.records, {})
        yield self._done(ref, tip)
        return True

    def _history(self, ref: str, tip: str) -> Batches:
        """Give all of a branch, going on where another run stopped."""
        start, position = self._unfinished(ref) or (tip, "")
        while True:
            try:
                yield from self._pages(ref, start, position)
                break
            except (CommitGone, NotFound, QueryFailed) as problem:
                if not position and start == tip:
                    raise
                self._say(f"{self.repository.name} {ref}: {problem}; reading it from the start")
                start, position = tip, ""
        yield self._done(ref, start)
        if start != tip:
            yield from self._read(ref, tip, start)

    def _pages(self, ref: str, tip: str, position: str) -> Batches:
        history = read_history(
            self._client, self.repository, tip, self._say, self._wanted.window, position
        )
        while (records := (yield from history.page())) is not None:
            place = RefPlace(SOURCE, self.repository.name, f"{self._key(ref)} {_UNFINISHED}")
            reached = f"{tip} {history.position}"
            yield self._batch(records, {place: reached} if history.position else {})

    def _unfinished(self, ref: str) -> tuple[str, str] | None:
        """Return where a run stopped in the middle of a history: its tip, and GitHub's cursor."""
        start, _, position = self._cursors.get(f"{self._key(ref)} {_UNFINISHED}", "").partition(" ")
        return (start, position) if start and position else None

    def _base(self, ref: str) -> str | None:
        """Return what was read of another branch, which this one need not give again."""
        default = self._key(BRANCHES + self.repository.default_branch)
        suffix = self._key("")
        for key in (default, *self._cursors):
            is_branch = key.endswith(suffix) and " " not in key.removesuffix(suffix)
            if is_branch and key in self._cursors and key != self._key(ref):
                return self._cursors[key]
        return None

    def _batch(self, records: Iterable[Record], positions: Positions) -> Batch:
        """Return the records that are wanted, each once in a run, however many branches have it."""
        wanted = [record for record in records if self._wanted.window.holds(record)]
        choice = self._wanted.choice
        if not choice.branches and len(choice.names) < 2:
            return Batch(wanted, positions)
        new = []
        for record in wanted:
            commit = bytes.fromhex(record["commit_id"])
            if commit not in self._sent:
                self._sent.add(commit)
                new.append(record)
        return Batch(new, positions)

    def _done(self, ref: str, tip: str) -> Batch:
        self._cursors[self._key(ref)] = tip
        return Batch((), {self._place(ref): tip})

    def _place(self, ref: str) -> RefPlace:
        return RefPlace(SOURCE, self.repository.name, self._key(ref))

    def _key(self, ref: str) -> str:
        """Return what a branch's cursor is under.

        What was read of a window says nothing of the rest. A space can't be in a ref, so no branch
        has the name of such a cursor.
        """
        window = self._wanted.window.parameters()
        return " ".join([ref, *(f"{name}={value}" for name, value in window.items())])


_UNFINISHED = "unfinished"


def renamed(repository: Repository) -> str:
    """Return the words for a repository that GitHub calls otherwise than the settings."""
    return (
        f"{repository.name} is {repository.full_name} at GitHub now; its commits keep the name "
        f"{repository.name}"
    )
