"""Which of many is to blame, found in few tries: each try costs a query of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def narrowed(items: Sequence[_T], is_refused: Callable[[Sequence[_T]], bool]) -> Sequence[_T]:
    """Return the smallest part of items that is refused, as far as halving them finds it.

    Args:
        items: what is refused as a whole.
        is_refused: tries a part.
    """
    while len(items) > 1:
        middle = len(items) // 2
        halves = (items[:middle], items[middle:])
        refused = next((half for half in halves if is_refused(half)), None)
        if refused is None:
            break
        items = refused
    return items
