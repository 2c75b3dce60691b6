"""Types and defaults of a schema in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from contractline.avro.grammar import MEMBER

_MOST_NAMES = 50
NO_TYPE = "a union of no types"


def type_words(node: Any) -> str:
    """Return a type as people say it, such as ``array of string`` or ``null or long``."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " or ".join(type_words(branch) for branch in node) or NO_TYPE
    kind = node["type"]
    match kind:
        case "array":
            words = f"array of {_inner(node['items'])}"
        case "map":
            words = f"map of {_inner(node['values'])}"
        case "record" | "enum" | "fixed":
            words = f"{kind} {node['name']}"
        case _:
            words = str(kind)
    logical = node.get("logicalType")
    return f"{words} ({logical})" if logical else words


def full_type_words(node: Any) -> str:
    """Return a type with what tells it from another of the same name: symbols, size, precision."""
    if isinstance(node, list):
        return " or ".join(full_type_words(branch) for branch in node) or NO_TYPE
    words = type_words(node)
    if not isinstance(node, dict):
        return words
    match node["type"]:
        case "array" | "map":
            items = node[MEMBER[node["type"]]]
            inner = full_type_words(items)
            words = f"{node['type']} of {f'({inner})' if isinstance(items, list) else inner}"
        case "enum":
            words += f" {{{listed(node['symbols'])}}}"
        case "fixed":
            words += f" of {node['size']} bytes"
    if node.get("logicalType") == "decimal" and "precision" in node:
        words = words.replace("(decimal)", f"(decimal {node['precision']}, {node.get('scale', 0)})")
    return words


def listed(names: Sequence[str]) -> str:
    """Return names one after another, the first of them where there are very many."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def default_words(value: Any) -> str:
    """Return a default as the schema writes it, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def _inner(node: Any) -> str:
    return f"({type_words(node)})" if isinstance(node, list) else type_words(node)
