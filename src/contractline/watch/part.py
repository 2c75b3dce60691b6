"""What the watch's parts have in common: they look, and say each thing once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from contractline.clients.retry import Say, SayOnce
from contractline.settings import Endpoints


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
