"""A span of time that commits are taken from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from producer.commit import Record, micros_of


@dataclass(frozen=True, slots=True)
class Window:
    """Commits of a span of the committer's dates, both ends included; None is without end."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it holds every commit."""
        return self.since is None and self.until is None

    def holds(self, record: Record) -> bool:
        """Whether a commit lies in it."""
        at = record["committed_at"]
        return (self.since is None or at >= micros_of(self.since)) and (
            self.until is None or at <= micros_of(self.until)
        )

    def parameters(self) -> dict[str, str]:
        """Return what GitHub is asked with."""
        ends = {"since": self.since, "until": self.until}
        return {name: end.isoformat() for name, end in ends.items() if end}
