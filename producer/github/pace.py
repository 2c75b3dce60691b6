"""How long to wait between two looks for new commits."""

from __future__ import annotations

import time
from collections.abc import Sequence

from producer.github.quota import Budget

LOOKS_A_MINUTE = 450
"""Half of what GitHub's secondary limits let one client ask (900 points a minute)."""

SCARCE = 0.1
"""Below this share of the quota, looks are spread over what is left until the reset."""


def pause(
    wanted: float,
    repositories: int,
    told: float,
    budgets: Sequence[Budget],
    share: float,
    *,
    is_free: bool,
    now: float | None = None,
) -> float:
    """Return the seconds until the next look at all repositories.

    Args:
        wanted: what the settings say.
        repositories: how many are looked at.
        told: what GitHub's X-Poll-Interval says; 0 for nothing.
        budgets: each credential's quota.
        share: the share of it that may be used.
        is_free: whether a look that finds nothing costs nothing, which it does with a token.
        now: seconds since 1970.
    """
    now = time.time() if now is None else now
    slowest = max(wanted, told, repositories * 60.0 / LOOKS_A_MINUTE)
    known = [b for b in budgets if b.usable(share, now) is not None and b.limit]
    if not known:
        return slowest
    left = sum(max(0.0, b.usable(share, now) or 0.0) for b in known)
    whole = sum((b.limit or 0) * share for b in known)
    if is_free and left > whole * SCARCE:
        return slowest
    until_reset = max(0.0, max(b.reset for b in known) - now)
    return max(slowest, until_reset * repositories / max(1.0, left))
