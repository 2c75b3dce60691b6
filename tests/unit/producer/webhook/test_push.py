"""What is read from push events, those that GitHub documents and those that it may send."""

from __future__ import annotations

import jsonschema
import pytest

from producer.refs import RefChoice
from producer.webhook.push import PayloadInvalid, Push, PushNames, read_push
from tests.fixtures.pushes import PUSHES, SCHEMA, ZEROS, commit, push

VALID = jsonschema.Draft7Validator(SCHEMA)


def read(payload: object, choice: RefChoice | None = None, names: PushNames | None = None) -> Push:
    return read_push(payload, choice or RefChoice(), names or PushNames(), 7)


def test_every_recorded_push_is_read():
    found = [read(payload, RefChoice(all=True)) for payload in PUSHES]
    assert [len(p.records) for p in found] == [1, 0, 0, 0, 1, 1, 0]
    assert {p.repository for p in found} == {"Codertocat/Hello-World"}
    assert [bool(p.unused) for p in found] == [not p.records for p in found]
    assert not any(p.may_lack for p in found)


def test_a_commit_of_a_push_says_what_it_knows_and_null_for_the_rest():
    payload = push([commit(1, message="Title\n\nCo-authored-by: A B <a@b.c>\n")])
    assert VALID.is_valid(payload)
    [record] = read(payload).records
    assert record == {
        "repository": "acme/shop",
        "commit_id": payload["commits"][0]["id"],
        "author": "Codertocat",
        "author_email": "21031067+Codertocat@users.noreply.github.com",
        "author_login": "Codertocat",
        "committer": "Codertocat",
        "committer_email": "21031067+Codertocat@users.noreply.github.com",
        "committer_login": "Codertocat",
        "commit_message": "Title\n\nCo-authored-by: A B <a@b.c>",
        "authored_at": None,
        "committed_at": 1772457641000000,  # 2026-03-02T13:20:41Z
        "parents": [],
        "additions": None,
        "deletions": None,
        "changed_files": None,
        "source": "webhook",
        "produced_at": 7,
        "co_authors": ["A B <a@b.c>"],
    }


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (push(deleted=True, after=ZEROS), "was deleted"),
        (push(after=ZEROS), "was deleted"),
        (push([], after="a" * 40), "moved without a commit"),
        (push([commit()], ref="refs/tags/v1"), "is not read here"),
        (push([commit()], ref="refs/heads/feature"), "the default branch is master (--branch)"),
        (push([commit()], ref="refs/heads/gh-readonly-queue/master/pr-1-abc"), "merge queue"),
        (push(after="a" * 40) | {"commits": None}, "moved without a commit"),
    ],
)
def test_what_is_not_sent_is_answered_in_words(payload, words):
    found = read(payload)
    assert words in found.unused
    assert not found.records


def test_a_new_branch_without_commits_of_its_own_gives_its_head():
    head = commit()
    found = read(push([], created=True, before=ZEROS, after=head["id"], head_commit=head))
    assert [r["commit_id"] for r in found.records] == [head["id"]]
    assert found.is_new
    assert not found.may_lack


@pytest.mark.parametrize(
    ("choice", "ref", "counts"),
    [
        (RefChoice(), "refs/heads/master", True),
        (RefChoice(), "refs/heads/x", False),
        (RefChoice(branches=True), "refs/heads/x", True),
        (RefChoice(branches=True), "refs/tags/x", False),
        (RefChoice(branches=True), "refs/heads/gh-readonly-queue/master/pr-1", False),
        (RefChoice(all=True), "refs/tags/x", True),
        (RefChoice(all=True), "refs/heads/gh-readonly-queue/master/pr-1", False),
        (RefChoice(("x",)), "refs/heads/x", True),
        (RefChoice(("x",)), "refs/heads/master", False),
        (RefChoice(("refs/tags/x",)), "refs/tags/x", True),
        (RefChoice(("gh-readonly-queue/m/pr-1",)), "refs/heads/gh-readonly-queue/m/pr-1", True),
    ],
)
def test_the_choice_of_refs(choice, ref, counts):
    assert bool(read(push([commit()], ref=ref), choice).records) == counts


def test_only_the_repositories_of_the_settings_count_under_the_names_there():
    names = PushNames({"acme/shop": "Acme/Shop", "acme/renamed": "acme/before"})
    assert read(push([commit()]), names=names).records[0]["repository"] == "Acme/Shop"
    renamed = read(push([commit()], repository="ACME/Renamed"), names=names)
    assert renamed.records[0]["repository"] == "acme/before"
    other = read(push([commit()], repository="acme/other"), names=names)
    assert not other.records
    assert "not among" in other.unused


@pytest.mark.parametrize(
    ("number", "other", "may_lack"),
    [
        (19, {}, False),
        (20, {}, True),
        (21, {}, False),
        (2047, {}, False),
        (2048, {}, True),
        (20, {"size": 20}, False),
        (20, {"size": 21}, True),
        (3, {"size": 5000}, True),
        (3, {"head_commit": commit(9_999)}, True),
    ],
)
def test_a_payload_that_may_be_cut_short_is_marked(number, other, may_lack):
    found = read(push([commit(n) for n in range(number)], **other))
    assert found.may_lack == may_lack
    assert len(found.records) == number + ("head_commit" in other)


def test_absent_and_odd_parts_of_a_commit():
    odd = commit(
        author={"name": None, "email": None},
        committer=None,
        message=None,
        timestamp="2026-02-30T00:00:00Z",
    )
    [record] = read(push([odd])).records
    assert (record["author"], record["author_email"], record["committer"]) == ("", "", "")
    assert record["commit_message"] == ""
    assert isinstance(record["committed_at"], int)


@pytest.mark.parametrize(
    "payload",
    [
        [],
        None,
        {},
        {"repository": "x"},
        push([commit()], ref=None),
        push([commit()], after=7),
        push() | {"commits": {}, "after": "a" * 40},
        push() | {"commits": [None], "after": "a" * 40},
        push([{"message": "no hash", "id": ""}], after="a" * 40),
    ],
)
def test_what_is_not_a_push_event_is_said(payload):
    with pytest.raises(PayloadInvalid):
        read(payload)
