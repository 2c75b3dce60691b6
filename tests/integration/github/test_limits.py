"""Limits and faults of every shape: nothing is lost, nothing is given up, and it is said."""

from __future__ import annotations

import re
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github import Auth

from contractline.errors import ContractlineError
from producer.github.access import Credential, GitHubAccess
from producer.github.client import finish
from producer.github.errors import GitHubAway, NotAllowed, NotAuthorised
from producer.github.target import look_up
from tests.github_server.app import TOKEN
from tests.github_server.script import Fault
from tests.integration.github.reading import SHOP, Reading, read

SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
PRIMARY = {"message": "API rate limit exceeded for user ID 1."}


def whole(server) -> list[str]:
    it = server.repositories[0]
    return sorted(it.history(it.branches["main"]))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": SECONDARY, "headers": {"retry-after": "0"}},
        {"status": 429, "body": SECONDARY},
        {"status": 429, "body": "<html>slow down</html>"},
        {"status": 403, "body": {"message": "You have triggered an abuse detection mechanism."}},
        {
            "status": 403,
            "body": PRIMARY,
            "headers": {
                "x-ratelimit-limit": "5000",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "{now+0}",
            },
        },
        {"status": 200, "body": {"errors": [{"type": "RATE_LIMITED", "message": "?"}]}},
        {"status": 200, "body": {"errors": [SECONDARY]}},
        {"status": 500, "body": {"message": "?"}},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 503, "body": ""},
        {"status": 200, "body": "<!DOCTYPE html><title>Unicorn!</title>"},
        {"cut": True},
    ],
)
def test_a_history_survives(server, fault):
    server.faults = [Fault("/graphql", times=2, skip=1, **fault)]
    found = read(server)
    assert sorted(found.ids) == whole(server)
    assert len(found.said) > 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "body": SECONDARY},
        {"status": 502, "body": ""},
        {"status": 200, "body": "<html>maintenance</html>"},
        {"cut": True},
    ],
)
def test_rest_survives(server, fault):
    server.faults = [Fault("/repos", times=3, **fault)]
    assert sorted(read(server, tokens=()).ids) == whole(server)


def test_a_pause_is_as_long_as_github_says_and_until_when_is_said(server):
    server.faults = [
        Fault("/graphql", skip=1, status=403, body=SECONDARY, headers={"retry-after": "1"})
    ]
    began = time.monotonic()
    found = read(server)
    assert time.monotonic() - began > 1
    [words] = [words for words in found.said if "secondary" in words]
    assert re.search(
        r"token 1 has met a secondary limit .* until \d\d:\d\d:\d\d UTC \(1 s\)", words
    )


def test_the_primary_limit_is_waited_for(server):
    server.limits["graphql"] = 3
    server.window_seconds = 2.0
    found = read(server)
    assert sorted(found.ids) == whole(server)
    assert found.heard("waiting until")
    # It waited rather than asking again and again.
    assert server.count("/graphql") <= 6


def test_what_was_read_is_given_while_a_limit_is_waited_for(server):
    server.faults = [
        Fault("/graphql", skip=2, status=403, body=SECONDARY, headers={"retry-after": "600"})
    ]
    run = Reading(server).run(until=lambda run: run.heard("a secondary limit"), limit=20)
    assert len(run.ids) == 100
    assert run.heard("600 s") or run.heard("10 min")


def test_another_token_goes_on_while_one_rests(server):
    server.tokens |= {"second", "third"}
    server.limits["graphql"] = 3
    began = time.monotonic()
    found = read(server, tokens=(TOKEN, "second", "third", "revoked"))
    assert sorted(found.ids) == whole(server)
    assert time.monotonic() - began < 10
    assert found.heard("does not accept token 4 (Bad credentials); going on without it")
    assert server.quota("second", "graphql").used
    assert server.quota("third", "graphql").used


def test_the_rest_of_the_quota_is_left_to_others(server):
    server.limits["graphql"] = 8
    server.window_seconds = 2.0
    found = read(server, share=0.5)
    assert sorted(found.ids) == whole(server)
    assert found.heard("the share of the graphql quota that may be used is used up")
    assert found.heard("quota: 3 of 4 graphql may be used (--max-quota 50%)")
    assert max(quota.used for quota in server.quotas.values()) <= 4


def test_pages_shrink_when_github_can_not_do_them_and_grow_again(server):
    server.largest_page = 30
    found = read(server)
    assert sorted(found.ids) == whole(server)
    assert found.heard("pages of 25 from now")


@pytest.mark.parametrize("form", ["502", "timeout", "limits", "holes"])
def test_a_commit_that_is_too_much_for_graphql_is_had_by_rest(server, form):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    server.heavy, server.heavy_form = {order[7]}, form
    found = {r["commit_id"]: r for r in read(server).records}
    assert sorted(found) == whole(server)
    assert found[order[7]]["additions"] == it.commits[order[7]].additions
    assert server.count("/commits/") == 1


def test_a_commit_that_nothing_can_count_is_taken_without_counts(server):
    it = server.repositories[0]
    order = it.history(it.branches["main"])
    server.heavy = {order[7]}
    server.faults = [Fault("/commits/", times=-1, status=502, body="")]
    found = read(server)
    records = {r["commit_id"]: r for r in found.records}
    assert sorted(records) == whole(server)
    assert records[order[7]]["additions"] is None
    assert found.heard("taken without line counts")
    assert sum(r["additions"] is None for r in found.records) == 1


def test_a_refusal_is_not_waited_for(server):
    server.faults = [
        Fault("/repos", times=-1, status=403, body={"message": "Resource not accessible"})
    ]
    with pytest.raises(ContractlineError, match="may not read it") as problem:
        read(server)
    assert "read access" in problem.value.hint
    assert server.count("/repos/") == 1


def test_a_wrong_token_ends_at_once(server):
    with pytest.raises(NotAuthorised, match="does not accept the token"):
        read(server, tokens=("wrong",))
    assert len(server.requests) <= 2


def test_nothing_but_failures_end_a_run_that_does_not_follow(server):
    server.faults = [Fault("/graphql", times=-1, skip=2, status=500, body={"message": "?"})]
    run = Reading(server)
    with pytest.raises(GitHubAway, match="nothing better for") as problem:
        run.run()
    assert "saved cursor" in problem.value.hint
    assert len(run.ids) == 100
    assert run.positions  # the next run goes on from here
    server.faults = []
    assert sorted(run.ids + read(server, run.positions).ids) == whole(server)


def test_a_server_that_is_not_there(server):
    with pytest.raises(GitHubAway, match="Connection refused"):
        read(server, base_url="http://127.0.0.1:9")


def test_redirects_are_followed_with_their_query_and_never_elsewhere(server, client):
    it = server.repositories[0]
    expected = whole(server)
    it.rename("acme/store")
    found = read(server, tokens=())
    assert sorted(found.ids) == expected
    assert {r["repository"] for r in found.records} == {"acme/shop"}
    assert found.heard("acme/shop is acme/store at GitHub now")
    for status in (301, 302, 307, 308):
        away = {"location": "http://127.0.0.1:9/repos/acme/shop"}
        server.faults = [Fault("/repos", status=status, headers=away)]
        with pytest.raises(GitHubAway, match="--base-url"):
            finish(look_up(client, "acme/store"))
        server.faults = [
            Fault("/repos/a/b", status=status, headers={"location": f"{server.url}/repositories/1"})
        ]
        assert finish(look_up(client, "a/b")).full_name == "acme/store"
    server.faults = [Fault("/repos/a/b", times=-1, status=307, headers={"location": "/repos/a/b"})]
    with pytest.raises(GitHubAway, match="redirected 5 times"):
        finish(look_up(client, "a/b"))


def test_an_app_gets_tokens_of_its_own(server, said, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    server.apps["77"] = public.decode()
    (tmp_path / "key.pem").write_text(private)
    for given in (private, str(tmp_path / "key.pem"), private.replace("\n", "\\n")):
        access = GitHubAccess(
            github_app_id="77", github_app_private_key=given, github_app_installation_id=5
        )
        [credential] = access.credentials()
        assert sorted(read(server, credentials=[credential]).ids) == whole(server)
    assert server.count("/access_tokens") == 3

    server.apps.clear()
    [credential] = access.credentials()
    with pytest.raises(NotAuthorised):
        read(server, credentials=[credential])


def test_an_enterprise_server_has_its_own_paths(server):
    found = read(server, base_url=f"{server.url}/api/v3")
    assert sorted(found.ids) == whole(server)
    server.repositories[0].rename("acme/store")
    assert sorted(read(server, base_url=f"{server.url}/api/v3", tokens=()).ids) == whole(server)


def test_secrets_are_said_nowhere(server, tmp_path):
    server.tokens |= {"ghp_secret"}
    server.faults = [Fault("/graphql", times=2, status=502, body="")]
    found = read(server, tokens=("ghp_secret", "ghp_wrong"))
    assert found.positions[SHOP]
    assert not any("ghp_" in words for words in found.said)
    assert "ghp_" not in repr(GitHubAccess(github_token="ghp_secret"))
    assert "ghp_" not in repr(Credential("the token", Auth.Token("ghp_secret")))


def test_a_403_without_a_limit_names_what_to_do(server, client):
    server.faults = [
        Fault(
            "/repos",
            status=403,
            body={"message": "Resource protected by organization SAML enforcement."},
            headers={"x-github-sso": "required; url=https://github.com/orgs/acme/sso?token=x"},
        )
    ]
    with pytest.raises(NotAllowed) as problem:
        finish(look_up(client, "acme/shop"))
    assert "authorise the token for the organisation: https://github.com" in problem.value.hint
