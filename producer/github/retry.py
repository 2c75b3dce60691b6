"""The retry policy: what each answer of GitHub means, and how long to wait before the next try.

PyGithub's own retries are off. They give up on a 429 without Retry-After and on GraphQL's
RATE_LIMITED (status 200), raise on partial data, and take HTML with status 200 for an empty object.

The rules: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
and https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from producer.github.errors import (
    GitHubRefused,
    HasNoCommits,
    NotAllowed,
    NotAuthorised,
    NotFound,
)

_SECONDARY = ("secondary rate limit", "abuse detection", "abuse-rate-limits")
_PRIMARY = ("api rate limit exceeded", "api rate limit already exceeded", "rate limit exceeded")
_LATER = ("please wait a few minutes before you try again", "please retry your request again later")
_TOO_LARGE = ("timeout", "timed out", "something went wrong", "resource limits", "couldn't respond")
_REDIRECTS = frozenset({301, 302, 307, 308})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Good:
    """The answer can be used; `data` is None for 304."""

    data: Any


@dataclass(frozen=True, slots=True)
class Moved:
    """What was asked for is elsewhere."""

    location: str


@dataclass(frozen=True, slots=True)
class Limited:
    """This token has to wait.

    Attributes:
        limit: in words.
        seconds: how long, as GitHub said; None when it did not say.
        is_primary: whether the hourly quota is used up.
    """

    limit: str
    seconds: float | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """It did not work this time.

    Attributes:
        problem: in words.
        may_be_too_large: whether asking for less can help.
    """

    problem: str
    may_be_too_large: bool = False


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """It won't work the next time either."""

    error: GitHubRefused


Verdict = Good | Moved | Limited | RequestFailed | RequestRefused


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait.

    Attributes:
        first_seconds: after the first failure; each further pause is twice as long.
        longest_seconds: the longest pause after a failure.
        give_up_seconds: how long failures may last in a run that does not follow.
        secondary_seconds: the first pause for a limit that GitHub does not time (GitHub asks for a
            minute at least); each further one is twice as long.
        jitter: the share by which a pause may be longer, so that many clients spread out.
    """

    first_seconds: float = 1.0
    longest_seconds: float = 60.0
    give_up_seconds: float = 900.0
    secondary_seconds: float = 60.0
    jitter: float = 0.1
    chance: random.Random = field(default_factory=random.Random)

    def after_failure(self, number: int) -> float:
        """Return the pause after some failures in a row, at least one."""
        return self._spread(
            min(self.first_seconds * 2 ** min(number - 1, 16), self.longest_seconds)
        )

    def after_limit(self, limited: Limited, number: int) -> float:
        """Return the pause for a limit that was met some times in a row, at least once."""
        if limited.seconds is not None:
            # The second more: clocks differ, and GitHub's are told in whole seconds. One that is far
            # off makes a reset lie in the past: what is met again and again is waited for longer.
            told = max(0.0, limited.seconds) + self._spread(1.0) * min(1.0, self.first_seconds)
            return max(told, self.after_failure(number) if number > 1 else 0.0)
        return self._spread(min(self.secondary_seconds * 2 ** min(number - 1, 6), 3600.0))

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + self.chance.uniform(0, self.jitter))


def judge(reply: Reply, what: str, now: float, *, is_graphql: bool = False) -> Verdict:
    """Tell what an answer means.

    Args:
        reply: the answer.
        what: what was asked for, to name it in an error.
        now: seconds since 1970.
        is_graphql: whether it answers a query, whose errors come with status 200.
    """
    status = reply.status
    if status in _REDIRECTS and reply.headers.get("location"):
        return Moved(reply.headers["location"])
    if status == 304:
        return Good(None)
    if 200 <= status < 300:
        return _content(reply, now, is_graphql=is_graphql)
    said = _said(reply)
    if status in (403, 429) and (limited := _limit(reply, said, now)):
        return limited
    if status >= 500 or status == 408:
        return RequestFailed(
            f"GitHub answered {status} ({said})", may_be_too_large=status in (502, 503, 504)
        )
    return RequestRefused(_refusal(reply, what, said))


def _content(reply: Reply, now: float, *, is_graphql: bool) -> Verdict:
    """Judge an answer with status 2xx, which may still be none, or a GraphQL error."""
    try:
        data = json.loads(reply.body)
    except ValueError:
        start = reply.body.lstrip()[:40]
        if not start:
            return RequestFailed(f"GitHub answered {reply.status} with nothing")
        if start.startswith("<"):
            return RequestFailed(f"GitHub answered {reply.status} with HTML in place of JSON")
        return RequestFailed(f"GitHub answered {reply.status} with JSON that is cut off or damaged")
    if not isinstance(data, Mapping | list):
        return RequestFailed(
            f"GitHub answered {reply.status} with JSON that is not an object or list"
        )
    if is_graphql and isinstance(data, Mapping) and data.get("errors"):
        return _graphql_errors(reply, data, now)
    return Good(data)


def _graphql_errors(reply: Reply, data: Mapping[str, Any], now: float) -> Verdict:
    kinds = {error.get("type") for error in graphql_errors(data)}
    said = graphql_words(data)
    if kinds & {"RATE_LIMITED", "RATE_LIMIT"} or _mentions(said, _PRIMARY):
        return Limited("the primary limit", _reset(reply, now), is_primary=True)
    if _mentions(said, _SECONDARY) or _mentions(said, _LATER):
        return Limited("a secondary limit", _retry_after(reply, now), is_primary=False)
    if kinds & {"RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED", "TIMEOUT"}:
        return RequestFailed(f"GraphQL gave up ({said})", may_be_too_large=True)
    if _mentions(said, _TOO_LARGE):
        return RequestFailed(f"GraphQL failed ({said})", may_be_too_large=True)
    return Good(data)


def graphql_errors(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the errors of GraphQL's answer."""
    errors = data.get("errors")
    return [e for e in errors if isinstance(e, Mapping)] if isinstance(errors, list) else []


def graphql_words(data: Mapping[str, Any]) -> str:
    """Return the words of GraphQL's errors."""
    messages = (error.get("message") for error in graphql_errors(data))
    return _short("; ".join(str(m) for m in messages if m) or "no reason given")


def _limit(reply: Reply, said: str, now: float) -> Limited | None:
    """Tell whether a 403 or 429 is a limit, and which; None when it is not one.

    Seen at GitHub: with and without Retry-After, which may be a date; with nothing but the words of
    the body; a 429 without anything; the primary limit as 403 and as 429.
    """
    words = reply.body.lower()
    after = _retry_after(reply, now)
    is_used_up = reply.headers.get("x-ratelimit-remaining") == "0"
    if _mentions(words, _SECONDARY):
        return Limited("a secondary limit", after, is_primary=False)
    if is_used_up and (reply.status == 429 or _mentions(words, _PRIMARY) or after is None):
        reset = _reset(reply, now)
        if reset is not None:
            return Limited("the primary limit", reset, is_primary=True)
    if after is not None or reply.status == 429 or _mentions(words, _LATER):
        return Limited("a secondary limit", after, is_primary=False)
    if _mentions(words, _PRIMARY):
        return Limited("the primary limit", _reset(reply, now), is_primary=True)
    return None


def _retry_after(reply: Reply, now: float) -> float | None:
    """Return the seconds of a Retry-After header: a number, or a date."""
    value = reply.headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _reset(reply: Reply, now: float) -> float | None:
    """Return the seconds until the primary limit starts anew; None when it is not said."""
    try:
        return max(0.0, float(reply.headers["x-ratelimit-reset"]) - now)
    except (KeyError, ValueError):
        return None


def _refusal(reply: Reply, what: str, said: str) -> GitHubRefused:
    status = reply.status
    if status == 401:
        return NotAuthorised(
            what,
            status,
            said,
            hint="is it complete, and neither expired nor revoked? GITHUB_TOKEN or --token-file",
        )
    if status == 403:
        return NotAllowed(what, status, said, hint=_allow(reply, said))
    if status in (404, 410, 451):
        return NotFound(what, status, said, hint=_FIND)
    if status == 409 and "empty" in said.lower():
        return HasNoCommits(what, status, said, hint="push a first commit, or leave it out")
    return GitHubRefused(what, status, said)


_FIND = (
    "is the name spelled right (owner/name)? GitHub gives the same answer for a private repository "
    "that the token can't see: give the token read access to its contents"
)


def _allow(reply: Reply, said: str) -> str:
    single_sign_on = reply.headers.get("x-github-sso", "")
    if "url=" in single_sign_on:
        return f"authorise the token for the organisation: {single_sign_on.partition('url=')[2]}"
    if "ip allow list" in said.lower():
        return "the organisation lets only listed addresses in: add this machine's"
    return "give the token (or the App) read access to the contents and metadata of the repository"


def _said(reply: Reply) -> str:
    """Return GitHub's own words about an error."""
    try:
        data = json.loads(reply.body)
    except ValueError:
        return "HTML in place of JSON" if reply.body.lstrip().startswith("<") else "no words"
    message = data.get("message") if isinstance(data, Mapping) else None
    return _short(str(message)) if message else "no words"


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _mentions(words: str, phrases: tuple[str, ...]) -> bool:
    lower = words.lower()
    return any(phrase in lower for phrase in phrases)


def clock_time(moment: float, now: float) -> str:
    """Return until when, and how long that is: ``11:42:10 UTC (12 min)``."""
    at = datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")
    left = max(0.0, moment - now)
    length = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
    return f"{at} ({length})"
