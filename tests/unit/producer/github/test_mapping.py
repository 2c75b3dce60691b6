"""One commit in GitHub's shapes, and the odd things that they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from producer.commit import EARLIEST_SECONDS, LATEST_SECONDS, micros
from producer.github.mapping import from_graphql, from_push, from_rest, seconds, text

HASH = "a" * 40
PARENT = "b" * 40
MESSAGE = "subject\n\nbody é\n\nCo-authored-by: Bob <bob@x.org>"
COMMITTED = 1_772_366_400

REST: dict[str, Any] = {
    "sha": HASH,
    "commit": {
        "author": {"name": "Ann", "email": "ann@x.org", "date": "2026-03-01T11:00:00Z"},
        "committer": {
            "name": "GitHub",
            "email": "noreply@github.com",
            "date": "2026-03-01T12:00:00Z",
        },
        "message": MESSAGE,
    },
    "author": {"login": "ann"},
    "committer": {"login": "web-flow"},
    "parents": [{"sha": PARENT}],
    "stats": {"additions": 5, "deletions": 2, "total": 7},
    "files": [{}, {}],
}
GRAPHQL: dict[str, Any] = {
    "oid": HASH,
    "message": MESSAGE,
    "authoredDate": "2026-03-01T11:00:00Z",
    "committedDate": "2026-03-01T12:00:00Z",
    "additions": 5,
    "deletions": 2,
    "changedFilesIfAvailable": 2,
    "author": {"name": "Ann", "email": "ann@x.org", "user": {"login": "ann"}},
    "committer": {
        "name": "GitHub",
        "email": "noreply@github.com",
        "user": {"login": "web-flow"},
    },
    "parents": {"totalCount": 1, "nodes": [{"oid": PARENT}]},
}
PUSH = {
    "id": HASH,
    "message": f"{MESSAGE}\n",
    "timestamp": "2026-03-01T14:00:00+02:00",
    "author": {"name": "Ann", "email": "ann@x.org", "username": "ann"},
    "committer": {"name": "GitHub", "email": "noreply@github.com", "username": "web-flow"},
    "added": ["x"],
    "removed": [],
    "modified": ["y"],
}


def test_rest_and_graphql_give_the_same_record():
    assert from_rest(REST, "me/shop", 7) == from_graphql(GRAPHQL, "me/shop", 7)


def test_a_push_gives_the_same_row_with_less_in_it():
    whole, poor = from_rest(REST, "me/shop", 7), from_push(PUSH, "me/shop", 7)
    differing = {name for name in whole if whole[name] != poor[name]}
    assert differing == {
        "authored_at",
        "parents",
        "additions",
        "deletions",
        "changed_files",
        "source",
    }
    assert poor["committed_at"] == micros(COMMITTED)
    assert poor["co_authors"] == ["Bob <bob@x.org>"]
    assert poor["source"] == "webhook"


def test_a_listed_commit_has_no_counts():
    listed = {name: value for name, value in REST.items() if name not in ("stats", "files")}
    record = from_rest(listed, "me/shop", 7)
    assert [record[n] for n in ("additions", "deletions", "changed_files")] == [None] * 3


def test_a_page_full_of_files_is_not_their_number():
    record = from_rest({**REST, "files": [{}] * 300}, "me/shop", 7)
    assert (record["additions"], record["changed_files"]) == (5, None)


@pytest.mark.parametrize("nothing", [None, {}, "?", []])
def test_what_is_null_or_empty_is_absent(nothing):
    rest: dict[str, Any] = {
        "sha": HASH,
        "commit": {"author": nothing, "committer": nothing, "message": None},
    }
    rest |= {"author": nothing, "committer": nothing, "parents": None}
    graphql = {"oid": HASH, "author": nothing, "committer": nothing, "parents": nothing}
    push = {"id": HASH, "author": nothing, "committer": nothing}
    for record in (
        from_rest(rest, "o/n", 7),
        from_graphql(graphql, "o/n", 7),
        from_push(push, "o/n", 7),
    ):
        assert record["author"] == record["committer_email"] == record["commit_message"] == ""
        assert record["author_login"] is None
        assert record["parents"] == record["co_authors"] == []
        assert (record["authored_at"], record["committed_at"]) == (None, 0)


def test_without_a_committer_the_authors_date_stands_in():
    commit = {**REST, "commit": {**REST["commit"], "committer": None}}
    assert from_rest(commit, "o/n", 7)["committed_at"] == micros(COMMITTED - 3600)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T12:00:00Z", COMMITTED),
        ("2026-03-01T04:30:00-07:30", COMMITTED),
        ("2026-03-01T12:00:00.999Z", COMMITTED),
        ("1969-12-31T16:00:00-08:00", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("12026-03-01T12:00:00Z", LATEST_SECONDS),
        ("-0001-03-01T12:00:00Z", EARLIEST_SECONDS),
        (1_772_366_400, COMMITTED),
        ("2026-03-01", None),
        ("yesterday", None),
        (None, None),
        (True, None),
    ],
)
def test_dates(given, expected):
    assert seconds(given) == expected


def test_half_a_character_is_replaced():
    assert text(json.loads('"a\\ud83d b"')) == "a� b"
    assert text(json.loads('"\\ud83d\\ude00"')) == "😀"
    record = from_rest({**REST, "commit": {"message": "x\ud800"}}, "o/n", 7)
    assert record["commit_message"].encode()


def test_a_message_ends_at_a_zero_byte_as_for_git():
    record = from_rest({**REST, "commit": {"message": "cut\n\0here"}}, "o/n", 7)
    assert record["commit_message"] == "cut"
