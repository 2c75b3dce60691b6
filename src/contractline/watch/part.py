"""What the watch's parts have in common: they look, and say each thing once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from contractline.settings import Endpoints

Say = Callable[[str], None]


class WatchPart(ABC):
    """One thing that the watch looks after.

    Args:
        say: takes one line about what happened.
    """

    def __init__(self, say: Say) -> None:
        self.say = say
        self._said = ""

    @abstractmethod
    def look(self, endpoints: Endpoints) -> None:
        """Look once, and do what is to do.

        Raises:
            ContractlineError: what it needs is away, or refuses; the next look tries again.
        """

    @abstractmethod
    def leave(self) -> None:
        """Let the connections go; the next look makes new ones."""

    def say_once(self, line: str) -> None:
        """Say a line, unless it was the last of its kind."""
        if line != self._said:
            self._said = line
            self.say(line)

    def is_fine(self) -> None:
        """Note that nothing waits any more, so that the next problem is said again."""
        self._said = ""
