"""What the watch's parts have in common: they look, and say each thing once."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from contractline.clients.retry import Say, SayOnce
from contractline.project import Project
from contractline.settings import Endpoints

PAUSE_SECONDS = 30.0
"""Between two looks of a periodic part."""


class WatchPart(ABC):
    """One thing that the watch looks after.

    Args:
        say: takes one line about what happened.
    """

    def __init__(self, say: Say) -> None:
        self.say = say
        self.say_once = SayOnce(say)

    @abstractmethod
    def look(self, endpoints: Endpoints) -> None:
        """Look once, and do what is to do.

        Raises:
            ContractlineError: what it needs is away, or refuses; the next look tries again.
        """

    @abstractmethod
    def leave(self) -> None:
        """Let the connections go; the next look makes new ones."""


class PeriodicPart(WatchPart):
    """A part that looks at the contracts of a checkout now and then, and keeps nothing open.

    Args:
        project: the checkout, whose contracts are read anew for each look.
        say: takes one line about what was found.
        clock: seconds that only rise.
    """

    def __init__(
        self, project: Project, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(say)
        self.project = project
        self._clock = clock
        self._due = float("-inf")

    def is_due(self) -> bool:
        """Tell whether it is time to look; if so, the next time comes after a pause."""
        now = self._clock()
        if now < self._due:
            return False
        self._due = now + PAUSE_SECONDS
        return True

    def leave(self) -> None:
        """Nothing is kept open between looks."""
