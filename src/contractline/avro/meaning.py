"""Where a reader takes what a writer wrote for something else, though Avro lets it read it.

Avro resolves schemas by what is on the wire; a logical type says what it means. Milliseconds read
as microseconds, or a decimal of another scale, give another value without any error. (The
specification, "Schema Resolution", wants decimals of equal precision and scale; no library that
we know looks.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from contractline.avro.compatibility import Incompatibility
from contractline.avro.grammar import MEMBER
from contractline.avro.node import Node
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.avro.text import full_type_words


def reinterpretations(reader: Schema, writer: Schema) -> tuple[Incompatibility, ...]:
    """Return where ``reader`` takes a value of ``writer`` for something else without an error.

    Says nothing of what can't be read at all; a reader finds fields by name and by alias.
    """
    if _are_plain_and_alike(reader, writer):
        return ()
    return tuple(_MeaningWalk().types(Node.root(reader), Node.root(writer), _MeaningPlace()))


def _are_plain_and_alike(reader: Schema, writer: Schema) -> bool:
    """Whether no field in common changed: the usual case, seen without a walk."""
    written = writer.plain_fields
    return bool(reader.plain_fields and written) and not any(
        name in written for name, _ in reader.plain_fields.items() - written.items()
    )


@dataclass(frozen=True, slots=True)
class _MeaningPlace:
    """Where the walk is: in the reader's schema, in the writer's, and in words."""

    reader: Steps = ()
    writer: Steps = ()
    name: str = ""

    def inner(self, reader: Steps, writer: Steps, name: str = "") -> _MeaningPlace:
        joined = f"{self.name}.{name}" if self.name and name else self.name or name
        return _MeaningPlace((*self.reader, *reader), (*self.writer, *writer), joined)


@dataclass(slots=True)
class _MeaningWalk:
    """One walk through two schemas side by side.

    Attributes:
        begun: the pairs of records that were looked into.
    """

    begun: set[tuple[int, int]] = field(default_factory=set)

    def types(self, reader: Node, writer: Node, place: _MeaningPlace) -> Iterator[Incompatibility]:
        if writer.kind == "union":
            for position, branch in enumerate(writer.branches):
                yield from self.types(reader, branch, place.inner((), (position,)))
        elif reader.kind == "union":
            taken = _taken(reader.branches, writer)
            if taken is not None:
                yield from self.types(reader.branches[taken], writer, place.inner((taken,), ()))
        elif reader.kind == writer.kind == "record":
            yield from self._records(reader, writer, place)
        elif reader.kind == writer.kind and (inner := MEMBER.get(reader.kind)):
            yield from self.types(reader.items, writer.items, place.inner((inner,), (inner,)))
        elif _is_readable(reader, writer) and _said(reader) != _said(writer):
            yield _change(reader, writer, place)

    def _records(
        self, reader: Node, writer: Node, place: _MeaningPlace
    ) -> Iterator[Incompatibility]:
        pair = id(reader.json), id(writer.json)
        if pair in self.begun:
            return
        self.begun.add(pair)
        written = {one["name"]: (at, one["type"]) for at, one in enumerate(writer.fields)}
        for at, one in enumerate(reader.fields):
            names = (one["name"], *one.get("aliases", ()))
            found = next((written[name] for name in names if name in written), None)
            if found is not None:
                there, type_ = found
                inner = place.inner(("fields", at, "type"), ("fields", there, "type"), one["name"])
                yield from self.types(reader.of(one["type"]), writer.of(type_), inner)


def _change(reader: Node, writer: Node, place: _MeaningPlace) -> Incompatibility:
    before, after = full_type_words(writer.json), full_type_words(reader.json)
    reason = f"{before} is taken for {after}, and no error says so"
    if place.name:
        reason = f"`{place.name}`: {reason}"
    return Incompatibility(place.reader, place.writer, reason, after, before)


def _said(node: Node) -> tuple[Any, ...]:
    """What the logical type says of a value; nothing where there is none."""
    if node.logical == "decimal":
        return node.logical, node.json["precision"], node.json.get("scale", 0)
    return (node.logical,) if node.logical else ()


_WIDER = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}


def _is_readable(reader: Node, writer: Node) -> bool:
    """Whether a value without parts can be read, as far as its type tells."""
    return reader.kind == writer.kind or reader.kind in _WIDER.get(writer.kind, ())


def _taken(branches: Sequence[Node], writer: Node) -> int | None:
    """Return the branch of the reader's union that takes a value: of its own type, or a wider one."""
    same = [at for at, one in enumerate(branches) if one.kind == writer.kind]
    named = [at for at in same if branches[at].short_name == writer.short_name]
    wider = [at for at, one in enumerate(branches) if _is_readable(one, writer)]
    return next(iter(named or wider), None)
