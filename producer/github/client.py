"""Asking GitHub: with a pool of credentials, within the quota, and for as long as it takes.

A call is a generator: while it waits for a limit to end it gives empty batches, so that the run
goes on acknowledging and saving. ``answer = yield from client.get(...)`` inside a source;
:func:`finish` elsewhere.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from contractline.errors import ContractlineError
from producer.github.access import Credential
from producer.github.errors import GitHubAway, NotAuthorised, QueryFailed
from producer.github.quota import CORE, GRAPHQL, Budget, of_headers
from producer.github.retry import (
    Good,
    Limited,
    Moved,
    Policy,
    Reply,
    RequestFailed,
    RequestRefused,
    clock_time,
    graphql_errors,
    graphql_words,
    judge,
)
from producer.github.transport import Transport
from producer.sources.base import Batch, Say, ticks

Result = TypeVar("Result")
Working = Generator[Batch, None, Result]
"""Work that gives empty batches while it waits, and a result at its end."""

MOST_REDIRECTS = 5

_LINK = re.compile(r"<([^>]*)>([^<]*?)(?:,\s*(?=<)|$)")


class RunStopped(Exception):
    """When a run was told to stop while it waited for GitHub."""


class TooLarge(ContractlineError):
    """When GitHub could not do so much at once; asking for less can help."""


@dataclass(frozen=True, slots=True)
class GitHubAnswer:
    """What GitHub gave.

    Attributes:
        data: the JSON; None when nothing has changed since it was asked for last.
        headers: by their names in lower case.
        moved: whether a redirect led to it.
    """

    data: Any
    headers: Mapping[str, str]
    moved: bool = False

    def items(self) -> list[Mapping[str, Any]]:
        """Return the objects of a list."""
        return (
            [d for d in self.data if isinstance(d, Mapping)] if isinstance(self.data, list) else []
        )

    def object(self) -> Mapping[str, Any]:
        """Return the object that it is."""
        return self.data if isinstance(self.data, Mapping) else {}


@dataclass(slots=True)
class _Caller:
    """One credential at work."""

    transport: Transport
    budgets: dict[str, Budget] = field(default_factory=dict)
    blocked: dict[str, float] = field(default_factory=dict)
    limits: int = 0
    rejected: NotAuthorised | None = None

    @property
    def name(self) -> str:
        return self.transport.credential.name

    def budget(self, resource: str) -> Budget:
        return self.budgets.setdefault(resource, Budget())

    def ready_at(self, resource: str, share: float, now: float) -> float:
        return max(now, self.blocked.get(resource, now), self.budget(resource).until(share, now))


class Client:
    """Asks GitHub.

    Attributes:
        base_url: the API's address.
        requests: how many requests were sent.
        points: what the queries cost of the GraphQL quota.
        is_known: whether a token is sent; then an answer that nothing has changed is free.
        has_graphql: whether queries can be asked; GitHub answers them only with a token.
        poll_seconds: how long GitHub wants pollers to wait, as its last answer said; 0 when it
            did not.

    Args:
        credentials: who may ask.
        base_url: the API's address.
        say: where the words go.
        stop: ends every wait.
        share: the share of each quota that may be used, above 0 and at most 1.
        policy: how long to wait.
        is_patient: whether failures may last for ever, as in a run that follows.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        credentials: Sequence[Credential],
        base_url: str,
        say: Say,
        stop: threading.Event,
        *,
        share: float = 1.0,
        policy: Policy | None = None,
        is_patient: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.base_url = base_url
        self.requests = self.points = 0
        self.is_known = any(credential.auth for credential in credentials)
        self.has_graphql = self.is_known
        self.poll_seconds = 0.0
        self._callers = [_Caller(Transport(credential, base_url)) for credential in credentials]
        self._say = say
        self._stop = stop
        self._share = share
        self._policy = policy or Policy()
        self._is_patient = is_patient
        self._clock = clock
        self._etags: dict[tuple[str, str], str] = {}
        self._links: dict[str, str] = {}

    def get(
        self, url: str, *, if_changed: bool = False, shrinkable: bool = False
    ) -> Working[GitHubAnswer]:
        """Ask for a path, or a whole address that GitHub gave.

        Args:
            url: where; a redirect is followed.
            if_changed: ask with the ETag of the last answer; when nothing has changed, that costs
                no quota, and the answer's data is None.
            shrinkable: whether the caller can do with less.

        Raises:
            TooLarge: it is shrinkable, and too much at once.
            GitHubRefused: GitHub won't give it.
            GitHubAway: there was no usable answer for too long.
            Stopped: the run was told to stop.
        """
        moved = False
        for _ in range(MOST_REDIRECTS):
            verdict, reply = yield from self._ask(
                CORE, url, if_changed=if_changed, shrinkable=shrinkable
            )
            if isinstance(verdict, Good):
                # A 304 need not repeat where the next page is.
                link = {"link": self._links.get(url, "")} if verdict.data is None else {}
                return GitHubAnswer(verdict.data, {**link, **reply.headers}, moved)
            url, moved = self._at_home(verdict.location), True
        raise GitHubAway(self.base_url, f"{url}: redirected {MOST_REDIRECTS} times")

    def query(
        self, query: str, variables: Mapping[str, Any], *, shrinkable: bool = False
    ) -> Working[Mapping[str, Any]]:
        """Ask GraphQL; return its data, which may lack parts that could not be had.

        Args:
            query: the query.
            variables: its variables.
            shrinkable: whether the caller can ask for less.

        Raises:
            TooLarge: it is shrinkable, and too much at once.
            QueryFailed: GraphQL gave no data at all.
            GitHubRefused: GitHub won't give it.
            GitHubAway: there was no usable answer for too long.
            Stopped: the run was told to stop.
        """
        body = {"query": query, "variables": dict(variables)}
        url = self._callers[0].transport.graphql_url
        verdict, _ = yield from self._ask(GRAPHQL, url, body=body, shrinkable=shrinkable)
        if not isinstance(verdict, Good):
            raise GitHubAway(self.base_url, f"GraphQL is redirected to {verdict.location}")
        answer = GitHubAnswer(verdict.data, {}).object()
        data = answer.get("data")
        if isinstance(data, Mapping) and any(v for n, v in data.items() if n != "rateLimit"):
            self.points += _cost(data)
            return data
        kinds = [str(e["type"]) for e in graphql_errors(answer) if e.get("type")]
        raise QueryFailed(self.base_url, ", ".join(kinds), graphql_words(answer))

    def do_without_graphql(self, problem: ContractlineError) -> None:
        """Ask no more queries: GraphQL does not answer this token."""
        self.has_graphql = False
        self._say(f"GraphQL can't be used ({problem}); going on by REST, without line counts")

    def budget(self, resource: str) -> list[Budget]:
        """Return what is known of each credential's quota."""
        return [caller.budget(resource) for caller in self._callers if caller.rejected is None]

    def learn_quota(self) -> Working[None]:
        """Ask each credential for its quotas, which costs nothing; a server may have none."""
        for caller in self._callers:
            reply = self._send(caller, CORE, "/rate_limit", None, {})
            verdict = (
                judge(reply, "/rate_limit", self._clock()) if isinstance(reply, Reply) else reply
            )
            if isinstance(verdict, RequestRefused) and isinstance(verdict.error, NotAuthorised):
                self._reject(caller, verdict.error)
            if isinstance(verdict, Good) and isinstance(verdict.data, Mapping):
                for resource, values in (verdict.data.get("resources") or {}).items():
                    caller.budget(resource).update(values)
            yield Batch()

    def token(self) -> str | None:
        """Return a secret for git; None for nobody."""
        return next((c.transport.token() for c in self._callers if c.rejected is None), None)

    def breathe(self) -> Working[None]:
        """Wait as after a first failure.

        Raises:
            Stopped: the run was told to stop meanwhile.
        """
        yield from self.wait(self._policy.after_failure(1))

    def wait(self, seconds: float) -> Working[None]:
        """Wait.

        Raises:
            Stopped: the run was told to stop meanwhile.
        """
        yield from ticks(seconds, self._stop)
        if self._stop.is_set():
            raise RunStopped

    def close(self) -> None:
        """Close the connections."""
        for caller in self._callers:
            caller.transport.close()

    def _ask(
        self,
        resource: str,
        url: str,
        *,
        body: Mapping[str, Any] | None = None,
        if_changed: bool = False,
        shrinkable: bool = False,
    ) -> Working[tuple[Good | Moved, Reply]]:
        """Ask until there is an answer, or no hope of one."""
        failures, since = 0, self._clock()
        while True:
            caller = yield from self._ready(resource)
            key = (caller.name, url)
            headers = (
                {"If-None-Match": self._etags[key]} if if_changed and key in self._etags else {}
            )
            reply = self._send(caller, resource, url, body, headers)
            what = "GraphQL" if body else _shown(url)
            match self._judged(reply, what, is_graphql=body is not None):
                case Good() | Moved() as verdict if isinstance(reply, Reply):
                    caller.limits = 0
                    if if_changed:
                        self._remember(caller, url, reply)
                    if failures:
                        self._say(f"GitHub answers again after {self._clock() - since:.0f} s")
                    return verdict, reply
                case Limited() as limited:
                    self._block(caller, resource, limited)
                case RequestRefused(NotAuthorised() as error):
                    self._reject(caller, error)
                case RequestRefused(error):
                    raise error
                case RequestFailed() as failed:
                    if shrinkable and failed.may_be_too_large:
                        raise TooLarge(failed.problem)
                    failures += 1
                    yield from self._pause(failed, failures, since)

    def _remember(self, caller: _Caller, url: str, reply: Reply) -> None:
        """Keep what the next conditional request needs; an ETag holds for one credential."""
        if "etag" in reply.headers:
            self._etags[caller.name, url] = reply.headers["etag"]
        if reply.status != 304:
            self._links[url] = reply.headers.get("link", "")

    def _send(
        self,
        caller: _Caller,
        resource: str,
        url: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> Reply | RequestFailed:
        self.requests += 1
        reply = caller.transport.send("POST" if body else "GET", url, headers, body)
        if isinstance(reply, Reply) and (said := of_headers(reply.headers)):
            told, values = said
            # GitHub names the quota; a server that does not, speaks of the one that was used.
            known = told if "x-ratelimit-resource" in reply.headers else resource
            caller.budget(known).update(values)
        if isinstance(reply, Reply):
            self.poll_seconds = _number(reply.headers.get("x-poll-interval"))
        return reply

    def _judged(self, reply: Reply | RequestFailed, what: str, *, is_graphql: bool) -> Any:
        if isinstance(reply, RequestFailed):
            return reply
        return judge(reply, what, self._clock(), is_graphql=is_graphql)

    def _ready(self, resource: str) -> Working[_Caller]:
        """Return a credential that may ask now, the one with the most left; wait for the first."""
        while True:
            if self._stop.is_set():
                raise RunStopped
            callers = [caller for caller in self._callers if caller.rejected is None]
            if not callers:
                raise self._no_caller()
            now = self._clock()
            waits = {id(c): c.ready_at(resource, self._share, now) for c in callers}
            ready = [caller for caller in callers if waits[id(caller)] <= now]
            if ready:
                return max(ready, key=lambda caller: self._left(caller, resource, now))
            soonest = min(callers, key=lambda caller: waits[id(caller)])
            until = waits[id(soonest)]
            if until > soonest.blocked.get(resource, 0):
                self._say(
                    f"{soonest.name}: the share of the {resource} quota that may be used is used "
                    f"up; waiting until {clock_time(until, now)}"
                )
            yield from self.wait(until - now)

    def _left(self, caller: _Caller, resource: str, now: float) -> float:
        usable = caller.budget(resource).usable(self._share, now)
        return float("inf") if usable is None else usable

    def _block(self, caller: _Caller, resource: str, limited: Limited) -> None:
        """Let a credential rest: of one kind of call for the primary limit, else of all."""
        now = self._clock()
        caller.limits += 1
        until = now + self._policy.after_limit(limited, caller.limits)
        for name in (resource,) if limited.is_primary else (CORE, GRAPHQL):
            caller.blocked[name] = until
        self._say(
            f"GitHub: {caller.name} has met {limited.limit} ({resource}); "
            f"it rests until {clock_time(until, now)}"
        )

    def _reject(self, caller: _Caller, error: NotAuthorised) -> None:
        caller.rejected = error
        if len(self._callers) > 1:
            self._say(f"GitHub does not accept {caller.name} ({error.said}); going on without it")

    def _no_caller(self) -> NotAuthorised:
        errors = [caller.rejected for caller in self._callers if caller.rejected]
        return errors[-1]

    def _pause(self, failed: RequestFailed, number: int, since: float) -> Working[None]:
        waited = self._clock() - since
        if not self._is_patient and waited > self._policy.give_up_seconds:
            raise GitHubAway(
                self.base_url, f"{failed.problem}, and nothing better for {waited:.0f} s"
            )
        pause = self._policy.after_failure(number)
        self._say(f"{failed.problem}; trying again in {pause:.1f} s")
        yield from self.wait(pause)

    def _at_home(self, location: str) -> str:
        """Return the address of a redirect, if it stays at this server: the token goes along.

        Raises:
            GitHubAway: it leads elsewhere.
        """
        here, there = urlsplit(self.base_url), urlsplit(location)
        if there.netloc and (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise GitHubAway(
                self.base_url,
                f"redirected to {there.scheme}://{there.netloc}: set it as --base-url",
            )
        return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()


def finish(work: Working[Result]) -> Result:
    """Do work to its end, waiting as long as it takes, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def next_page(headers: Mapping[str, str]) -> str | None:
    """Return the address of the next page, as a Link header gives it; None on the last.

    It is followed as it is: some lists count pages, others go on from a cursor.
    """
    for address, relations in _LINK.findall(headers.get("link", "")):
        if any(r.strip().replace('"', "") == "rel=next" for r in relations.split(";")):
            return str(address)
    return None


def _cost(data: Mapping[str, Any]) -> int:
    cost = (data.get("rateLimit") or {}).get("cost")
    return cost if isinstance(cost, int) else 1


def _number(value: str | None) -> float:
    return float(value) if value and value.isdecimal() else 0.0


def _shown(url: str) -> str:
    return urlsplit(url).path if "://" in url else url.partition("?")[0]
