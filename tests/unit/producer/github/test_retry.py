"""What GitHub's answers mean: every shape of a limit, and what is not one."""

from __future__ import annotations

import json

import pytest

from producer.github.errors import (
    GitHubRefused,
    HasNoCommits,
    NotAllowed,
    NotAuthorised,
    NotFound,
)
from producer.github.retry import (
    Good,
    Limited,
    Moved,
    Policy,
    Reply,
    RequestFailed,
    RequestRefused,
    clock_time,
    judge,
)

NOW = 1_772_366_400.0
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
PRIMARY = "API rate limit exceeded for user ID 1."


def reply(status: int, body: object = None, **headers: str) -> Reply:
    content = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, content)


def said(status: int, message: str, **headers: str) -> Reply:
    return reply(status, {"message": message}, **headers)


USED_UP = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW) + 600)}


@pytest.mark.parametrize(
    ("answer", "is_primary", "seconds"),
    [
        (said(403, PRIMARY, **USED_UP), True, 600),
        (said(429, PRIMARY, **USED_UP), True, 600),
        (said(429, "?", **USED_UP), True, 600),
        (said(403, PRIMARY), True, None),
        (said(403, SECONDARY, retry_after="30"), False, 30),
        (said(429, SECONDARY, retry_after="Sun, 01 Mar 2026 12:01:00 GMT"), False, 60),
        (said(403, SECONDARY, retry_after="Sun, 01 Mar 2026 11:00:00 GMT"), False, 0),
        (said(403, SECONDARY), False, None),
        (said(403, SECONDARY, **USED_UP), False, None),
        (said(403, "You have triggered an abuse detection mechanism."), False, None),
        (said(403, "Something, please wait a few minutes before you try again."), False, None),
        (said(403, "?", retry_after="7"), False, 7),
        (said(429, "Too many requests"), False, None),
        (reply(429, "<html>slow down</html>"), False, None),
        (reply(429, ""), False, None),
        (said(429, "?", retry_after="soon"), False, None),
    ],
)
def test_limits(answer, is_primary, seconds):
    verdict = judge(answer, "/x", NOW)
    assert isinstance(verdict, Limited)
    assert (verdict.is_primary, verdict.seconds) == (is_primary, seconds)


@pytest.mark.parametrize(
    ("errors", "is_primary"),
    [
        ([{"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}], True),
        ([{"type": "RATE_LIMIT", "message": "?"}], True),
        ([{"message": SECONDARY}], False),
    ],
)
def test_limits_of_graphql_come_with_status_200(errors, is_primary):
    verdict = judge(reply(200, {"errors": errors}, **USED_UP), "/graphql", NOW, is_graphql=True)
    assert isinstance(verdict, Limited)
    assert verdict.is_primary is is_primary


@pytest.mark.parametrize(
    ("answer", "kind", "in_words"),
    [
        (said(401, "Bad credentials"), NotAuthorised, "expired"),
        (said(403, "Resource not accessible by integration"), NotAllowed, "read access"),
        (said(403, "?", x_ratelimit_remaining="4999"), NotAllowed, "read access"),
        (
            said(403, "SAML", x_github_sso="required; url=https://github.com/orgs/x/sso?y"),
            NotAllowed,
            "https://github.com/orgs/x/sso",
        ),
        (said(403, "IP allow list enabled"), NotAllowed, "addresses"),
        (said(404, "Not Found"), NotFound, "spelled right"),
        (said(451, "Repository access blocked"), NotFound, "spelled right"),
        (said(409, "Git Repository is empty."), HasNoCommits, "first commit"),
        (said(422, "No commit found for SHA: x"), GitHubRefused, ""),
        (reply(403, "<html>forbidden</html>"), NotAllowed, "read access"),
    ],
)
def test_refusals_are_told_apart(answer, kind, in_words):
    verdict = judge(answer, "/repos/o/n", NOW)
    assert isinstance(verdict, RequestRefused)
    assert type(verdict.error) is kind
    assert "/repos/o/n" in str(verdict.error)
    assert in_words in verdict.error.hint


@pytest.mark.parametrize(
    ("answer", "too_large"),
    [
        (said(500, "?"), False),
        (reply(502, "<html>Bad gateway</html>"), True),
        (reply(503, ""), True),
        (reply(504, "{"), True),
        (reply(200, "<!DOCTYPE html><html>Unicorn!</html>"), False),
        (reply(200, ""), False),
        (reply(200, '{"sha": "aaaa'), False),
        (reply(200, '"text"'), False),
    ],
)
def test_failures_are_tried_again(answer, too_large):
    verdict = judge(answer, "/x", NOW)
    assert isinstance(verdict, RequestFailed)
    assert verdict.may_be_too_large is too_large


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Something went wrong while executing your query. Please include `1` …"},
        {"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."},
        {"message": "Timeout on validation of query"},
    ],
)
def test_a_query_that_was_too_much(error):
    verdict = judge(reply(200, {"data": None, "errors": [error]}), "/x", NOW, is_graphql=True)
    assert isinstance(verdict, RequestFailed)
    assert verdict.may_be_too_large


def test_other_errors_of_graphql_leave_its_data():
    data = {"data": {"repository": None}, "errors": [{"type": "NOT_FOUND", "message": "no"}]}
    assert judge(reply(200, data), "/x", NOW, is_graphql=True) == Good(data)


def test_what_is_fine():
    assert judge(reply(304, ""), "/x", NOW) == Good(None)
    assert judge(reply(200, [1]), "/x", NOW) == Good([1])
    for status in (301, 302, 307, 308):
        assert judge(reply(status, "", location="/y"), "/x", NOW) == Moved("/y")
    # REST may use the word for something else.
    assert judge(reply(200, {"errors": [1]}), "/x", NOW) == Good({"errors": [1]})


def test_pauses_grow_and_spread():
    policy = Policy()
    pauses = [policy.after_failure(n) for n in range(1, 12)]
    assert all(2**n <= pause <= 2**n * 1.1 for n, pause in enumerate(pauses[:5]))
    assert max(pauses) <= 66
    untimed = Limited("x", None, is_primary=False)
    assert 60 <= policy.after_limit(untimed, 1) <= 66
    assert 240 <= policy.after_limit(untimed, 3) <= 264
    assert policy.after_limit(untimed, 99) <= 3960
    timed = Limited("x", 30.0, is_primary=False)
    passed = Limited("x", 0.0, is_primary=True)  # as for a clock that is hours ahead
    assert policy.after_limit(passed, 1) < 2
    assert 64 > policy.after_limit(passed, 6) >= 32
    assert 31 <= policy.after_limit(timed, 5) <= 31.1
    assert len({policy.after_failure(3) for _ in range(10)}) > 1


def test_until_when():
    assert clock_time(NOW + 30, NOW) == "12:00:30 UTC (30 s)"
    assert clock_time(NOW + 3000, NOW) == "12:50:00 UTC (50 min)"
