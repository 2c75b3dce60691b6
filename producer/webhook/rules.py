"""What the receiver accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from producer.refs import RefChoice
from producer.webhook.push import PushNames

MOST_BYTES = 25 * 1024 * 1024
"""GitHub caps payloads at 25 MB and drops an event beyond."""

ANSWER_SECONDS = 8.0
"""GitHub waits 10 seconds for an answer; the rest is for the way and for keeping it on disk."""

STUCK_SECONDS = 2.0
"""Kafka answers in milliseconds, or it is away."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is accepted.

    Attributes:
        secrets: any of them may have signed a request; several while one replaces another.
        choice: which refs count.
        names: which repositories count, and what they are called.
        most_bytes: the largest body.
        answer_seconds: how long a request waits for Kafka.
        stuck_seconds: how long the oldest one may have waited for further ones to wait as well.
    """

    secrets: Sequence[bytes] = field(repr=False)
    choice: RefChoice
    names: PushNames
    most_bytes: int = MOST_BYTES
    answer_seconds: float = ANSWER_SECONDS
    stuck_seconds: float = STUCK_SECONDS
