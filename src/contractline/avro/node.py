"""One type inside a schema, with every name resolved: what a walk through a schema stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contractline.avro.grammar import LOGICAL_TYPES, MEMBER, NAMED, PRIMITIVE, full_name
from contractline.avro.schema import Schema


class Names(dict[str, tuple[Any, str]]):
    """The named types of a schema: their definitions, each with the namespace that it stands in."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: dict[int, Mapping[str, dict[str, Any]]] = {}

    def fields_of(self, record: dict[str, Any]) -> Mapping[str, dict[str, Any]]:
        """Return the fields of a record of the schema by name."""
        if id(record) not in self._fields:
            self._fields[id(record)] = {one["name"]: one for one in record["fields"]}
        return self._fields[id(record)]


@dataclass(frozen=True)
class Node:
    """A type of a schema; what was asked of it once, and the types inside it, it remembers.

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
        names = Names()
        _gather(schema.definition, "", names)
        return cls("null", "", names).of(schema.definition)

    @cached_property
    def kind(self) -> str:
        """The type's name: a primitive, record, enum, fixed, array, map, or union."""
        if isinstance(self.json, list):
            return "union"
        return str(self.json if isinstance(self.json, str) else self.json["type"])

    @cached_property
    def logical(self) -> str:
        """The logical type; empty without one, and for one that every library would ignore."""
        found = self.json.get("logicalType", "") if isinstance(self.json, dict) else ""
        if not isinstance(found, str) or self.kind not in LOGICAL_TYPES.get(found, ()):
            return ""
        return "" if found == "decimal" and not _is_decimal(self.json) else found

    @cached_property
    def full_name(self) -> str:
        """The name of a named type with its namespace; empty for any other."""
        if self.kind not in NAMED:
            return ""
        return full_name(self.json["name"], self.json.get("namespace", self.namespace))

    @cached_property
    def short_name(self) -> str:
        """The name of a named type without its namespace."""
        return self.full_name.rpartition(".")[2]

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of a record; none of any other type."""
        return list(self.json["fields"]) if self.kind == "record" else []

    def field(self, name: str) -> dict[str, Any] | None:
        """Return a field of a record by its name; None where it has none, and for any other type."""
        return self.names.fields_of(self.json).get(name) if self.kind == "record" else None

    @cached_property
    def members(self) -> Mapping[str, Node]:
        """The types of a record's fields by name; none of any other type."""
        return {one["name"]: self.of(one["type"]) for one in self.fields}

    @cached_property
    def branches(self) -> tuple[Node, ...]:
        """The types of a union; of any other type itself."""
        return tuple(map(self.of, self.json)) if self.kind == "union" else (self,)

    @cached_property
    def items(self) -> Node:
        """What an array or a map holds."""
        return self.of(self.json[MEMBER[self.kind]])

    def of(self, json: Any) -> Node:
        """Return a type that stands inside this one, or the one that its name means."""
        if isinstance(json, str) and json in PRIMITIVE:
            return Node(json, "", self.names)
        space = self.full_name.rpartition(".")[0] if self.kind in NAMED else self.namespace
        if isinstance(json, str):
            full = full_name(json, space)
            definition, home = self.names[full if full in self.names else json]
            return Node(definition, home, self.names, is_reference=True)
        return Node(json, space, self.names)


def endless_fields(record: Node) -> Iterator[tuple[int, str]]:
    """Yield the fields of a record that may hold some record inside itself, with their places."""
    inside = _inside(record)
    endless = _endless(inside)
    if not endless:
        return
    for position, one in enumerate(record.fields):
        if endless & _reachable(records_at(record.of(one["type"])), inside):
            yield position, one["name"]


def scanty_defaults(record: Node) -> Iterator[str]:
    """Yield the fields whose default leaves a field of a record to that field's own default."""
    for holder in map(record.of, record.names):
        for one in holder.fields:
            if "default" in one and _is_scanty(holder.of(one["type"]), one["default"]):
                yield one["name"]


def _is_scanty(node: Node, default: Any) -> bool:
    if not node.branches:
        return False
    node = node.branches[0]
    if node.kind == "array" and isinstance(default, list):
        return any(_is_scanty(node.items, one) for one in default)
    if not isinstance(default, dict):
        return False
    if node.kind == "map":
        return any(_is_scanty(node.items, one) for one in default.values())
    return any(
        name not in default or _is_scanty(member, default[name])
        for name, member in node.members.items()
    )


def endless_records(record: Node) -> set[str]:
    """Return the full names of the schema's records that may hold themselves."""
    return _endless(_inside(record))


def _inside(record: Node) -> dict[str, set[str]]:
    """Return which records each record of the schema holds itself."""
    return {full: _records_in(record.of(full)) for full in record.names}


def _endless(inside: Mapping[str, set[str]]) -> set[str]:
    if not any(inside.values()):
        return set()
    return {full for full in inside if full in _reachable(inside[full], inside)}


def types_along(record: Node, names: Sequence[str]) -> Iterator[Node]:
    """Yield the type of each field on the way to a field inside records, as far as there are any."""
    for outer, definition in fields_along(record, names):
        yield outer.of(definition["type"])


def fields_along(record: Node, names: Sequence[str]) -> Iterator[tuple[Node, dict[str, Any]]]:
    """Yield each field on the way to a field inside records, with the record that holds it."""
    node = record
    for name in names:
        records = [one for one in node.branches if one.kind == "record"]
        found = [(outer, one) for outer in records if (one := outer.field(name)) is not None]
        if not found:
            return
        yield found[-1]
        outer, definition = found[-1]
        node = outer.of(definition["type"])


def has_field(record: Node, names: Sequence[str]) -> bool:
    """Tell whether a record has a field, by its names from the outermost on."""
    return len(list(types_along(record, names))) == len(names)


def _records_in(node: Node) -> set[str]:
    """Return the records that the fields of a record hold themselves."""
    return {full for one in node.fields for full in records_at(node.of(one["type"]))}


def records_at(node: Node) -> set[str]:
    """Return the records that a type is, or that it lists."""
    match node.kind:
        case "record":
            return {node.full_name}
        case "array" | "map":
            return records_at(node.items)
        case "union":
            return {full for branch in node.branches for full in records_at(branch)}
    return set()


def _reachable(start: set[str], inside: Mapping[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        new = inside[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _is_decimal(node: dict[str, Any]) -> bool:
    precision, scale = node.get("precision"), node.get("scale", 0)
    if not (type(precision) is int and type(scale) is int and 0 <= scale <= precision > 0):
        return False
    if node["type"] != "fixed":
        return True
    digits: int = (8 * node["size"] - 1) * _LOG_OF_2 // 10**11
    return precision <= digits


_LOG_OF_2 = 30_102_999_566
"""log10(2), times 10**11: a fixed of so many bits holds a decimal of any so many digits."""


def _gather(node: Any, namespace: str, names: Names) -> None:
    if isinstance(node, list):
        for branch in node:
            _gather(branch, namespace, names)
    if not isinstance(node, dict):
        return
    if node["type"] in NAMED:
        full = full_name(node["name"], node.get("namespace", namespace))
        names[full], namespace = (node, namespace), full.rpartition(".")[0]
    if node["type"] == "record":
        for one in node["fields"]:
            _gather(one["type"], namespace, names)
    elif member := MEMBER.get(node["type"]):
        _gather(node[member], namespace, names)
