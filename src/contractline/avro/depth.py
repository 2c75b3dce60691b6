"""How deep a definition may nest, and the room that walking through it needs.

Schemas are walked through by recursion, ours as Apache's and the json module's. Python's usual
limit of 1,000 calls is for mistakes; what is refused here is refused by the definition's depth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

MAX_DEPTH = 1_280
"""Levels of JSON: 426 records inside each other, 320 that may be null, 213 in lists besides.

CPython 3.11 and 3.13 follow that far. 3.12.1 has a limit of its own that can't be raised: it follows
150 records that may be null, and more are refused too.
"""

TOO_DEEP = f"nested more than {MAX_DEPTH:,} levels deep"
"""What is said of a definition that nests deeper."""

CALLS = 10_000
"""Calls inside each other: the walk that needs most takes five a level. A stack of 2 MB bears
them, and the system's usual one has 8."""


@contextmanager
def room_for_depth() -> Iterator[None]:
    """Let Python go as deep as a definition of :data:`MAX_DEPTH` levels needs."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, CALLS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def is_too_deep(value: Any, text: str) -> bool:
    """Tell whether a JSON value nests more than :data:`MAX_DEPTH` levels deep.

    Args:
        value: the value.
        text: its text, which for most values shows at a glance that they can't.
    """
    return text.count("[") + text.count("{") >= MAX_DEPTH and is_deeper(value, MAX_DEPTH)


def is_deeper(value: Any, most: int) -> bool:
    """Tell whether a JSON value nests more than so many levels deep."""
    level, depth = [value], 0
    while level and depth <= most:
        level = [child for node in level for child in _children(node)]
        depth += 1
    return bool(level)


def _children(node: Any) -> Sequence[Any]:
    if isinstance(node, dict):
        return tuple(node.values())
    return node if isinstance(node, list) else ()
