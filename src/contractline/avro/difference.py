"""What changed from one schema to the next, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contractline.avro.schema import Schema, type_meaning
from contractline.avro.words import default_words, type_words


def differences(old: Schema, new: Schema) -> tuple[str, ...]:
    """Return what a reader of release notes should know; documentation does not count."""
    return tuple(_types(old.definition, new.definition, ""))


def _types(old: Any, new: Any, name: str) -> Iterator[str]:
    if _is_record(old) and _is_record(new):
        yield from _fields(old["fields"], new["fields"], name)
    elif type_meaning(old) != type_meaning(new):
        words = f"{type_words(old)} → {type_words(new)}"
        if type_words(old) == type_words(new):
            words = f"{type_words(new)} changes inside"
        yield f"`{name}`: {words}" if name else words


def _fields(old: list[Any], new: list[Any], outer: str) -> Iterator[str]:
    before, after = ({one["name"]: one for one in fields} for fields in (old, new))
    for name, one in after.items():
        full = f"{outer}.{name}" if outer else name
        if name not in before:
            yield f"adds `{full}` ({type_words(one['type'])}{_default(one)})"
            continue
        yield from _types(before[name]["type"], one["type"], full)
        if before[name].get("default", _NONE) != one.get("default", _NONE):
            yield f"default of `{full}`: {_shown(before[name])} → {_shown(one)}"
    for name in before:
        if name not in after:
            yield f"removes `{outer}.{name}`" if outer else f"removes `{name}`"
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield f"another order of the fields{f' of `{outer}`' if outer else ''}"


_NONE = object()


def _default(one: dict[str, Any]) -> str:
    return f", default {default_words(one['default'])}" if "default" in one else ""


def _shown(one: dict[str, Any]) -> str:
    return default_words(one["default"]) if "default" in one else "none"


def _is_record(node: Any) -> bool:
    return isinstance(node, dict) and node["type"] == "record"
