"""Functions and table engines that name other tables, views or dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from sqlglot import exp

Known = Mapping[str, Iterable[str]]
"""The columns of every table, view and dictionary that is known."""

LOOKUPS = ("dictget", "joinget")
"""How the functions begin that take attributes of what they name."""

_MERGE = "merge"
_ELSEWHERE = ("distributed", "remote", "remotesecure", "cluster", "clusterallreplicas")
"""Functions and engines whose first argument says where the table lies."""


def named_by_functions(tree: exp.Expr) -> set[str]:
    """Return the names that functions and engines in a statement may mean."""
    found: set[str] = set()
    for function in tree.find_all(exp.Anonymous):
        if function.name.lower().startswith((*LOOKUPS, *_ELSEWHERE, "buffer", "dictionary")):
            words = [_named(one) for one in function.expressions]
            found |= {*words, *(f"{a}.{b}" for a, b in pairwise(words))}
    return found


def merges(tree: exp.Expr) -> bool:
    """Tell whether a statement reads every table whose name fits a pattern."""
    return any(one.name.lower() == _MERGE for one in tree.find_all(exp.Anonymous))


def behind_function(function: exp.Expr, known: Known) -> Iterator[str]:
    """Yield the tables that a table function or a table engine of the same name reads."""
    kind = function.name.lower()
    parts = [_named(one) for one in function.expressions]
    if kind == _MERGE and parts:
        database, pattern = parts if len(parts) == 2 else ("", parts[0])
        for name in known:
            if (not database or name.startswith(f"{database}.")) and _matches(pattern, name):
                yield name
        return
    if kind in _ELSEWHERE:
        parts = parts[1:]
    if kind in _ELSEWHERE or kind == "buffer":
        name = parts[0] if parts and "." in parts[0] else ".".join(parts[:2])
        if name in known:
            yield name


def _named(node: exp.Expr) -> str:
    return f"{node.table}.{node.name}" if isinstance(node, exp.Column) and node.table else node.name


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name.partition(".")[2]) is not None
    except re.error:
        return False
