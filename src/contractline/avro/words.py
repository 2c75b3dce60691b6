"""Types and defaults of a schema in words."""

from __future__ import annotations

import json
from typing import Any


def type_words(node: Any) -> str:
    """Return a type as people say it, such as ``array of string`` or ``null or long``."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " or ".join(type_words(branch) for branch in node)
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


def default_words(value: Any) -> str:
    """Return a default as the schema writes it, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


def _inner(node: Any) -> str:
    return f"({type_words(node)})" if isinstance(node, list) else type_words(node)
