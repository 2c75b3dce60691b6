"""What a push event says: https://docs.github.com/en/webhooks/webhook-events-and-payloads#push.

Its commits lack parents and line counts, and most lack logins and the author's date. The records say
null there, and a fuller record of the same commit replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from producer.commit import Record
from producer.github.mapping import from_push, text
from producer.refs import BRANCHES, MERGE_QUEUE, RefChoice

SOURCE = "webhook"

MOST_COMMITS = 2048
"""As many commits as GitHub puts into one payload."""

TIMELINE_COMMITS = 20
"""As many as GitHub's timeline events hold; some senders pass those on as push events."""


class PayloadInvalid(ValueError):
    """When a payload is not a push event as GitHub documents it."""


@dataclass(frozen=True, slots=True)
class PushNames:
    """How repositories are called.

    Attributes:
        canonical: canonical names by the full names that GitHub uses, in lower case; when empty,
            every repository counts under the name that GitHub uses.
    """

    canonical: Mapping[str, str] = field(default_factory=dict)

    def of(self, full_name: str) -> str | None:
        """Return the canonical name of a repository; None for one that is not read."""
        if not self.canonical:
            return full_name
        return self.canonical.get(full_name.lower())


@dataclass(frozen=True, slots=True)
class Push:
    """A push event.

    Attributes:
        repository: the canonical name.
        full_name: the name that GitHub uses.
        ref: the full name of the ref.
        before: the hash that it named before; zeros when it is new.
        after: the hash that it names now; zeros when it was deleted.
        is_forced: whether the history of the ref was rewritten.
        default_branch: the short name of the repository's default branch; empty when not told.
        records: its commits.
        may_lack: whether there may be more commits than the payload holds.
        unused: why nothing of it is sent; empty when its records are.
    """

    repository: str
    full_name: str
    ref: str
    before: str
    after: str
    is_forced: bool = False
    default_branch: str = ""
    records: Sequence[Record] = ()
    may_lack: bool = False
    unused: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the ref did not exist before."""
        return not self.before.strip("0")

    @property
    def is_default_branch(self) -> bool:
        """Whether the ref is the repository's default branch."""
        return not self.default_branch or self.ref == BRANCHES + self.default_branch


def read_push(payload: Any, choice: RefChoice, names: PushNames, produced_at: int) -> Push:
    """Read a push event.

    Args:
        payload: the parsed body.
        choice: which refs count.
        names: which repositories count, and what they are called.
        produced_at: now, in micros.

    Raises:
        PayloadInvalid: the payload is not a push event.
    """
    if not isinstance(payload, Mapping):
        raise PayloadInvalid(f"the payload is {type(payload).__name__}, and not an object")
    place = _object(payload, "repository")
    full_name = _text(place, "full_name", "repository.")
    repository = names.of(full_name)
    push = Push(
        repository=repository or full_name,
        full_name=full_name,
        ref=_text(payload, "ref"),
        before=_text(payload, "before"),
        after=_text(payload, "after"),
        is_forced=payload.get("forced") is True,
        default_branch=text(place.get("default_branch")) or text(place.get("master_branch")),
    )
    if repository is None:
        return _unused(push, f"{full_name} is not among the repositories that are read")
    if payload.get("deleted") is True or not push.after.strip("0"):
        return _unused(push, f"{push.ref} was deleted: the commits that were sent before stay")
    if not choice.counts(push.ref, push.default_branch):
        return _unused(push, _why_not_read(push.ref, push.default_branch))
    return _with_commits(push, payload, produced_at)


def _with_commits(push: Push, payload: Mapping[str, Any], produced_at: int) -> Push:
    commits = payload.get("commits")
    if commits is None:
        commits = []
    if not isinstance(commits, list):
        raise PayloadInvalid("commits is not a list")
    records = [_record(commit, push.repository, produced_at) for commit in commits]
    head = payload.get("head_commit")
    # A new ref on a commit that GitHub knows already has no commits of its own but a head.
    lacks_head = False
    if head:
        newest = _record(head, push.repository, produced_at)
        lacks_head = newest["commit_id"] not in {r["commit_id"] for r in records}
        records += [newest] if lacks_head else []
    if not records:
        return _unused(push, f"{push.ref} moved without a commit")
    may_lack = (lacks_head and bool(commits)) or _may_be_cut(len(commits), payload.get("size"))
    return replace(push, records=records, may_lack=may_lack)


def _may_be_cut(number: int, size: object) -> bool:
    """Tell whether a push may have more commits than were given; some senders tell its size."""
    if isinstance(size, int):
        return size > number
    return number == TIMELINE_COMMITS or number >= MOST_COMMITS


def _record(commit: Any, repository: str, produced_at: int) -> Record:
    if not isinstance(commit, Mapping) or not text(commit.get("id")):
        raise PayloadInvalid("commits[].id is missing")
    return from_push(commit, repository, produced_at)


def _why_not_read(ref: str, default_branch: str) -> str:
    if ref.startswith(MERGE_QUEUE):
        return f"{ref} is a merge queue's: its commits arrive with the branch they are merged into"
    return (
        f"{ref} is not read here: the default branch is {default_branch or 'not told'} (--branch)"
    )


def _unused(push: Push, why: str) -> Push:
    return replace(push, unused=why)


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if not isinstance(value, Mapping):
        raise PayloadInvalid(f"{key} is missing")
    return value


def _text(parent: Mapping[str, Any], key: str, path: str = "") -> str:
    value = text(parent.get(key))
    if not value:
        raise PayloadInvalid(f"{path}{key} is missing")
    return value
