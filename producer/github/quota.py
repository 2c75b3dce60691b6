"""How much of the hourly quota is left, as GitHub's headers say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CORE = "core"
GRAPHQL = "graphql"

WHOLE = 1.0


@dataclass(slots=True)
class Budget:
    """One credential's quota of one kind; nothing is known before the first answer.

    Attributes:
        limit: points or calls an hour; None when not known, or when there is no limit.
        remaining: of these, what is left.
        reset: when it starts anew, in seconds since 1970.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float = 0.0

    def update(self, values: Mapping[str, object]) -> None:
        """Take over what an answer says, where it says it."""
        try:
            limit, remaining = int(str(values["limit"])), int(str(values["remaining"]))
            reset = float(str(values["reset"]))
        except (KeyError, ValueError):
            return
        if reset < self.reset:  # of an answer that was overtaken
            return
        self.limit, self.remaining, self.reset = limit, remaining, reset

    def usable(self, share: float, now: float) -> float | None:
        """Return what a share of the quota leaves to use; None when that is not known."""
        if self.limit is None or self.remaining is None or now >= self.reset:
            return None
        return self.remaining - self.limit * (WHOLE - share)

    def until(self, share: float, now: float) -> float:
        """Return when it can be used: the moment of the reset when the share is used up, else now."""
        usable = self.usable(share, now)
        return self.reset if usable is not None and usable < 1 else now


def of_headers(headers: Mapping[str, str]) -> tuple[str, Mapping[str, object]] | None:
    """Return which quota an answer's headers speak of, and what they say."""
    if "x-ratelimit-limit" not in headers:
        return None
    values = {name: headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining", "reset")}
    return headers.get("x-ratelimit-resource", CORE), values
