"""Commits that a forced push took out of the history of the branches that are read.

They stay in the stream of commits; a record of the contract ``unreachable_commits`` marks each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from contractline.errors import ContractlineError
from contractline.kafka.produce import Channel
from producer.commit import Record, now_micros

CONTRACT = "unreachable_commits"


def left_behind(
    commits: Iterable[str], *, repository: str, ref: str, before: str, after: str, source: str
) -> list[Record]:
    """Return the records that mark commits as unreachable.

    Args:
        commits: full hashes.
        repository: the canonical name.
        ref: the full name of the ref whose history was rewritten.
        before: what it named before.
        after: what it names since.
        source: what noticed it.
    """
    now = now_micros()
    return [
        {
            "repository": repository,
            "commit_id": commit,
            "ref": ref,
            "before": before,
            "after": after,
            "source": source,
            "noticed_at": now,
        }
        for commit in commits
    ]


class Marks:
    """Sends the marks; the topic is looked for when there is the first one.

    Args:
        open_channel: opens the channel to the topic.
        say: where the words go.
    """

    def __init__(self, open_channel: Callable[[], Channel], say: Callable[[str], None]) -> None:
        self._open_channel = open_channel
        self._say = say
        self._channel: Channel | None = None
        self._is_missing = False

    @property
    def failed(self) -> int:
        """How many the broker did not take."""
        return self._channel.failed if self._channel else 0

    def send(self, records: Sequence[Record]) -> None:
        """Send marks; without a topic or a schema for them, say so once and go on."""
        if self._is_missing:
            return
        try:
            self._channel = self._channel or self._open_channel()
        except ContractlineError as problem:
            self._is_missing = True
            hint = f" ({problem.hint})" if problem.hint else ""
            self._say(f"commits that a forced push left behind are not marked: {problem}{hint}")
            return
        for record in records:
            self._channel.send(record)
