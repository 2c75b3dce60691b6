"""Saying what happens again and again without flooding whoever runs the producer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

EVERY_SECONDS = 60.0
_MOST_KINDS = 1000


class Throttle:
    """Says the first of a kind at once, and then at most one a minute, with how many there were.

    Args:
        say: where the words go.
        clock: seconds that only rise.
    """

    def __init__(
        self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def say(self, kind: str, words: str) -> None:
        """Say something of a kind, or count it."""
        now = self._clock()
        if now - self._said.get(kind, -EVERY_SECONDS) < EVERY_SECONDS:
            self._unsaid[kind] += 1
            return
        if len(self._said) >= _MOST_KINDS:  # kinds can hold what a stranger sends
            self._said.clear()
            self._unsaid.clear()
        self._said[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        self._say(words + (f" (and {unsaid:,} more like it)" if unsaid else ""))
