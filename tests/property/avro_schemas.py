"""Hypothesis strategies of Avro schemas, of other spellings of one schema, and of near ones."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
LOGICAL = (
    {"type": "int", "logicalType": "date"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
    {"type": "string", "logicalType": "uuid"},
)
DEFAULTS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 2**40,
    "float": 0.5,
    "double": -1.5,
    "bytes": "\u00ff",
    "string": "x",
}
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
NAMESPACES = st.sampled_from(["", "one", "one.two"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a record whose named types are called T0, T1 … in the order of the text."""
    return _Drawing(draw).record("Root", depth=0)


class _Drawing:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.names = 0

    def record(self, name: str, depth: int, *, in_union: bool = False) -> dict[str, Any]:
        record: dict[str, Any] = {"type": "record", "name": name}
        if namespace := self.draw(NAMESPACES):
            record["namespace"] = namespace
        names = self.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        record["fields"] = [self.field(one, depth, in_union=in_union) for one in names]
        return record

    def field(self, name: str, depth: int, *, in_union: bool) -> dict[str, Any]:
        # A union in a union's record would hold logical types again.
        field = {"name": name, "type": self.type(depth, in_union=in_union)}
        default = default_of(field["type"])
        if default is not NONE and self.draw(st.booleans()):
            field["default"] = default
        return field

    def type(self, depth: int, *, in_union: bool = False) -> Any:
        # In unions fastavro tells branches apart by their logical types, and by that alone; at a
        # text where a branch has a date, however deep in it, its writer ends with an error.
        kinds = ["primitive", "primitive", "primitive" if in_union else "logical"]
        if depth < 2:  # generated data grows tenfold with each array or map
            kinds += ["array", "map", "record", "enum", "fixed"]
            kinds += [] if in_union else ["union", "union"]
        kind = self.draw(st.sampled_from(kinds))
        match kind:
            case "primitive":
                return self.draw(st.sampled_from(PRIMITIVES))
            case "logical":
                return self.draw(st.sampled_from(LOGICAL))
            case "array":
                return {"type": "array", "items": self.type(depth + 1, in_union=in_union)}
            case "map":
                return {"type": "map", "values": self.type(depth + 1, in_union=in_union)}
            case "union":
                return self.union(depth)
        self.names += 1
        return self.named(kind, f"T{self.names}", depth, in_union=in_union)

    def named(self, kind: str, name: str, depth: int, *, in_union: bool) -> dict[str, Any]:
        if kind == "record":
            return self.record(name, depth + 1, in_union=in_union)
        if kind == "fixed":
            return {"type": "fixed", "name": name, "size": self.draw(st.integers(1, 4))}
        symbols = self.draw(st.lists(st.sampled_from("ABCD"), min_size=1, max_size=3, unique=True))
        enum = {"type": "enum", "name": name, "symbols": symbols}
        return enum | ({"default": symbols[0]} if self.draw(st.booleans()) else {})

    def union(self, depth: int) -> list[Any]:
        branches = [
            self.type(depth + 1, in_union=True) for _ in range(self.draw(st.integers(1, 3)))
        ]
        unique = {_branch(branch): branch for branch in branches}
        return list(unique.values())


NONE = object()


def default_of(node: Any) -> Any:
    """Return a default that fits a type; NONE where it takes more than a glance."""
    if isinstance(node, list):
        return default_of(node[0]) if node else NONE
    if isinstance(node, str):
        return DEFAULTS.get(node, NONE)
    match node["type"]:
        case "array":
            return []
        case "map":
            return {}
        case "enum":
            return node["symbols"][0]
        case "fixed":
            return "\u0001" * node["size"]
        case "record":
            return NONE
    return NONE if "logicalType" in node else DEFAULTS[node["type"]]


def _branch(node: Any) -> str:
    if isinstance(node, str):
        return node
    return str(node.get("name", node["type"]))


@st.composite
def respelt(draw: st.DrawFn, definition: Any) -> Any:
    """Draw another text of the same schema: docs, full names, wrapped types, other order."""
    return _respell(draw, definition, "")


def _respell(draw: st.DrawFn, node: Any, namespace: str) -> Any:
    if isinstance(node, str):
        return {"type": node} if node in PRIMITIVES and draw(st.booleans()) else node
    if isinstance(node, list):
        return [_respell(draw, branch, namespace) for branch in node]
    out = dict(node)
    if "name" in out and out["type"] in ("record", "enum", "fixed"):
        space = out.get("namespace", namespace)
        if space and draw(st.booleans()):
            out["name"] = f"{space}.{out['name']}"
            out["namespace"] = draw(st.sampled_from(["", "other"]))
        namespace = space
    if draw(st.booleans()):
        out["doc"] = draw(st.text(max_size=5))
    for inner in ("items", "values"):
        if inner in out:
            out[inner] = _respell(draw, out[inner], namespace)
    if "fields" in out:
        out["fields"] = [
            _shuffled(draw, one | {"type": _respell(draw, one["type"], namespace), "doc": "x"})
            for one in out["fields"]
        ]
    return _shuffled(draw, out)


def _shuffled(draw: st.DrawFn, node: dict[str, Any]) -> dict[str, Any]:
    return dict(draw(st.permutations(list(node.items()))))


@st.composite
def changed(draw: st.DrawFn, definition: Any) -> Any:
    """Draw a schema with one to three changes of the kind that people make."""
    out = json.loads(json.dumps(definition))
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, out)
    return out


def _change(draw: st.DrawFn, root: dict[str, Any]) -> None:
    record = draw(st.sampled_from(list(_records(root))))
    field = draw(st.sampled_from(record["fields"]))
    match draw(st.sampled_from(["fields", "type", "default", "rename", "alias"])):
        case "fields":
            _change_fields(draw, record["fields"], field)
        case "type":
            _change_type(draw, field)
        case "default":
            if "default" in field:
                del field["default"]
            elif (default := default_of(field["type"])) is not NONE:
                field["default"] = default
        case "rename":
            _rename(record["fields"], field)
        case "alias":
            old = field["name"]
            if _rename(record["fields"], field):
                field["aliases"] = [old]


def _change_fields(draw: st.DrawFn, fields: list[Any], field: dict[str, Any]) -> None:
    match draw(st.sampled_from(["add", "remove", "order"])):
        case "add" if "z" not in [one["name"] for one in fields]:
            new: dict[str, Any] = {"name": "z", "type": "int"}
            new |= {"default": 1} if draw(st.booleans()) else {}
            fields.insert(draw(st.integers(0, len(fields))), new)
        case "remove" if len(fields) > 1:
            fields.remove(field)
        case "order":
            fields.reverse()


def _change_type(draw: st.DrawFn, field: dict[str, Any]) -> None:
    node = field["type"]
    if isinstance(node, str):
        field["type"] = draw(st.sampled_from([*PRIMITIVES, "null or it", "no type"]))
        if field["type"] == "null or it":
            field["type"] = ["null"] if node == "null" else ["null", node]
        elif field["type"] == "no type":
            field["type"] = []
        field.pop("default", None)
    elif isinstance(node, dict) and node["type"] == "enum" and "Z" not in node["symbols"]:
        node["symbols"].append("Z")


def _rename(fields: list[dict[str, Any]], field: dict[str, Any]) -> bool:
    if "y" in [one["name"] for one in fields]:
        return False
    field["name"] = "y"
    return True


def _records(node: Any) -> Any:
    if isinstance(node, list):
        for branch in node:
            yield from _records(branch)
    elif isinstance(node, dict):
        if node["type"] == "record":
            yield node
            for field in node["fields"]:
                yield from _records(field["type"])
        for inner in ("items", "values"):
            if inner in node:
                yield from _records(node[inner])
