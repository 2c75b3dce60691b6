"""What changed from one schema to the next, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from contractline.avro.schema import Schema
from contractline.avro.words import default_words, type_words


def differences(old: Schema, new: Schema) -> tuple[str, ...]:
    """Return what a reader of release notes should know; documentation does not count."""
    if old == new:
        return ()
    found = tuple(_types(json.loads(old.meaning), json.loads(new.meaning), ""))
    return found or ("changes aliases, order or properties of types and fields",)


def _types(old: Any, new: Any, name: str) -> Iterator[str]:
    """Yield what differs between two types in their normal form."""
    if _is_record(old) and _is_record(new) and old["name"] == new["name"]:
        yield from _fields(old["fields"], new["fields"], name)
    elif old != new:
        before, after = type_words(old), type_words(new)
        words = f"{before} → {after}" if before != after else f"{after} changes inside"
        yield f"`{name}`: {words}" if name else words


def _fields(old: list[Any], new: list[Any], outer: str) -> Iterator[str]:
    before, after = ({one["name"]: one for one in fields} for fields in (old, new))
    for name, one in after.items():
        full = f"{outer}.{name}" if outer else name
        if name not in before:
            default = f", default {default_words(one['default'])}" if "default" in one else ""
            yield f"adds `{full}` ({type_words(one['type'])}{default})"
            continue
        yield from _types(before[name]["type"], one["type"], full)
        if before[name].get("default", _NONE) != one.get("default", _NONE):
            yield f"default of `{full}`: {_shown(before[name])} → {_shown(one)}"
    for name in (name for name in before if name not in after):
        yield f"removes `{outer}.{name}`" if outer else f"removes `{name}`"
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield f"another order of the fields{f' of `{outer}`' if outer else ''}"


_NONE = object()


def _shown(one: dict[str, Any]) -> str:
    return default_words(one["default"]) if "default" in one else "none"


def _is_record(node: Any) -> bool:
    return isinstance(node, dict) and node["type"] == "record"
