"""Logical types that a schema has beside a type instead of inside it, where Avro ignores them.

``{"name": "at", "type": "long", "logicalType": "timestamp-millis"}`` is a plain long to every
library; the logical type belongs into the object of the type itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contractline.avro.grammar import LOGICAL_TYPES, MEMBER, PRIMITIVE

_BESIDE = ("logicalType", "precision", "scale")


def is_misplaced(field: Mapping[str, Any]) -> bool:
    """Tell whether a field has a logical type beside its type that its type does not have."""
    beside = field.get("logicalType")
    return beside is not None and beside not in _logical_types(field["type"])


def type_meant(field: Mapping[str, Any]) -> Any:
    """Return a field's type with the logical type inside that the field has beside it.

    None where there is none beside it, and where no type of the field, or more than one, could
    carry it: one that is only named has to be changed where it is defined.
    """
    if not is_misplaced(field) or not isinstance(field["logicalType"], str):
        return None
    beside = {name: field[name] for name in _BESIDE if name in field}
    return _with(field["type"], beside)


def _with(node: Any, beside: Mapping[str, Any]) -> Any:
    """Return a type with the logical type in the one place that can carry it; None without one."""
    if isinstance(node, list):
        changed = [_with(branch, beside) for branch in node]
        if sum(one is not None for one in changed) != 1:
            return None
        return [new or old for new, old in zip(changed, node, strict=True)]
    kind = node if isinstance(node, str) else node["type"]
    if member := MEMBER.get(kind):
        inner = _with(node[member], beside)
        return None if inner is None else {**node, member: inner}
    if kind not in LOGICAL_TYPES.get(beside["logicalType"], ()):
        return None
    if isinstance(node, str):
        return {"type": node, **beside}
    return None if "logicalType" in node else {**node, **beside}


def _logical_types(node: Any) -> set[Any]:
    """Return the logical types of a field's type: its own, and those of its branches and items."""
    if isinstance(node, list):
        return {name for branch in node for name in _logical_types(branch)}
    if not isinstance(node, Mapping):
        return set()
    found = {node["logicalType"]} if "logicalType" in node else set()
    member = MEMBER.get(node["type"])
    return found | (_logical_types(node[member]) if member else set())


def is_named_only(node: Any) -> bool:
    """Tell whether a type, or a branch of it, is the name of a type defined elsewhere."""
    branches = node if isinstance(node, list) else [node]
    return any(isinstance(branch, str) and branch not in PRIMITIVE for branch in branches)
