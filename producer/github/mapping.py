"""From GitHub's shapes of a commit to its record: REST, GraphQL and the push event.

Every source must give the same repository, commit_id, committed_at and message for one commit;
whatever reads GitHub's JSON goes through the functions here. GitHub leaves out or empties nearly
anything of a commit that its author could leave out, so everything is taken as possibly absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from producer.commit import EARLIEST_SECONDS, LATEST_SECONDS, Record, commit_record
from producer.trailers import co_authors

SOURCE = "github"

Json = Mapping[str, Any]

FILES_OF_ONE_COMMIT = 300
"""REST lists the files of a commit up to this number on a page; more of them are not counted."""

_DISTANT_YEAR = re.compile(r"^(?P<sign>[+-]?)\d{4,}-\d\d-\d\d")


def seconds(moment: object) -> int | None:
    """Return the seconds since 1970 of a date as GitHub writes it; None when it is none.

    REST and GraphQL write UTC, a push event the author's own zone. A year that Python can't hold
    becomes the nearest date that every reader can (:func:`producer.commit.micros`).
    """
    if isinstance(moment, int) and not isinstance(moment, bool):
        return moment
    if not isinstance(moment, str):
        return None
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        distant = _DISTANT_YEAR.match(moment)
        if not distant:
            return None
        return EARLIEST_SECONDS if distant["sign"] == "-" else LATEST_SECONDS
    if read.tzinfo is None:
        return None
    return int(read.timestamp() // 1)


def text(value: object) -> str:
    """Return a text of GitHub's JSON as a record may hold it; empty when there is none.

    JSON can hold halves of a character, which UTF-8 can't.
    """
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def from_rest(commit: Json, repository: str, produced_at: int, source: str = SOURCE) -> Record:
    """Return the record of a commit as REST gives it; one that was listed has no line counts.

    Raises:
        KeyError: it has no hash.
    """
    details = _part(commit, "commit")
    author, committer = _part(details, "author"), _part(details, "committer")
    stats = _part(commit, "stats")
    return _record(
        repository,
        commit["sha"],
        author=author,
        committer=committer,
        author_login=_login(commit.get("author")),
        committer_login=_login(commit.get("committer")),
        message=details.get("message"),
        authored=author.get("date"),
        committed=committer.get("date"),
        parents=[p["sha"] for p in commit.get("parents") or () if isinstance(p, Mapping)],
        additions=stats.get("additions"),
        deletions=stats.get("deletions"),
        changed_files=_file_count(commit.get("files")) if stats else None,
        source=source,
        produced_at=produced_at,
    )


def from_graphql(commit: Json, repository: str, produced_at: int, source: str = SOURCE) -> Record:
    """Return the record of a commit as the queries of :mod:`producer.github.queries` give it.

    Raises:
        KeyError: it has no hash.
    """
    author, committer = _part(commit, "author"), _part(commit, "committer")
    parents = _part(commit, "parents").get("nodes") or ()
    return _record(
        repository,
        commit["oid"],
        author=author,
        committer=committer,
        author_login=_login(author.get("user")),
        committer_login=_login(committer.get("user")),
        message=commit.get("message"),
        authored=commit.get("authoredDate"),
        committed=commit.get("committedDate"),
        parents=[p["oid"] for p in parents if isinstance(p, Mapping)],
        additions=commit.get("additions"),
        deletions=commit.get("deletions"),
        changed_files=commit.get("changedFilesIfAvailable"),
        source=source,
        produced_at=produced_at,
    )


def from_push(commit: Json, repository: str, produced_at: int, source: str = "webhook") -> Record:
    """Return the record of a commit of a push event.

    Its `timestamp` is the committer's date. It has no parents and no line counts, and the author's
    date only in some payloads.

    Raises:
        KeyError: it has no hash.
    """
    author, committer = _part(commit, "author"), _part(commit, "committer")
    return _record(
        repository,
        commit["id"],
        author=author,
        committer=committer,
        author_login=text(author.get("username")) or None,
        committer_login=text(committer.get("username")) or None,
        message=commit.get("message"),
        authored=author.get("date"),
        committed=commit.get("timestamp"),
        parents=(),
        additions=None,
        deletions=None,
        changed_files=None,
        source=source,
        produced_at=produced_at,
    )


def _record(
    repository: str, commit_id: str, *, author: Json, committer: Json, **values: Any
) -> Record:
    message = text(values.pop("message"))
    authored = seconds(values.pop("authored"))
    committed = seconds(values.pop("committed"))
    # Without a committer, the author's date is the nearest; without any, what git itself shows.
    nearest = committed if committed is not None else authored
    return commit_record(
        repository=repository,
        commit_id=commit_id.lower(),
        author=text(author.get("name")),
        author_email=text(author.get("email")),
        committer=text(committer.get("name")),
        committer_email=text(committer.get("email")),
        text=message,
        authored=authored,
        committed=nearest if nearest is not None else 0,
        co_authors=co_authors(message),
        **values,
    )


def _part(whole: Json, name: str) -> Json:
    """Return an object inside another; GitHub gives null or {} for what there is not."""
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _login(user: object) -> str | None:
    return text(user.get("login")) or None if isinstance(user, Mapping) else None


def _file_count(files: object) -> int | None:
    if not isinstance(files, list) or len(files) >= FILES_OF_ONE_COMMIT:
        return None
    return len(files)
