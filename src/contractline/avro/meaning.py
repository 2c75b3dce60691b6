"""Where a reader takes what a writer wrote for something else, though Avro lets it read it.

Avro resolves schemas by what is on the wire; a logical type says what it means. Milliseconds read
as microseconds, or a decimal of another scale, give another value without any error. (The
specification, "Schema Resolution", wants decimals of equal precision and scale; no library that
we know looks.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contractline.avro.compatibility import Incompatibility
from contractline.avro.grammar import NAMED
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.avro.words import full_type_words

LOGICAL_TYPES: Mapping[str, tuple[str, ...]] = {
    "big-decimal": ("bytes",),
    "date": ("int",),
    "decimal": ("bytes", "fixed"),
    "duration": ("fixed",),
    "local-timestamp-micros": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-nanos": ("long",),
    "time-micros": ("long",),
    "time-millis": ("int",),
    "timestamp-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-nanos": ("long",),
    "uuid": ("string", "fixed"),
}
"""The logical types of the Avro specification, and the types that may carry them."""


def reinterpretations(reader: Schema, writer: Schema) -> tuple[Incompatibility, ...]:
    """Return where ``reader`` takes a value of ``writer`` for something else without an error.

    Says nothing of what can't be read at all; a reader finds fields by name and by alias.
    """
    if _are_plain_and_alike(reader, writer):
        return ()
    read, written = (json.loads(schema.meaning) for schema in (reader, writer))
    return tuple(_Walk(_named(read), _named(written)).types(read, written, _Place()))


def _are_plain_and_alike(reader: Schema, writer: Schema) -> bool:
    """Whether no field in common changed: the usual case, seen without a walk."""
    written = writer.plain_fields
    return bool(reader.plain_fields and written) and all(
        written.get(name, meaning) == meaning for name, meaning in reader.plain_fields.items()
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: in the reader's schema, in the writer's, and in words."""

    reader: Steps = ()
    writer: Steps = ()
    name: str = ""

    def inner(self, reader: Steps, writer: Steps, name: str = "") -> _Place:
        joined = f"{self.name}.{name}" if self.name and name else self.name or name
        return _Place((*self.reader, *reader), (*self.writer, *writer), joined)


@dataclass(slots=True)
class _Walk:
    """One walk through the normal forms of two schemas side by side."""

    reader_types: Mapping[str, Any]
    writer_types: Mapping[str, Any]
    begun: set[tuple[int, int]] = field(default_factory=set)

    def types(self, reader: Any, writer: Any, place: _Place) -> Iterator[Incompatibility]:
        reader = _resolved(reader, self.reader_types)
        writer = _resolved(writer, self.writer_types)
        if isinstance(writer, list):
            for position, branch in enumerate(writer):
                yield from self.types(reader, branch, place.inner((), (position,)))
        elif isinstance(reader, list):
            taken = _taken(reader, writer, self.reader_types)
            if taken is not None:
                yield from self.types(reader[taken], writer, place.inner((taken,), ()))
        elif _kind(reader) == _kind(writer) == "record":
            yield from self._records(reader, writer, place)
        elif _kind(reader) == _kind(writer) and _kind(reader) in ("array", "map"):
            inner = "items" if _kind(reader) == "array" else "values"
            yield from self.types(reader[inner], writer[inner], place.inner((inner,), (inner,)))
        elif _is_readable(reader, writer) and _said(reader) != _said(writer):
            yield _change(reader, writer, place)

    def _records(self, reader: Any, writer: Any, place: _Place) -> Iterator[Incompatibility]:
        if (id(reader), id(writer)) in self.begun:
            return
        self.begun.add((id(reader), id(writer)))
        written = {one["name"]: at for at, one in enumerate(writer["fields"])}
        for at, one in enumerate(reader["fields"]):
            names = (one["name"], *one.get("aliases", ()))
            there = next((written[name] for name in names if name in written), None)
            if there is not None:
                inner = place.inner(("fields", at, "type"), ("fields", there, "type"), one["name"])
                yield from self.types(one["type"], writer["fields"][there]["type"], inner)


def _change(reader: Any, writer: Any, place: _Place) -> Incompatibility:
    before, after = full_type_words(writer), full_type_words(reader)
    reason = f"{before} is taken for {after}, and no error says so"
    if place.name:
        reason = f"`{place.name}`: {reason}"
    return Incompatibility(place.reader, place.writer, reason, after, before)


def _named(normal: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = [normal]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("type") in NAMED and "name" in node:
                found.setdefault(node["name"], node)
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return found


def _resolved(node: Any, types: Mapping[str, Any]) -> Any:
    return types.get(node, node) if isinstance(node, str) else node


def _kind(node: Any) -> str:
    return node if isinstance(node, str) else node["type"]


def _said(node: Any) -> tuple[Any, ...]:
    """What the logical type says of a value; nothing where it is none, or does not fit."""
    logical = node.get("logicalType") if isinstance(node, dict) else None
    if not isinstance(logical, str) or _kind(node) not in LOGICAL_TYPES.get(logical, ()):
        return ()
    if logical == "decimal":
        return logical, node.get("precision"), node.get("scale", 0)
    return (logical,)


_WIDER = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def _is_readable(reader: Any, writer: Any) -> bool:
    """Whether a value without parts can be read, as far as its type tells."""
    kinds = _kind(reader), _kind(writer)
    return kinds[0] == kinds[1] or kinds[0] in _WIDER.get(kinds[1], ())


def _taken(branches: list[Any], writer: Any, types: Mapping[str, Any]) -> int | None:
    """Return the branch of the reader's union that takes a value: of its own type, or a wider one."""
    resolved = [_resolved(branch, types) for branch in branches]
    name = writer.get("name", "") if isinstance(writer, dict) else ""
    same = [at for at, one in enumerate(resolved) if _kind(one) == _kind(writer)]
    named = [at for at in same if not name or _short(resolved[at]["name"]) == _short(name)]
    wider = [at for at, one in enumerate(resolved) if _is_readable(one, writer)]
    return next(iter(named or wider), None)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
