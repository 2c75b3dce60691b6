"""The types that ClickHouse itself gives an Avro schema's columns: the only ones of a Variant. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contractline.avro.node import Node
from contractline.clickhouse.types import Type

_NATURAL = {
    "boolean": "Bool",
    "int": "Int32",
    "long": "Int64",
    "float": "Float32",
    "double": "Float64",
    "string": "String",
    "bytes": "String",
    "null": "Nothing",
}
_NATURAL_LOGICAL = {
    ("int", "date"): Type("Date32"),
    ("long", "timestamp-millis"): Type("DateTime64", numbers=(3,)),
    ("long", "timestamp-micros"): Type("DateTime64", numbers=(6,)),
    ("string", "uuid"): Type("UUID"),
}
_ENUM8_SYMBOLS = 127


def natural_type(node: Node) -> Type:
    """Return the type that the engine itself would give a column: the only one of a Variant."""
    if node.logical == "decimal":
        return Type("Decimal", numbers=(node.json["precision"], node.json.get("scale", 0)))
    if (node.kind, node.logical) in _NATURAL_LOGICAL:
        return _NATURAL_LOGICAL[node.kind, node.logical]
    if node.kind in _NATURAL_PARTS:
        return _NATURAL_PARTS[node.kind](node)
    return Type(_NATURAL[node.kind])


def _natural_enum(node: Node) -> Type:
    symbols = tuple(node.json["symbols"])
    name = "Enum8" if len(symbols) <= _ENUM8_SYMBOLS else "Enum16"
    return Type(name, (), symbols, tuple(range(len(symbols))))


def _natural_record(node: Node) -> Type:
    inner = tuple(natural_type(node.of(field["type"])) for field in node.fields)
    return Type("Tuple", inner, tuple(field["name"] for field in node.fields))


def _natural_union(node: Node) -> Type:
    inner = tuple(natural_type(one) for one in node.branches if one.kind != "null")
    return Type("Nullable", inner) if len(inner) == 1 else Type("Variant", inner)


_NATURAL_PARTS: Mapping[str, Callable[[Node], Type]] = {
    "fixed": lambda node: Type("FixedString", numbers=(node.json["size"],)),
    "array": lambda node: Type("Array", (natural_type(node.items),)),
    "map": lambda node: Type("Map", (Type("String"), natural_type(node.items))),
    "enum": _natural_enum,
    "record": _natural_record,
    "union": _natural_union,
}
