"""How far a schema reaches once every name in it is written out.

Whoever walks through the values of a schema meets a named type wherever its name stands. A few
lines can so describe a record without end in sight, as aliases can in YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contractline.avro.depth import MAX_DEPTH
from contractline.avro.grammar import MEMBER, NAMED, PRIMITIVE, full_name

MAX_FIELDS = 50_000
"""Fields with every name written out. ClickHouse takes far fewer columns."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a type reaches; where it stands inside itself only its name counts.

    Attributes:
        depth: the levels of JSON.
        fields: the fields in it, those of nested records included.
    """

    depth: int = 0
    fields: int = 0

    @property
    def problem(self) -> str:
        """Why nobody can walk through it; empty where one can."""
        if self.depth > MAX_DEPTH:
            return f"nested more than {MAX_DEPTH:,} levels deep, its names written out"
        if self.fields > MAX_FIELDS:
            return f"more than {MAX_FIELDS:,} fields, its names written out"
        return ""


_NONE = Extent()


def extent(definition: Any) -> Extent:
    """Return how far a definition reaches that has no mistakes."""
    return _Measuring().type(definition, "")


@dataclass(slots=True)
class _Measuring:
    """One walk through a definition, and the named types met so far."""

    names: dict[str, Extent] = field(default_factory=dict)

    def type(self, node: Any, space: str) -> Extent:
        if isinstance(node, str):
            return _NONE if node in PRIMITIVE else self.names.get(full_name(node, space), _NONE)
        if isinstance(node, list):
            return _around([self.type(branch, space) for branch in node], 1)
        kind = node["type"]
        if kind in NAMED:
            return self._named(node, space)
        if member := MEMBER.get(kind):
            return _around([self.type(node[member], space)], 1)
        return Extent(1)

    def _named(self, node: dict[str, Any], space: str) -> Extent:
        full = full_name(node["name"], node.get("namespace", space))
        self.names[full] = Extent()
        space = full.rpartition(".")[0]
        fields = node["fields"] if node["type"] == "record" else ()
        inner = [self.type(one["type"], space) for one in fields]
        whole = _around(inner, 3)
        self.names[full] = Extent(whole.depth, whole.fields + len(inner))
        return self.names[full]


def _around(inner: list[Extent], levels: int) -> Extent:
    """Return the extent of what holds others, so many levels further in."""
    deepest = max((one.depth for one in inner), default=0)
    return Extent(deepest + levels, sum(one.fields for one in inner))
