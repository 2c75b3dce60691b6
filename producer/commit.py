"""The record of a commit: what every source must agree on, so that one commit is one row.

Whatever brings a commit must give the same repository, commit_id, committed_at and message for it.
The repository is the name of the settings; the other three go through this module.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]

MICROS = 1_000_000

EARLIEST_SECONDS = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())
LATEST_SECONDS = int(datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
"""What ClickHouse's DateTime64(6) can show. Clocks of authors say anything, and the sources differ
in the largest date that they can write: a date beyond becomes the nearest that every reader holds.
"""


def micros(seconds: int) -> int:
    """Return the timestamp-micros of seconds since 1970, within what every reader can hold."""
    return min(max(seconds, EARLIEST_SECONDS), LATEST_SECONDS) * MICROS


def micros_of(moment: datetime) -> int:
    """Return the timestamp-micros of a moment with a time zone; a commit has whole seconds."""
    return micros(int(moment.timestamp() // 1))


def now_micros() -> int:
    """Return the current time as timestamp-micros."""
    return time.time_ns() // 1000


def message(text: str) -> str:
    """Return a commit's message as the contract holds it: without the newlines at its end.

    git ends a message with one and GitHub's API with none; an author may add more. A zero byte ends
    the message, as it does for git.
    """
    return text.partition("\0")[0].rstrip("\n")


def commit_record(
    *,
    repository: str,
    commit_id: str,
    author: str,
    author_email: str,
    committer: str,
    committer_email: str,
    text: str,
    authored: int | None,
    committed: int,
    parents: Sequence[str],
    source: str,
    produced_at: int,
    author_login: str | None = None,
    committer_login: str | None = None,
    additions: int | None = None,
    deletions: int | None = None,
    changed_files: int | None = None,
    co_authors: Sequence[str] = (),
) -> Record:
    """Return the record of a commit.

    Args:
        repository: the canonical name, as the settings spell it.
        commit_id: the full hash.
        author: the author's name, after mailmap.
        author_email: their address; empty when the commit has none.
        committer: the committer's name, after mailmap.
        committer_email: their address; empty when the commit has none.
        text: the whole message, as the source has it.
        authored: seconds since 1970; None when the source does not know.
        committed: seconds since 1970.
        parents: full hashes, in git's order.
        source: what read the commit.
        produced_at: now, in micros; one call of the clock serves many records.
        author_login: None when the source does not know it.
        committer_login: None when the source does not know it.
        additions: lines added against the first parent; None when not counted.
        deletions: lines deleted against the first parent; None when not counted.
        changed_files: None when not counted.
        co_authors: the values of the Co-authored-by trailers.
    """
    return {
        "repository": repository,
        "commit_id": commit_id,
        "author": author,
        "author_email": author_email,
        "author_login": author_login,
        "committer": committer,
        "committer_email": committer_email,
        "committer_login": committer_login,
        "commit_message": message(text),
        "authored_at": None if authored is None else micros(authored),
        "committed_at": micros(committed),
        "parents": list(parents),
        "additions": additions,
        "deletions": deletions,
        "changed_files": changed_files,
        "source": source,
        "produced_at": produced_at,
        "co_authors": list(co_authors),
    }
