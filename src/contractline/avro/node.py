"""One type inside a schema, with every name resolved: what a walk through a schema stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contractline.avro.grammar import NAMED, PRIMITIVE, full_name
from contractline.avro.meaning import LOGICAL_TYPES
from contractline.avro.schema import Schema

Names = Mapping[str, tuple[Any, str]]
"""The named types of a schema: their definitions, each with the namespace that it stands in."""


@dataclass(frozen=True, slots=True)
class Node:
    """A type of a schema.

    Attributes:
        json: its definition; never the name of a named type.
        namespace: the namespace that it stands in.
        names: the named types of the schema.
        is_reference: whether the schema says only its name here.
    """

    json: Any
    namespace: str
    names: Names = field(repr=False, compare=False)
    is_reference: bool = False

    @classmethod
    def root(cls, schema: Schema) -> Node:
        """Return the whole schema."""
        names: dict[str, tuple[Any, str]] = {}
        _gather(schema.definition, "", names)
        return cls("null", "", names).of(schema.definition)

    @property
    def kind(self) -> str:
        """The type's name: a primitive, record, enum, fixed, array, map, or union."""
        if isinstance(self.json, list):
            return "union"
        return str(self.json if isinstance(self.json, str) else self.json["type"])

    @property
    def logical(self) -> str:
        """The logical type; empty without one, and for one that every library would ignore."""
        found = self.json.get("logicalType", "") if isinstance(self.json, dict) else ""
        if not isinstance(found, str) or self.kind not in LOGICAL_TYPES.get(found, ()):
            return ""
        return "" if found == "decimal" and not _is_decimal(self.json) else found

    @property
    def full_name(self) -> str:
        """The name of a named type with its namespace; empty for any other."""
        if self.kind not in NAMED:
            return ""
        return full_name(self.json["name"], self.json.get("namespace", self.namespace))

    @property
    def short_name(self) -> str:
        """The name of a named type without its namespace."""
        return self.full_name.rpartition(".")[2]

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of a record; none of any other type."""
        return list(self.json["fields"]) if self.kind == "record" else []

    @property
    def branches(self) -> tuple[Node, ...]:
        """The types of a union; of any other type itself."""
        return tuple(map(self.of, self.json)) if self.kind == "union" else (self,)

    @property
    def items(self) -> Node:
        """What an array or a map holds."""
        return self.of(self.json["items" if self.kind == "array" else "values"])

    def of(self, json: Any) -> Node:
        """Return a type that stands inside this one, or the one that its name means."""
        space = self.full_name.rpartition(".")[0] if self.kind in NAMED else self.namespace
        if isinstance(json, str) and json not in PRIMITIVE:
            full = full_name(json, space)
            definition, home = self.names[full if full in self.names else json]
            return Node(definition, home, self.names, is_reference=True)
        return Node(json, space, self.names)


def _is_decimal(node: dict[str, Any]) -> bool:
    precision, scale = node.get("precision"), node.get("scale", 0)
    return type(precision) is int and type(scale) is int and 0 <= scale <= precision > 0


def _gather(node: Any, namespace: str, names: dict[str, tuple[Any, str]]) -> None:
    if isinstance(node, list):
        for branch in node:
            _gather(branch, namespace, names)
    if not isinstance(node, dict):
        return
    if node["type"] in NAMED:
        full = full_name(node["name"], node.get("namespace", namespace))
        names[full], namespace = (node, namespace), full.rpartition(".")[0]
    inner = [one["type"] for one in node["fields"]] if node["type"] == "record" else []
    inner += [
        node[name]
        for name in ("items", "values")
        if node["type"] in ("array", "map") and name in node
    ]
    for one in inner:
        _gather(one, namespace, names)
