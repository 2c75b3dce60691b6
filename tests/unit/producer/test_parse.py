from __future__ import annotations

import pytest

from producer.commit import LATEST_SECONDS, Record
from producer.git.parse import LogUnreadable, read_log

ONE, TWO = "1" * 40, "2" * 64


def entry(commit: str, counts: bytes = b"", **changes: bytes) -> bytes:
    """Return what git writes for a commit."""
    fields = {
        "id": commit.encode(),
        "parents": b"",
        "author": b"Ann",
        "author_email": b"ann@x.org",
        "authored": b"100",
        "committer": b"Bob",
        "committer_email": b"bob@x.org",
        "committed": b"200",
        "helpers": b"",
        "text": b"message\n",
    } | changes
    return b"".join(value + b"\0" for value in fields.values()) + b"\0" + counts


def read(output: bytes) -> list[Record]:
    return list(read_log(output, repository="a/b", source="git", produced_at=7))


def test_commits_with_and_without_counts_follow_each_other():
    output = entry(ONE) + entry(TWO, b"\n3\t1\ta.txt\x0010\t0\tb.txt\0") + entry(ONE)

    first, second, third = read(output)

    assert (first["additions"], first["deletions"], first["changed_files"]) == (0, 0, 0)
    assert (second["additions"], second["deletions"], second["changed_files"]) == (13, 1, 2)
    assert second["commit_id"] == TWO
    assert third["commit_id"] == ONE


def test_every_field_is_taken():
    [record] = read(
        entry(
            ONE,
            parents=f"{TWO} {ONE}".encode(),
            helpers=b"X <x@x>\nY folded <y@y>",
            text=b"subject\n\nbody\n",
        )
    )

    assert record == {
        "repository": "a/b",
        "commit_id": ONE,
        "author": "Ann",
        "author_email": "ann@x.org",
        "author_login": None,
        "committer": "Bob",
        "committer_email": "bob@x.org",
        "committer_login": None,
        "commit_message": "subject\n\nbody",
        "authored_at": 100_000_000,
        "committed_at": 200_000_000,
        "parents": [TWO, ONE],
        "additions": 0,
        "deletions": 0,
        "changed_files": 0,
        "source": "git",
        "produced_at": 7,
        "co_authors": ["X <x@x>", "Y folded <y@y>"],
    }


def test_binary_files_count_as_files_without_lines():
    [record] = read(entry(ONE, b"\n-\t-\tpicture\x002\t1\ttext\0"))
    assert (record["additions"], record["deletions"], record["changed_files"]) == (2, 1, 2)


def test_a_rename_is_one_file():
    output = entry(ONE, b"\n1\t2\t\0old\0new\x004\t0\tother\0") + entry(TWO)
    record, following = read(output)
    assert (record["additions"], record["deletions"], record["changed_files"]) == (5, 2, 2)
    assert following["commit_id"] == TWO


def test_a_name_that_looks_like_a_count_is_a_name():
    [record] = read(entry(ONE, b"\n1\t0\t9\t9\tx\x001\t0\t\x007\t7\ta\x008\t8\tb\0"))
    assert (record["additions"], record["deletions"], record["changed_files"]) == (2, 0, 2)


def test_a_message_may_hold_what_stands_between_commits():
    [record] = read(entry(ONE, text=b"40\t2\tx\n" + ONE.encode() + b"\n\n"))
    assert record["commit_message"] == "40\t2\tx\n" + ONE


def test_bytes_that_are_no_text_are_replaced():
    [record] = read(entry(ONE, author=b"Ren\xe9", text=b"\xff\xfe\n"))
    assert record["author"] == "Ren\ufffd"
    assert record["commit_message"] == "\ufffd\ufffd"


def test_a_part_that_git_cannot_read_is_empty():
    [record] = read(
        entry(ONE, author=b"%aN", author_email=b"%aE", committer=b"%cN", committer_email=b"%cE")
    )
    assert [record[n] for n in ("author", "author_email", "committer", "committer_email")] == [
        "",
        "",
        "",
        "",
    ]


def test_a_date_that_git_cannot_read_is_unknown_for_the_author_and_1970_for_the_committer():
    [record] = read(entry(ONE, authored=b"", committed=b""))
    assert record["authored_at"] is None
    assert record["committed_at"] == 0


@pytest.mark.parametrize("digits", [b"99999999999", b"9" * 19, b"9" * 5000])
def test_an_absurd_date_stops_nothing(digits):
    [record] = read(entry(ONE, committed=digits))
    assert record["committed_at"] == LATEST_SECONDS * 1_000_000


def test_nothing_gives_nothing():
    assert read(b"") == []


@pytest.mark.parametrize("output", [b"error: what\0", entry(ONE)[:60], b"x\0" * 20])
def test_another_output_is_said_to_be_unreadable(output):
    with pytest.raises(LogUnreadable):
        read(output)
