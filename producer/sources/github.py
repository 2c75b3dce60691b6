"""Commits from GitHub's API: a plan, the history, then what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from contractline.errors import ContractlineError
from producer.git.command import GitFailed
from producer.github.access import Credential
from producer.github.client import Client, RunStopped, Working, next_page
from producer.github.errors import GitHubRefused, NotAuthorised, NotFound, QueryFailed
from producer.github.mapping import SOURCE
from producer.github.pace import pause
from producer.github.plan import BackfillPlan, PlanPart
from producer.github.queries import PAGE
from producer.github.quota import CORE, GRAPHQL
from producer.github.reading import ApiReader, Wanted, renamed
from producer.github.retry import Policy
from producer.github.target import Repository, look_up
from producer.github.window import Window
from producer.refs import RefChoice
from producer.sources.base import Batch, Batches, Positions, RefPlace, Say
from producer.sources.git import GitSettings, GitSource

DISCOVER_SECONDS = 300.0
"""How often an organisation is asked for new repositories while following."""

REFUSED_SECONDS = 300.0
"""How long a repository that GitHub refuses is left alone while following."""


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """What to read, and how.

    Attributes:
        repositories: owner/name; records keep the name as it stands here, or what follows a ``=``.
        organisations: organisations or users, all of whose repositories are read.
        base_url: the API's address.
        credentials: who asks.
        clones: the folder that keeps git's copies.
        choice: which branches.
        window: which commits.
        forks: whether an organisation's forks are read too.
        plan_only: whether to stop after the plan.
        clone: whether git reads the histories.
        workers: how many git processes count lines at a time, with `clone`.
        follow: whether to wait for new commits.
        poll_seconds: how often to look for them, at most.
        share: the share of each quota that may be used.
        again: whether to read everything again, whatever the cursors say.
        policy: how long to wait after failures and limits.
    """

    repositories: Sequence[str]
    credentials: Sequence[Credential]
    base_url: str
    clones: Path
    organisations: Sequence[str] = ()
    choice: RefChoice = field(default_factory=RefChoice)
    window: Window = field(default_factory=Window)
    forks: bool = False
    plan_only: bool = False
    clone: bool = False
    workers: int = 2
    follow: bool = False
    poll_seconds: float = 5.0
    share: float = 1.0
    again: bool = False
    policy: Policy = field(default_factory=Policy)


class GitHubSource:
    """Reads repositories of one GitHub.

    Attributes:
        name: ``github``.
        resumes: from the position of each branch.
        expected: how many commits this run will give, as far as it is known yet.
    """

    name = SOURCE
    resumes = True

    def __init__(self, settings: GitHubSettings, say: Say) -> None:
        self.expected: int | None = None
        self._settings = settings
        self._say = say
        self._readers: dict[str, ApiReader] = {}
        self._problems: dict[str, ContractlineError] = {}
        self._resting: dict[str, float] = {}

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give the commits that are new since the known positions.

        Raises:
            NotAuthorised: no token is accepted.
            GitHubAway: GitHub can't be reached.
            ContractlineError: some repositories could not be read; the others were.
        """
        settings = self._settings
        client = Client(
            settings.credentials,
            settings.base_url,
            self._say,
            stop,
            share=settings.share,
            policy=settings.policy,
            is_patient=settings.follow,
        )
        try:
            yield from self._run(client, {} if settings.again else known, stop)
        except RunStopped:
            return
        finally:
            client.close()

    def _run(self, client: Client, known: Positions, stop: threading.Event) -> Batches:
        began = client.requests
        yield from client.learn_quota()
        yield from self._open(client, (yield from self._names(client)), known)
        plan = yield from self._plan(client)
        self._say(str(plan))
        if not self._settings.plan_only:
            self.expected = plan.commits or None
            yield from self._read_all(known, client, stop)
            self._say(
                f"GitHub was asked {client.requests - began:,} times; "
                f"queries cost {client.points:,} points"
            )
            if self._settings.follow:
                yield from self._follow(client, known, stop)
        self._complain()

    def _names(self, client: Client, *, if_changed: bool = False) -> Working[list[str]]:
        """Return the repositories to read, the organisations' included."""
        names = list(self._settings.repositories)
        for organisation in self._settings.organisations:
            try:
                names += yield from self._listed(client, f"/orgs/{organisation}", if_changed)
            except NotFound:
                names += yield from self._listed(client, f"/users/{organisation}", if_changed)
        return list({name.lower(): name for name in reversed(names)}.values())[::-1]

    def _listed(self, client: Client, owner: str, if_changed: bool) -> Working[list[str]]:
        url: str | None = f"{owner}/repos?per_page={PAGE}&sort=full_name"
        names: list[str] = []
        forks = 0
        while url:
            answer = yield from client.get(url, if_changed=if_changed)
            for repository in answer.items():
                if repository.get("fork") and not self._settings.forks:
                    forks += 1
                elif repository.get("full_name"):
                    names.append(str(repository["full_name"]))
            url = next_page(answer.headers)
        if forks and not if_changed:
            self._say(f"{owner}: {forks} forks are left out (--forks reads them)")
        return names

    def _open(self, client: Client, names: Iterable[str], known: Positions) -> Working[None]:
        wanted = Wanted(self._settings.choice, self._settings.window)
        for given in names:
            full_name, _, canonical = given.partition("=")
            name = canonical or full_name
            if name.lower() in (opened.lower() for opened in self._readers):
                continue
            try:
                repository = yield from look_up(client, name, full_name)
            except NotAuthorised:
                raise
            except GitHubRefused as problem:
                self._put_aside(name, problem)
                continue
            if repository.full_name.lower() != full_name.lower():
                self._say(renamed(repository))
            self._readers[name] = ApiReader(client, repository, wanted, known, self._say)

    def _plan(self, client: Client) -> Working[BackfillPlan]:
        parts: list[PlanPart] = []
        for name, reader in list(self._readers.items()):
            try:
                parts += yield from reader.plan()
            except NotAuthorised:
                raise
            except (GitHubRefused, QueryFailed) as problem:
                self._put_aside(name, problem)
        by_graphql = client.has_graphql
        return BackfillPlan(
            parts,
            by_graphql,
            self._settings.clone,
            client.budget(GRAPHQL if by_graphql else CORE),
            self._settings.share,
            time.time(),
        )

    def _read_all(self, known: Positions, client: Client, stop: threading.Event) -> Batches:
        for name, reader in list(self._readers.items()):
            if name in self._problems:
                continue
            yield from self._guarded(name, self._history(known, client, reader, stop))

    def _history(
        self, known: Positions, client: Client, reader: ApiReader, stop: threading.Event
    ) -> Batches:
        if self._settings.clone:
            yield from self._clone(known, client, reader, stop)
        yield from reader.catch_up()

    def _follow(self, client: Client, known: Positions, stop: threading.Event) -> Batches:
        discovered = time.monotonic()
        while not stop.is_set():
            yield from client.wait(
                pause(
                    self._settings.poll_seconds,
                    len(self._readers),
                    client.poll_seconds,
                    client.budget(CORE),
                    self._settings.share,
                    is_free=client.is_known,
                )
            )
            if self._settings.organisations and _since(discovered) > DISCOVER_SECONDS:
                discovered = time.monotonic()
                yield from self._discover(client, known)
            for name, reader in list(self._readers.items()):
                if self._resting.get(name, 0.0) < time.monotonic():
                    yield from self._guarded(name, reader.poll())

    def _discover(self, client: Client, known: Positions) -> Batches:
        """Begin with repositories that are new in an organisation."""
        before = set(self._readers)
        yield from self._open(client, (yield from self._names(client, if_changed=True)), known)
        for name in set(self._readers) - before:
            self._say(f"{name} is new")
            yield from self._guarded(name, self._begin(self._readers[name]))

    @staticmethod
    def _begin(reader: ApiReader) -> Batches:
        yield from reader.plan()
        yield from reader.catch_up()

    def _guarded(self, name: str, work: Batches) -> Batches:
        """Read one repository; what GitHub refuses of it does not end the others."""
        try:
            yield from work
        except NotAuthorised:
            raise
        except (GitFailed, GitHubRefused, QueryFailed) as problem:
            self._put_aside(name, problem)
        else:
            if self._problems.pop(name, None):
                self._say(f"{name} can be read again")

    def _put_aside(self, name: str, problem: ContractlineError) -> None:
        self._problems[name] = problem
        self._resting[name] = time.monotonic() + REFUSED_SECONDS
        self._say(f"{problem}" + (f"; {problem.hint}" if problem.hint else ""))

    def _complain(self) -> None:
        if not self._problems:
            return
        [first, *others] = self._problems.values()
        more = f" (and {len(others)} more, said above)" if others else ""
        raise ContractlineError(f"{first}{more}", hint=first.hint)

    def _clone(
        self, known: Positions, client: Client, reader: ApiReader, stop: threading.Event
    ) -> Batches:
        """Let git read a history; our own cursors go on from there."""
        repository, window = reader.repository, self._settings.window
        settings = GitSettings(
            _with_token(repository.clone_url, client),
            self._settings.clones,
            repository.name,
            RefChoice(tuple(reader.branches)),
            self._settings.workers,
            again=self._settings.again or not window.is_open,
        )
        if not reader.branches:
            return
        positions = dict(_of_git(known, repository))
        for batch in GitSource(settings, self._say).batches(known, stop):
            positions |= batch.positions
            if window.is_open:
                yield batch
            else:
                # What was read of a window says nothing of the rest.
                yield Batch([record for record in batch.records if window.holds(record)])
        if not stop.is_set():
            yield Batch((), reader.by_git(positions))


def _of_git(known: Positions, repository: Repository) -> Mapping[RefPlace, str]:
    mine = ("git", repository.name)
    return {p: commit for p, commit in known.items() if (p.source, p.repository) == mine}


def _with_token(url: str, client: Client) -> str:
    """Return the address with the token in it, where the connection hides it."""
    parts = urlsplit(url)
    token = client.token() if parts.scheme == "https" else None
    return (
        parts._replace(netloc=f"x-access-token:{token}@{parts.netloc}").geturl() if token else url
    )


def _since(moment: float) -> float:
    return time.monotonic() - moment
