"""What ``git log`` writes for each commit, and reading it back.

Every field ends with a NUL, which no commit can hold, so nothing that an author writes can be taken
for a field's end. Line counts follow as ``added TAB deleted TAB path NUL``, or, for a rename,
``added TAB deleted TAB NUL old NUL new NUL``; the next commit's hash has no tab.
"""

from __future__ import annotations

from collections.abc import Iterator

from producer.commit import LATEST_SECONDS, Record, commit_record

_PLACEHOLDERS = (
    "%H",
    "%P",
    "%aN",
    "%aE",
    "%at",
    "%cN",
    "%cE",
    "%ct",
    "%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x0A)",
    "%B",
)
FORMAT = "".join(f"{placeholder}%x00" for placeholder in _PLACEHOLDERS)

_FIELDS = len(_PLACEHOLDERS)
_LONGEST_DATE = 18
_HASH_LENGTHS = frozenset({40, 64})


class LogUnreadable(ValueError):
    """When git's output is not what :data:`FORMAT` gives."""


def read_log(output: bytes, *, repository: str, source: str, produced_at: int) -> Iterator[Record]:
    """Read commits back from what git wrote.

    Raises:
        LogUnreadable: the output has another form.
    """
    tokens = output.split(b"\0")
    at, end = 0, len(tokens) - 1
    while at < end:
        fields = tokens[at : at + _FIELDS]
        if len(fields) < _FIELDS or len(fields[0]) not in _HASH_LENGTHS:
            raise LogUnreadable(f"no commit at NUL {at}: {tokens[at][:60]!r}")
        # One more NUL ends the message part.
        at += _FIELDS + 1
        added = deleted = files = 0
        while at < end and b"\t" in tokens[at]:
            plus, minus, path = tokens[at].split(b"\t", 2)
            files += 1
            if minus != b"-":  # binary files have no lines
                added += int(plus)
                deleted += int(minus)
            at += 1 if path else 3
        yield _record(fields, added, deleted, files, repository, source, produced_at)


def _record(
    fields: list[bytes],
    added: int,
    deleted: int,
    files: int,
    repository: str,
    source: str,
    produced_at: int,
) -> Record:
    commit_id, parents, author, author_email, authored, committer, email, committed = fields[:8]
    return commit_record(
        repository=repository,
        commit_id=commit_id.decode(),
        author=_person(author),
        author_email=_person(author_email),
        committer=_person(committer),
        committer_email=_person(email),
        text=fields[9].decode(errors="replace"),
        authored=_seconds(authored),
        # git itself takes a date that it can't read for 1970, and so does everybody who asks git.
        committed=_seconds(committed) or 0,
        parents=parents.decode().split(),
        source=source,
        produced_at=produced_at,
        additions=added,
        deletions=deleted,
        changed_files=files,
        co_authors=_lines(fields[8]),
    )


def _person(token: bytes) -> str:
    """Return a name or address; git repeats the placeholder where a commit has no such part."""
    return "" if token in _ABSENT else token.decode(errors="replace")


_ABSENT = frozenset({b"%aN", b"%aE", b"%cN", b"%cE"})


def _seconds(token: bytes) -> int | None:
    """Return a date; git gives its digits as they stand, however many, and nothing for no date."""
    if not token.isdigit():
        return None
    return int(token) if len(token) <= _LONGEST_DATE else LATEST_SECONDS


def _lines(token: bytes) -> list[str]:
    return [line for line in token.decode(errors="replace").split("\n") if line] if token else []
