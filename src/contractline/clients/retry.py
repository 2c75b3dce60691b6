"""Waiting for something that is away: growing pauses, and words about it that do not flood."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from contractline.errors import ServiceUnavailable

Result = TypeVar("Result")
Say = Callable[[str], None]

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class SayOnce:
    """Passes a line on unless it was the last one.

    Args:
        say: where the lines go.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = ""

    def __call__(self, line: str) -> None:
        """Say a line, unless it was said last."""
        if line != self._last:
            self._last = line
            self._say(line)

    def forget(self) -> None:
        """Let the next line be said, even if it is the last one again."""
        self._last = ""


class Patience:
    """How long to wait next, and whether it was said why.

    Args:
        say: where the words go.
        clock: seconds that only rise.
    """

    def __init__(self, say: Say, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._since: float | None = None
        self._pause = FIRST_PAUSE_SECONDS

    @property
    def is_waiting(self) -> bool:
        """Whether something is away at the moment."""
        return self._since is not None

    def next_pause(self, problem: str) -> float:
        """Say what is waited for, and return the seconds until the next try; each pause is longer."""
        now = self._clock()
        if self._since is None:
            self._since = now
        waited = now - self._since
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        so_far = f" ({waited:.0f} s so far)" if waited >= 1 else ""
        self._say(f"{problem}; trying again in {pause:g} s{so_far}")
        return pause

    def over(self, words: str = "") -> None:
        """Say that the wait is over, when there was one; the next begins with a short pause."""
        if self._since is None:
            return
        waited = self._clock() - self._since
        self._since, self._pause = None, FIRST_PAUSE_SECONDS
        if words:
            self._say(f"{words} after {waited:.1f} s")


def persist(
    attempt: Callable[[], Result],
    away: type[ServiceUnavailable] | tuple[type[ServiceUnavailable], ...],
    say: Say,
    stop: threading.Event,
) -> Result | None:
    """Call until something that is away is back; return None when told to stop before.

    Raises:
        ServiceUnavailable: another problem than being away.
    """
    patience = Patience(say)
    while not stop.is_set():
        try:
            result = attempt()
        except away as problem:
            stop.wait(patience.next_pause(str(problem)))
            continue
        patience.over("answered")
        return result
    return None
