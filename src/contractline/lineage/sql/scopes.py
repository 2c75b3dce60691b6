"""The names that one SELECT sees: its tables, its aliases, those of the query around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

Reference = tuple[str, str]
"""A column: its table, view or dictionary (with the database), and its name."""

References = frozenset[Reference]
Outputs = dict[str, References]
"""The columns of an answer, in their order, and what each comes from."""

NOTHING: References = frozenset()


@dataclass(frozen=True, slots=True)
class ScopeSource:
    """One thing after FROM.

    Attributes:
        names: what its columns may be qualified with.
        columns: its columns.
        open: the relation, when its columns are not known: then it may have any.
    """

    names: tuple[str, ...]
    columns: Outputs
    open: str | None = None


@dataclass(slots=True)
class Scope:
    """The names that one SELECT sees."""

    outer: Scope | None = None
    ctes: dict[str, Outputs] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    sources: list[ScopeSource] = field(default_factory=list)
    resolving: set[str] = field(default_factory=set)
    resolved: dict[str, References] = field(default_factory=dict)

    def inner(self) -> Scope:
        """Return the scope of a query inside this one."""
        return Scope(outer=self, ctes=dict(self.ctes))


def aliases_of(node: exp.Select) -> Iterator[exp.Alias]:
    """Yield the aliases of a SELECT, those inside its expressions included."""
    for value in node.args.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Expr) and not isinstance(one, exp.From | exp.Join | exp.With):
                yield from _inside(one)


def _inside(node: exp.Expr) -> Iterator[exp.Alias]:
    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Alias):
        yield node
    for child in node.iter_expressions():
        yield from _inside(child)


def member(source: ScopeSource, names: list[str]) -> References:
    """Return a column of a source, whole or a part of it."""
    if source.open is not None:
        return frozenset({(source.open, names[0])}) if source.open else NOTHING
    return source.columns.get(".".join(names), source.columns.get(names[0], NOTHING))


def matching(outputs: Outputs, node: exp.Columns) -> Outputs:
    """Return the columns that a `COLUMNS` of a pattern means."""
    pattern = node.this
    if not pattern.is_string:
        return outputs
    try:
        wanted = re.compile(pattern.name)
    except re.error:
        return outputs
    return {name: refs for name, refs in outputs.items() if wanted.search(name)}
