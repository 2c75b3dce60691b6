"""What changed from one schema to the next, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contractline.avro.grammar import MEMBER
from contractline.avro.schema import Schema
from contractline.avro.text import default_words, full_type_words, listed, type_words


def differences(old: Schema, new: Schema) -> tuple[str, ...]:
    """Return what a reader of release notes should know; documentation does not count."""
    if old == new:
        return ()
    return tuple(_types(json.loads(old.meaning), json.loads(new.meaning), "")) or (_REST,)


def _types(old: Any, new: Any, name: str) -> Iterator[str]:
    """Yield what differs between two types in their normal form."""
    before, after = type_words(old), type_words(new)
    if old == new:
        return
    if before != after:
        yield f"`{name}`: {before} → {after}" if name else f"{before} → {after}"
        return
    found = list(_inside(old, new, name))
    if not found and name:
        before, after = full_type_words(old), full_type_words(new)
        found = [f"`{name}`: {before} → {after}" if before != after else f"`{name}`: {_REST}"]
    yield from found or [_REST]


_REST = "changes aliases, order or properties of types and fields"


def _inside(old: Any, new: Any, name: str) -> Iterator[str]:
    """Yield what differs inside types that are called alike."""
    if isinstance(old, list) and isinstance(new, list):
        for one, other in zip(old, new, strict=True):
            yield from _types(one, other, name)
    elif isinstance(old, list) or isinstance(new, list):
        becomes = "a union of one type" if isinstance(new, list) else "not a union any more"
        yield f"`{name}`: is {becomes}" if name else f"is {becomes}"
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _inside_one(old, new, name)


def _inside_one(old: Any, new: Any, name: str) -> Iterator[str]:
    match old["type"]:
        case "record":
            yield from _fields(old["fields"], new["fields"], name)
        case "enum":
            yield from _symbols(old, new, name)
        case "array" | "map" as kind:
            member = MEMBER[kind]
            yield from _types(old[member], new[member], f"{name}[]")


def _symbols(old: Any, new: Any, name: str) -> Iterator[str]:
    # Dictionaries, for what is asked of thousands of symbols.
    before, after = dict.fromkeys(old["symbols"]), dict.fromkeys(new["symbols"])
    for verb, these, those in (("adds", after, before), ("removes", before, after)):
        if changed := [symbol for symbol in these if symbol not in those]:
            symbols = "symbols" if len(changed) > 1 else "symbol"
            yield f"`{name}`: {verb} the {symbols} {listed(changed)}"
    if [one for one in before if one in after] != [one for one in after if one in before]:
        yield f"`{name}`: another order of the symbols"
    if old.get("default", _NONE) != new.get("default", _NONE):
        yield f"`{name}`: default of the enum: {_shown(old)} → {_shown(new)}"


def _fields(old: list[Any], new: list[Any], outer: str) -> Iterator[str]:
    before, after = ({one["name"]: one for one in fields} for fields in (old, new))
    renamed = _renamed(before, after)
    for name, one in after.items():
        full = f"{outer}.{name}" if outer else name
        was = before.get(renamed.get(name, name))
        if was is None:
            default = f", default {default_words(one['default'])}" if "default" in one else ""
            yield f"adds `{full}` ({type_words(one['type'])}{default})"
            continue
        if name in renamed:
            yield f"renames `{renamed[name]}` to `{full}`, with the old name as an alias"
        yield from _types(was["type"], one["type"], full)
        if was.get("default", _NONE) != one.get("default", _NONE):
            yield f"default of `{full}`: {_shown(was)} → {_shown(one)}"
        yield from _aliases(was, one, full, renamed.get(name))
    for name in (name for name in before if name not in after and name not in renamed.values()):
        yield f"removes `{outer}.{name}`" if outer else f"removes `{name}`"
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield f"another order of the fields{f' of `{outer}`' if outer else ''}"


def _renamed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of fields before, by those that have them as aliases now."""
    gone = {
        name: next((a for a in one.get("aliases", ()) if a in before and a not in after), None)
        for name, one in after.items()
        if name not in before
    }
    return {name: old for name, old in gone.items() if old is not None}


def _aliases(old: Any, new: Any, name: str, was_called: str | None) -> Iterator[str]:
    before, after = set(old.get("aliases", ())), set(new.get("aliases", ())) - {was_called}
    for alias in sorted(after - before):
        yield f"adds the alias `{alias}` to `{name}`"
    for alias in sorted(before - after):
        yield f"removes the alias `{alias}` from `{name}`"


_NONE = object()


def _shown(one: dict[str, Any]) -> str:
    return default_words(one["default"]) if "default" in one else "none"
