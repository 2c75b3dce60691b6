"""The repositories that the server shows: read from git, or generated."""

from __future__ import annotations

import hashlib
import heapq
import random
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from contractline.settings import environment

_FIELDS = ("%H", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B")
_RECORD = "\0\0\x1e\0"
_LATEST = 253_402_300_799


@dataclass(frozen=True)
class Person:
    name: str | None
    email: str | None
    login: str | None = None


@dataclass(frozen=True)
class Commit:
    """A commit as the server knows it; dates in seconds since 1970."""

    oid: str
    parents: tuple[str, ...]
    author: Person | None
    committer: Person | None
    authored: int
    committed: int
    message: str
    additions: int = 1
    deletions: int = 0
    files: int = 1


@dataclass
class Repository:
    """A repository: its commits and its branches, which a test may move.

    Attributes:
        id: by which a renamed one is still found.
        full_name: owner/name as it is now.
        former: the names that redirect here.
        former_branches: old names of branches, with the new ones.
        clone_url: where git finds it.
        hidden: whether it answers 404, as a private one does.
    """

    id: int
    full_name: str
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    default_branch: str = "main"
    former: set[str] = field(default_factory=set)
    former_branches: dict[str, str] = field(default_factory=dict)
    clone_url: str = ""
    hidden: bool = False
    _orders: dict[str, list[str]] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    def rename(self, full_name: str) -> None:
        self.former.add(self.full_name)
        self.full_name = full_name

    def reachable(self, oid: str) -> set[str]:
        seen: set[str] = set()
        todo = [oid]
        while todo:
            if (at := todo.pop()) not in seen:
                seen.add(at)
                todo += self.commits[at].parents
        return seen

    def history(self, oid: str, without: Iterable[str] = ()) -> list[str]:
        """Return commits newest first, no parent before its child, as `git log` orders them."""
        if not without and oid in self._orders:
            return self._orders[oid]
        excluded = set(without)
        order: list[str] = []
        heap = [(-self.commits[oid].committed, oid)]
        seen = {oid}
        waiting = self._children(oid)
        while heap:
            _, at = heapq.heappop(heap)
            if at not in excluded:
                order.append(at)
            for parent in self.commits[at].parents:
                waiting[parent] -= 1
                if parent not in seen and not waiting[parent]:
                    seen.add(parent)
                    heapq.heappush(heap, (-self.commits[parent].committed, parent))
        if not excluded:
            self._orders[oid] = order
        return order

    def _children(self, oid: str) -> dict[str, int]:
        counts = dict.fromkeys(self.reachable(oid), 0)
        for commit in counts:
            for parent in self.commits[commit].parents:
                counts[parent] += 1
        return counts

    def commit(self, branch: str = "main", **values: object) -> str:
        """Add a commit on a branch, and return its hash."""
        tip = self.branches.get(branch)
        number = len(self.commits)
        made = Commit(
            **{
                "oid": hashlib.sha1(f"{self.id} {number}".encode()).hexdigest(),
                "parents": (tip,) if tip else (),
                "author": Person("Ann", "ann@example.com", "ann"),
                "committer": Person("Ann", "ann@example.com", "ann"),
                "authored": 1_700_000_000 + number * 60,
                "committed": 1_700_000_000 + number * 60,
                "message": f"commit {number}",
                **values,
            }  # type: ignore[arg-type]
        )
        self.commits[made.oid] = made
        self.branches[branch] = made.oid
        return made.oid


def from_git(
    path: Path, full_name: str, number: int = 1, logins: Mapping[str, str] | None = None
) -> Repository:
    """Read a repository with git; logins by address."""
    repository = Repository(number, full_name, clone_url=f"file://{path.resolve()}")
    refresh(repository, path, logins or {})
    return repository


def refresh(repository: Repository, path: Path, logins: Mapping[str, str]) -> None:
    """Read what git has now: new commits, and where the branches are."""
    refs = _git(path, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    repository.branches = {
        name: oid for name, _, oid in (line.rpartition(" ") for line in refs.splitlines())
    }
    head = _git(path, "symbolic-ref", "--short", "--quiet", "HEAD").strip()
    if not head and (commit := _git(path, "rev-parse", "--verify", "--quiet", "HEAD").strip()):
        # A detached HEAD, as a CI's checkout has it: GitHub would have a branch there.
        head = "HEAD"
        repository.branches[head] = commit
    repository.default_branch = head or "main"
    if repository.branches:
        for read in _read(path, logins):
            repository.commits[read.oid] = read


def _read(path: Path, logins: Mapping[str, str]) -> Iterable[Commit]:
    form = "%x00%x00%x1e%x00" + "%x00".join(_FIELDS) + "%x00"
    out = _git(
        path,
        *(
            "log",
            "HEAD",
            "--branches",
            f"--format={form}",
            "--numstat",
            "--diff-merges=first-parent",
        ),
        *("--root", "--find-renames", "--encoding=UTF-8", "--no-show-signature"),
    )
    for part in out.split(_RECORD)[1:]:
        oid, parents, name, email, authored, committer, address, committed, rest = part.split(
            "\0", 8
        )
        message, _, numstat = rest.partition("\0")
        counts = [line.split("\t") for line in numstat.splitlines() if line.count("\t") >= 2]
        yield Commit(
            oid,
            tuple(parents.split()),
            Person(_stated(name), _stated(email), logins.get(email)),
            Person(_stated(committer), _stated(address), logins.get(address)),
            _date(authored),
            _date(committed),
            message.rstrip("\n"),
            sum(int(c[0]) for c in counts if c[0] != "-"),
            sum(int(c[1]) for c in counts if c[1] != "-"),
            len(counts),
        )


def _stated(value: str) -> str | None:
    """Return a name or address; git repeats the placeholder for what a commit lacks."""
    return None if value in ("%an", "%ae", "%cn", "%ce") else value


def _date(digits: str) -> int:
    return min(int(digits[:15] or 0), _LATEST) if digits.isdigit() else 0


def _git(path: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(path), "-c", "core.quotePath=true", *arguments],
        capture_output=True,
        check=False,
        env={
            **environment(),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": "/dev/null/none",
            "LC_ALL": "C",
        },
    )
    return done.stdout.decode(errors="replace")


def generated(full_name: str, commits: int, number: int = 1, seed: int = 1) -> Repository:
    """Make up a history with branches, merges and people."""
    chance = random.Random(seed)
    repository = Repository(number, full_name)
    people = [Person(f"Dev {n}", f"dev{n}@example.com", f"dev{n}") for n in range(20)]
    side: str | None = None
    for n in range(commits):
        author = chance.choice(people)
        committed = 1_600_000_000 + n * 600 + chance.randrange(500)
        tip = repository.branches.get("main")
        values = {
            "author": author,
            "committer": chance.choice(
                [author, Person("GitHub", "noreply@github.com", "web-flow")]
            ),
            "authored": committed - chance.randrange(5000),
            "committed": committed,
            "message": f"Change {n}\n\nBecause of {chance.random():.3f}",
            "additions": chance.randrange(200),
            "deletions": chance.randrange(100),
            "files": chance.randrange(1, 9),
        }
        if side and chance.random() < 0.3 and tip:
            repository.commit("main", parents=(tip, side), **values)
            side = None
        elif tip and chance.random() < 0.2:
            side = repository.commit("side", parents=(side or tip,), **values)
        else:
            repository.commit("main", **values)
    return repository


def moment(seconds: int) -> str:
    """Return a date as GitHub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
