"""The types of a schema with their names resolved, and parts of it as schemas of their own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from contractline.avro.grammar import MEMBER, NAMED
from contractline.avro.node import Node
from contractline.avro.schema import Schema, without_logical_types

Path = tuple[str, ...]
"""The names of a field and of the records around it, outermost first."""


@dataclass(frozen=True)
class Shape:
    """A schema, ready to be walked through.

    Attributes:
        schema: the schema.
        node: its type.
        root: its definition with every name in full.
        names: its named types.
    """

    schema: Schema
    node: Node
    root: Any
    names: Mapping[str, Any]

    @classmethod
    def of(cls, schema: Schema) -> Shape:
        """Return the shape of a schema."""
        root = json.loads(schema.meaning)
        names: dict[str, Any] = {}
        _collect(root, names)
        return cls(schema, Node.root(schema), root, names)

    @property
    def bare(self) -> Any:
        """The definition for reading and writing values as they are on the wire."""
        return without_logical_types(self.root)

    def field(self, path: Path) -> Node | None:
        """Return the type of a field, whether or not the records around it may be null."""
        found = self._field(path)
        return found[0].of(found[1]["type"]) if found else None

    def default(self, path: Path) -> Any:
        """Return the default of a field; None without one."""
        found = self._field(path)
        return found[1].get("default") if found else None

    def _field(self, path: Path) -> tuple[Node, Mapping[str, Any]] | None:
        """Return a field, and the record that it is in."""
        node, found = self.node, None
        for name in path:
            records = [one for one in node.branches if one.kind == "record"]
            field_ = records[0].field(name) if len(records) == 1 else None
            if field_ is None:
                return None
            found, node = (records[0], field_), records[0].of(field_["type"])
        return found

    def only(self, paths: Collection[Path]) -> Any:
        """Return the bare definition of the record with nothing but some of its fields.

        Every named type is defined where it is used first, whatever was left out before.
        """
        return without_logical_types(_Cutting(self).record(self.root, paths))


class _Cutting:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._defined: set[str] = set()

    def record(self, node: Any, paths: Collection[Path]) -> Any:
        self._defined.add(node["name"])
        wanted: dict[str, list[Path]] = {}
        for name, *inner in paths:
            wanted.setdefault(name, []).append(tuple(inner))
        fields = []
        for one in node["fields"]:
            if one["name"] in wanted:
                parts = wanted[one["name"]]
                fields.append(one | {"type": self.type(one["type"], () if () in parts else parts)})
        return node | {"fields": fields}

    def type(self, node: Any, paths: Collection[Path] = ()) -> Any:
        if isinstance(node, list):
            return [self.type(branch, paths) for branch in node]
        full = node if isinstance(node, str) else node.get("name", "")
        if full in self._defined:
            return full
        node = self._shape.names.get(node, node) if isinstance(node, str) else node
        if isinstance(node, str):
            return node
        if node["type"] == "record":
            return self.record(node, paths or [(one["name"],) for one in node["fields"]])
        if node["type"] in NAMED:
            self._defined.add(node["name"])
        member = MEMBER.get(node["type"])
        return node | {member: self.type(node[member])} if member else node


def _collect(node: Any, names: dict[str, Any]) -> None:
    if isinstance(node, list):
        for branch in node:
            _collect(branch, names)
    elif isinstance(node, dict):
        if node["type"] in NAMED:
            names[node["name"]] = node
        if node["type"] == "record":
            for one in node["fields"]:
                _collect(one["type"], names)
        elif member := MEMBER.get(node["type"]):
            _collect(node[member], names)
