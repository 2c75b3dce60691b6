"""A released contract before and after a change, which the rules of change look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps

from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.places import section
from contractline.rules.rule import HandlerOfChange, Violation


@dataclass(frozen=True, slots=True)
class VersionPair:
    """A released contract that is still there, before and after."""

    before: Draft
    after: Draft

    def at(
        self,
        place: tuple[str, ...],
        words: str,
        hint: str,
        old: object = None,
        new: object = None,
    ) -> Violation:
        """Return a violation at a custom property of the contract as it is now."""
        return Violation(words, hint, section(self.after, *place), old=old, new=new)


def of_released(handler: Callable[[VersionPair], Iterator[Violation]]) -> HandlerOfChange:
    """Make a handler that looks only at contracts that were released and are still there."""

    @wraps(handler)
    def looking(change: StreamChange) -> Iterator[Violation]:
        before, after = change.before, change.after
        if before is not None and after is not None and before.newest_number("value"):
            yield from handler(VersionPair(before, after))

    return looking
