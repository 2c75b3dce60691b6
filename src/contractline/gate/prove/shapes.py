"""The types of a schema with their names resolved, and parts of it as schemas of their own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from contractline.avro.grammar import NAMED
from contractline.avro.schema import Schema, without_logical_types

Path = tuple[str, ...]
"""The names of a field and of the records around it, outermost first."""


@dataclass(frozen=True)
class Shape:
    """A schema, ready to be walked through.

    Attributes:
        schema: the schema.
        root: its definition with every name in full.
        names: its named types.
    """

    schema: Schema
    root: Any
    names: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema) -> Shape:
        """Return the shape of a schema."""
        root = json.loads(schema.meaning)
        names: dict[str, Any] = {}
        _collect(root, names)
        return cls(schema, root, names)

    @property
    def bare(self) -> Any:
        """The definition for reading and writing values as they are on the wire."""
        return without_logical_types(self.root)

    def type(self, node: Any) -> Any:
        """Return what a type stands for: a definition where it is a name."""
        return self.names.get(node, node) if isinstance(node, str) else node

    def kind(self, node: Any) -> str:
        """Return a type's kind: a primitive, ``record``, ``union`` and so on."""
        node = self.type(node)
        return (
            node if isinstance(node, str) else "union" if isinstance(node, list) else node["type"]
        )

    def field(self, path: Path) -> Any | None:
        """Return the type of a field, whether or not the records around it may be null."""
        found = self._field(path)
        return None if found is None else found["type"]

    def default(self, path: Path) -> Any:
        """Return the default of a field; None without one."""
        return (self._field(path) or {}).get("default")

    def _field(self, path: Path) -> Mapping[str, Any] | None:
        node, found = self.root, None
        for name in path:
            records = [one for one in self.branches(node) if self.kind(one) == "record"]
            fields = records[0]["fields"] if len(records) == 1 else ()
            found = next((one for one in fields if one["name"] == name), None)
            if found is None:
                return None
            node = found["type"]
        return found

    def branches(self, node: Any) -> list[Any]:
        """Return what a value of a type is when it is not null."""
        node = self.type(node)
        branches = node if isinstance(node, list) else [node]
        return [self.type(one) for one in branches if self.kind(one) != "null"]

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
        fields = []
        for one in node["fields"]:
            inner = [path[1:] for path in paths if path[0] == one["name"]]
            if inner:
                whole = () in inner
                fields.append(one | {"type": self.type(one["type"], () if whole else inner)})
        return node | {"fields": fields}

    def type(self, node: Any, paths: Collection[Path] = ()) -> Any:
        if isinstance(node, list):
            return [self.type(branch, paths) for branch in node]
        full = node if isinstance(node, str) else node.get("name", "")
        if full in self._defined:
            return full
        node = self._shape.type(node)
        if isinstance(node, str):
            return node
        if node["type"] == "record":
            return self.record(node, paths or [(one["name"],) for one in node["fields"]])
        if node["type"] in NAMED:
            self._defined.add(node["name"])
        inner = {name: self.type(node[name]) for name in ("items", "values") if name in node}
        return node | inner


def _collect(node: Any, names: dict[str, Any]) -> None:
    if isinstance(node, list):
        for branch in node:
            _collect(branch, names)
    elif isinstance(node, dict):
        if node["type"] in NAMED:
            names[node["name"]] = node
        for one in node.get("fields", ()):
            _collect(one["type"], names)
        for inner in ("items", "values"):
            if inner in node:
                _collect(node[inner], names)
