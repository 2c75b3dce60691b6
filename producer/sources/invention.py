"""Inventing histories that look like real ones: the same seed gives the same commits every time.

Only the seed decides, the words of the installed Faker, and when the histories begin. Times run on
a clock of their own, and a commit's hash is made as git makes it, so a second run with the same seed
and beginning doubles nothing. Followed live, a commit has the time at which it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from faker import Faker

from producer.sources.people import GITHUB, Crowd, Person, known_people

BUSIEST_HOUR = 14.0
"""New pieces of work in the busiest hour of a week."""

_DAY = (1, 1, 1, 1, 1, 2, 4, 12, 35, 75, 95, 90, 60, 70, 95, 100, 90, 70, 40, 25, 18, 12, 7, 3)
_WEEK = (0.9, 1.0, 1.0, 0.95, 0.75, 0.15, 0.1)
"""How much is begun in each hour (UTC) and on each day, against the busiest."""

_VERBS = ("Add", "Fix", "Remove", "Rename", "Speed up", "Document", "Test", "Simplify", "Handle")
_KINDS = ("api", "web", "worker", "docs", "client", "infrastructure", "reports", "mobile")
_OPEN_BRANCHES = 3


@dataclass(frozen=True, slots=True)
class InventedLines:
    """What a commit changes."""

    additions: int = 0
    deletions: int = 0
    files: int = 0

    def __add__(self, other: InventedLines) -> InventedLines:
        return InventedLines(
            self.additions + other.additions,
            self.deletions + other.deletions,
            self.files + other.files,
        )


@dataclass(frozen=True, slots=True)
class Invented:
    """A commit; times are seconds since 1970."""

    repository: str
    commit_id: str
    author: Person
    committer: Person
    message: str
    authored: int
    committed: int
    parents: tuple[str, ...]
    lines: InventedLines
    co_authors: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class InventedCommit:
    """What a person decides on; the rest of a commit follows."""

    author: Person
    subject: str
    lines: InventedLines
    body: str = ""
    committer: Person | None = None
    co_authors: tuple[Person, ...] = ()
    merges: tuple[str, ...] = ()


@dataclass(slots=True)
class _Branch:
    tip: str
    topic: str
    owner: Person
    lines: InventedLines = field(default_factory=InventedLines)


@dataclass(slots=True)
class _Repository:
    name: str
    tip: str = ""
    subject: str = ""
    branches: list[_Branch] = field(default_factory=list)
    requests: int = 0


class World:
    """Some repositories and the people who work in them."""

    def __init__(
        self,
        seed: int,
        repositories: int,
        start: datetime,
        users: Path,
        *,
        live: Callable[[], float] | None = None,
    ) -> None:
        """Prepare everything that the seed decides beforehand.

        Args:
            seed: decides.
            repositories: how many.
            start: when their histories begin.
            users: the CSV file of people.
            live: the clock (seconds since 1970) by which commits are dated, in place of their own.

        Raises:
            SettingInvalid: the file of users can't be read.
        """
        self._random = Random(seed)  # noqa: S311 - repeatable on purpose
        faker = Faker("en_US")
        faker.seed_instance(seed)
        self._crowd = Crowd(known_people(users), self._random, faker)
        self._topics = sorted({faker.word() for _ in range(400)})
        self._sentences = [faker.sentence(nb_words=9) for _ in range(200)]
        self._now = start.timestamp()
        self._live = live
        names = _names(faker, repositories)
        self._repositories = [_Repository(name) for name in names]
        self._weights = [1 / (place + 1) for place in range(len(names))]

    def commits(self) -> Iterator[Invented]:
        """Give commits for ever, in the order of their times."""
        while True:
            if self._live is None:
                self._wait_for_work()
            repository = self._random.choices(self._repositories, self._weights)[0]
            person = self._crowd.one()
            # One in four pieces of work is a burst: several commits within minutes.
            burst = self._random.random() < 0.25
            for _ in range(2 + int(self._random.expovariate(0.4)) if burst else 1):
                if self._live is not None:
                    self._now = self._live()
                yield self._commit(repository, person)
                self._now += self._random.lognormvariate(5.5, 0.9)

    def _wait_for_work(self) -> None:
        """Move the clock to where work begins next: often by day, rarely by night."""
        while True:
            self._now += self._random.expovariate(BUSIEST_HOUR / 3600)
            moment = datetime.fromtimestamp(self._now, UTC)
            busy = _DAY[moment.hour] / 100 * _WEEK[moment.weekday()]
            if self._random.random() < busy:
                return

    def _commit(self, repository: _Repository, person: Person) -> Invented:
        chance = self._random.random()
        if not repository.tip:
            draft = InventedCommit(person, "Initial commit", self._lines())
            return self._on_main(repository, draft)
        if repository.branches and chance < 0.16:
            return self._merge(repository, chance < 0.01 and len(repository.branches) > 1)
        if chance < 0.45:
            return self._on_branch(repository, person)
        if chance < 0.46:
            draft = InventedCommit(
                person,
                f'Revert "{repository.subject}"',
                self._lines(),
                f"This reverts commit {repository.tip}.",
            )
            return self._on_main(repository, draft)
        return self._on_main(repository, self._draft(person))

    def _on_main(self, repository: _Repository, draft: InventedCommit) -> Invented:
        parents = ((repository.tip,) if repository.tip else ()) + draft.merges
        commit = self._finish(repository, draft, parents)
        repository.tip, repository.subject = commit.commit_id, draft.subject
        return commit

    def _on_branch(self, repository: _Repository, person: Person) -> Invented:
        own = [branch for branch in repository.branches if branch.owner == person]
        if own:
            branch = own[0]
        elif len(repository.branches) < _OPEN_BRANCHES:
            topic = "-".join(self._random.sample(self._topics, 2))
            branch = _Branch(repository.tip, topic, person)
            repository.branches.append(branch)
        else:
            return self._on_main(repository, self._draft(person))
        draft = self._draft(person)
        commit = self._finish(repository, draft, (branch.tip,))
        branch.tip, branch.lines = commit.commit_id, branch.lines + draft.lines
        return commit

    def _merge(self, repository: _Repository, several: bool) -> Invented:
        number = len(repository.branches) if several else 1
        merged = [repository.branches.pop(0) for _ in range(number)]
        first = merged[0]
        repository.requests += 1
        lines = sum((branch.lines for branch in merged), InventedLines())
        tips = tuple(branch.tip for branch in merged)
        if several:
            topics = ", ".join(f"'{branch.topic}'" for branch in merged)
            draft = InventedCommit(first.owner, f"Merge branches {topics}", lines, merges=tips)
        else:
            owner = first.owner.login or "fork"
            subject = f"Merge pull request #{repository.requests} from {owner}/{first.topic}"
            title = first.topic.replace("-", " ").capitalize()
            draft = InventedCommit(
                first.owner, subject, lines, title, committer=GITHUB, merges=tips
            )
        return self._on_main(repository, draft)

    def _draft(self, person: Person) -> InventedCommit:
        words = self._random.sample(self._topics, min(12, 1 + int(self._logarithmic(1.1, 0.5))))
        subject = f"{self._random.choice(_VERBS)} {' '.join(words)}"
        body = ""
        if self._random.random() < 0.35:
            number = 1 + int(self._logarithmic(0.6, 0.8))
            body = " ".join(self._random.choices(self._sentences, k=number))
        helpers: tuple[Person, ...] = ()
        if self._random.random() < 0.06:
            helpers = tuple(self._crowd.others(person, self._random.choice((1, 1, 2))))
        return InventedCommit(person, subject, self._lines(), body, self._committer(), helpers)

    def _committer(self) -> Person | None:
        """Return who commits instead of the author: mostly nobody, sometimes the site."""
        chance = self._random.random()
        if chance < 0.06:
            return GITHUB
        return self._crowd.one() if chance < 0.10 else None

    def _lines(self) -> InventedLines:
        if self._random.random() < 0.02:  # a binary file, or a mode
            return InventedLines(0, 0, 1)
        added = int(self._logarithmic(2.4, 1.5))
        deleted = int(added * self._logarithmic(-0.9, 0.9))
        return InventedLines(added, deleted, 1 + int(self._logarithmic(0.3, 0.9)))

    def _finish(
        self, repository: _Repository, draft: InventedCommit, parents: tuple[str, ...]
    ) -> Invented:
        committed = int(self._now)
        committer = draft.committer or draft.author
        # Who commits another's work does it later.
        delay = 0 if committer == draft.author else int(self._logarithmic(8.5, 1.4))
        trailers = "\n".join(f"Co-authored-by: {person}" for person in draft.co_authors)
        message = "\n\n".join(part for part in (draft.subject, draft.body, trailers) if part)
        commit = Invented(
            repository=repository.name,
            commit_id="",
            author=draft.author,
            committer=committer,
            message=message,
            authored=committed - delay,
            committed=committed,
            parents=parents,
            lines=draft.lines,
            co_authors=draft.co_authors,
        )
        return replace(commit, commit_id=_hash(commit))

    def _logarithmic(self, middle: float, spread: float) -> float:
        return self._random.lognormvariate(middle, spread)


def _hash(commit: Invented) -> str:
    """Return the hash that git would give, with a tree that stands for the contents."""
    lines = commit.lines
    # Ids must never change, so no class's own text may be part of them.
    counted = (
        f"Lines(additions={lines.additions}, deletions={lines.deletions}, files={lines.files})"
    )
    contents = f"{commit.repository} {commit.parents} {counted}"
    tree = hashlib.sha1(contents.encode(), usedforsecurity=False).hexdigest()
    head = [f"tree {tree}", *(f"parent {parent}" for parent in commit.parents)]
    head.append(f"author {commit.author} {commit.authored} +0000")
    head.append(f"committer {commit.committer} {commit.committed} +0000")
    text = "\n".join(head).encode() + b"\n\n" + commit.message.encode() + b"\n"
    return hashlib.sha1(b"commit %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


def _names(faker: Faker, number: int) -> list[str]:
    """Return names of repositories: a few owners, each with some."""
    owners = [faker.unique.domain_word() for _ in range(1 + number // 4)]
    names: dict[str, None] = {}
    while len(names) < number:
        kind = _KINDS[len(names) % len(_KINDS)]
        names[f"{owners[len(names) % len(owners)]}/{faker.word(part_of_speech='noun')}-{kind}"] = (
            None
        )
    return list(names)
