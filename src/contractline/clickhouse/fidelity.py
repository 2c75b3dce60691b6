"""What is lost when a column reads what a writer's type holds: in figures. Pure.

A value means what its schema says: a time is an instant whatever its unit, a decimal its number,
a text its bytes. A column that shows anything else has read it wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from contractline.avro.decimals import scaled
from contractline.avro.grammar import MEMBER, PRIMITIVE
from contractline.avro.node import Names, Node
from contractline.clickhouse.avroconfluent import (
    Reads,
    Reason,
    Refuses,
    ValueRefused,
    decoder,
    empty,
    single,
)
from contractline.clickhouse.natural import natural_type
from contractline.clickhouse.samples import Chosen, samples
from contractline.clickhouse.types import Type

_PROMOTED = frozenset(
    {("int", "long"), ("int", "float"), ("int", "double"), ("long", "float"), ("long", "double")}
    | {("float", "double"), ("string", "bytes"), ("bytes", "string")}
)
_WITH_PARTS = ("record", "union", "array", "map")
_NUMBERS = ("boolean", "int", "long", "float", "double")
_UNITS = {"millis": 10**6, "micros": 10**3, "nanos": 1}
_DAY = 86_400 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Loss:
    """What a column makes of a type, where that is not what was written.

    Attributes:
        reason: what about the pair is not right.
        is_refused: whether messages are not read; values are read as others otherwise.
        of_all: whether that is so whatever the values.
        words: what happens, in figures.
    """

    reason: Reason
    is_refused: bool
    of_all: bool
    words: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or an instant, in nanoseconds since 1970."""

    nanos: int

    def __str__(self) -> str:
        try:
            at = _EPOCH + timedelta(microseconds=self.nanos // 1000)
        except OverflowError:
            return f"the year {1970 + self.nanos // (365_2425 * _DAY // 10_000)}"
        if self.nanos % _DAY == 0:
            return at.date().isoformat()
        return at.replace(tzinfo=None).isoformat(" ")


def losses(writer: Node, column: Type, reader: Node, *, is_nullable: bool) -> tuple[Loss, ...]:
    """Return what a column of the queue loses of a writer's type: one loss of each kind.

    Args:
        writer: the type that wrote, without null.
        column: the column's type.
        reader: the type that Avro would read it as.
        is_nullable: whether the value may be null.
    """
    if not (_names_none(writer.json) and _names_none(reader.json)):
        return _losses(writer, column, reader, is_nullable=is_nullable)
    texts = [json.dumps(node.json) for node in (writer, reader)]
    return _plain_losses(texts[0], column, texts[1], is_nullable)


def _names_none(type_: Any) -> bool:
    """Tell whether a type holds no record, and no type by its name alone."""
    if isinstance(type_, str):
        return type_ in PRIMITIVE
    if isinstance(type_, list):
        return all(map(_names_none, type_))
    member = MEMBER.get(type_["type"])
    return type_["type"] != "record" and (member is None or _names_none(type_[member]))


@lru_cache(maxsize=4096)
def _plain_losses(writer: str, column: Type, reader: str, is_nullable: bool) -> tuple[Loss, ...]:
    """Return the same of types that are all there, of which a few make up nearly all fields."""
    nodes = [Node(json.loads(text), "", Names()) for text in (writer, reader)]
    return _losses(nodes[0], column, nodes[1], is_nullable=is_nullable)


def _losses(writer: Node, column: Type, reader: Node, *, is_nullable: bool) -> tuple[Loss, ...]:
    found = decoder(writer, column)
    if isinstance(found, Refuses):
        return (Loss(found.reason, True, True, found.words),)
    lost: dict[tuple[Reason, bool], Loss] = {}
    for loss in _tried(writer, column, reader, found, is_nullable=is_nullable):
        lost.setdefault((loss.reason, loss.is_refused), loss)
    return tuple(lost.values())


def default_lost(reader: Node, column: Type, default: Any, *, has_default: bool) -> str:
    """Return what a record without a field is read as, where that is not Avro's default.

    Args:
        reader: the field's type, without null.
        column: the column's type, which does not take NULL.
        default: Avro's default as the schema writes it.
        has_default: whether there is one.
    """
    stored = empty(column)
    if has_default and default is not None:
        is_read = isinstance(decoder(reader, column), Reads)
        wire = _wire(reader, default) if is_read else _UNTOLD
        if wire is not _UNTOLD and _compared(reader, reader, column, wire, stored) is None:
            return ""
        told = default if wire is _UNTOLD else _meaning(reader, reader, wire)
        meant = f"and not as the default {_words(told)}"
    elif column.name in _EMPTY_WHEN_NULL:
        return ""
    else:
        meant = "as if it had been written" if not has_default else "and not as null"
    return f"a record without it would be read as {_words(_shown(column, stored))}, {meant}"


_EMPTY_WHEN_NULL = ("Array", "Map")
"""A list that is null, or that a record lacks, is empty: the column's comment says so."""


def is_resolved(writer: Node, reader: Node) -> bool:
    """Tell whether Avro would read one type as another, as far as their kinds and names tell."""
    if reader.kind == "union" or writer.kind == "union":
        return any(is_resolved(w, r) for w in writer.branches for r in reader.branches)
    if reader.kind != writer.kind:
        return (writer.kind, reader.kind) in _PROMOTED
    if reader.kind in ("array", "map"):
        return is_resolved(writer.items, reader.items)
    return reader.short_name == writer.short_name


def takes_null(column: Type) -> bool:
    """Tell whether a column shows null as null."""
    return column.is_nullable or column.name in ("Variant", "Dynamic")


def _tried(
    writer: Node, column: Type, reader: Node, found: Reads, *, is_nullable: bool
) -> Iterator[Loss]:
    for value in samples(writer):
        try:
            stored = found.value(value)
        except ValueRefused as refused:
            yield Loss(_reason(writer, column), True, False, str(refused))
            continue
        yield from filter(None, (_compared(writer, reader, column, value, stored),))
    if is_nullable and column.name not in _EMPTY_WHEN_NULL:
        stored = None if takes_null(column) else empty(column)
        yield from filter(None, (_compared(writer, reader, column, None, stored),))


def _compared(writer: Node, reader: Node, column: Type, value: Any, stored: Any) -> Loss | None:
    """Return what was lost of one value; None when nothing was."""
    column = column.bare
    if value is None:
        if stored is None:
            return None
        words = f"null would be read as {_words(_shown(column, stored))}"
        return Loss(Reason.NULL, False, False, words)
    if isinstance(value, Chosen):
        branches = [one for one in writer.branches if one.kind != "null"]
        branch = branches[value.branch]
        return _compared(branch, branch, natural_type(branch), value.value, stored)
    writer, reader = _single(writer), _single(reader)
    pairs = _inside(writer, reader, column, value, stored)
    if pairs is not None:
        return next((loss for loss in pairs if loss is not None), None)
    return _of_one(writer, reader, column, value, stored)


def _inside(
    writer: Node, reader: Node, column: Type, value: Any, stored: Any
) -> Iterator[Loss | None] | None:
    """Compare the parts of a value that has parts; None for one that has none."""
    below = reader.items if reader.kind == writer.kind and writer.kind in ("array", "map") else None
    match writer.kind:
        case "array" if column.name == "Map":
            fields = writer.items.fields
            below = below if below and below.kind == "record" else writer.items
            return (
                _compared(
                    writer.items.of(f["type"]), below.of(f["type"]), type_, one[f["name"]], got
                )
                for one, pair in zip(value, stored, strict=True)
                for f, type_, got in zip(fields, column.inner, pair, strict=True)
            )
        case "array":
            return (
                _compared(writer.items, below or writer.items, column.inner[0], one, got)
                for one, got in zip(value, stored, strict=True)
            )
        case "map":
            return (
                _compared(writer.items, below or writer.items, column.inner[1], one, got)
                for one, got in zip(value.values(), stored.values(), strict=True)
            )
        case "record":
            types = dict(zip(column.labels, column.inner, strict=True))
            return (
                _compared(part, part, types[name], value[name], stored[name])
                for name, part in ((f["name"], writer.of(f["type"])) for f in writer.fields)
            )
    return None


def _of_one(writer: Node, reader: Node, column: Type, value: Any, stored: Any) -> Loss | None:
    if reader.kind != writer.kind and (writer.kind, reader.kind) not in _PROMOTED:
        reader = writer
    meant, got = _meaning(writer, reader, value), _shown(column, stored)
    if _same(meant, got) or _same(_exact(writer, reader, value), got):
        return None
    raw = f" ({value})" if isinstance(meant, Moment) else ""
    words = f"{_words(meant)}{raw} would be read as {_words(got)}"
    return Loss(_reason(writer, column), False, False, words)


def _single(node: Node) -> Node:
    """Return the type beside null."""
    branches = [branch for branch in node.branches if branch.kind != "null"]
    return branches[0] if len(branches) == 1 else node


def _reason(writer: Node, column: Type) -> Reason:
    """Return what is not right about two types without parts."""
    names = (column.bare.name, writer.logical)
    if "decimal" in names or "Decimal" in names:
        return Reason.DECIMAL
    if "date" in names and column.bare.name == "Date":
        return Reason.DATE
    if writer.logical.startswith(("timestamp", "local-timestamp")) or names[0].startswith("Date"):
        return Reason.TIME
    is_number = writer.kind in _NUMBERS and names[0] != "IPv4"
    return Reason.NUMBER if is_number else Reason.TYPE


# What values mean, and what columns show


def _meaning(writer: Node, reader: Node, value: Any) -> Any:
    unit = _unit(reader)
    if reader.logical == "date":
        return Moment(value * _DAY)
    if unit:
        return Moment(value * (_unit(writer) or unit))
    if reader.logical == "decimal":
        scale = (writer if writer.logical == "decimal" else reader).json.get("scale", 0)
        return scaled(int.from_bytes(value, "big", signed=True), scale)
    if reader.logical == "uuid" and isinstance(value, str):
        return UUID(value)
    if reader.kind in ("float", "double"):
        return single(value) if reader.kind == "float" else float(value)
    return value.encode() if isinstance(value, str) else value


def _exact(writer: Node, reader: Node, value: Any) -> Any:
    """Return what a column may show as well: the number of a time, or one that Avro would round."""
    unit = _unit(reader)
    if isinstance(value, (int, float)):
        return value * (_unit(writer) or unit) // unit if unit else value
    return _meaning(writer, reader, value)


def _unit(node: Node) -> int:
    """Return the nanoseconds of a timestamp's unit; 0 for anything else."""
    name, _, unit = node.logical.rpartition("-")
    return _UNITS.get(unit, 0) if name.endswith("timestamp") else 0


def _shown(column: Type, stored: Any) -> Any:
    column = column.bare
    match column.name:
        case "Date" | "Date32":
            return Moment(stored * _DAY)
        case "DateTime":
            return Moment(stored * 10**9)
        case "DateTime64":
            return Moment(stored * 10 ** (9 - column.numbers[0]))
        case "Decimal":
            return scaled(stored, column.numbers[1])
        case "IPv4":
            return ".".join(str(byte) for byte in stored.to_bytes(4, "big"))
        case "Enum8" | "Enum16":
            return stored.encode()
    return stored


def _same(meant: Any, got: Any) -> bool:
    if isinstance(meant, UUID) and isinstance(got, bytes):
        return str(meant).encode() == got.lower()
    if isinstance(meant, (int, float, Decimal)) and isinstance(got, (int, float, Decimal)):
        return meant == got
    return type(meant) is type(got) and bool(meant == got)


_UNTOLD = object()
"""A default that is more than one value."""


def _wire(node: Node, default: Any) -> Any:
    """Return a default of the schema as the value that a record would hold."""
    if node.kind in _WITH_PARTS:
        return default if node.kind in ("array", "map") and not default else _UNTOLD
    if node.kind in ("bytes", "fixed"):
        return default.encode("latin-1")
    return float(default) if node.kind in ("float", "double") else default


def _words(value: Any) -> str:
    """Return a value as people read it, shortened."""
    if value == ():
        return "[]"
    if isinstance(value, bytes):
        try:
            text = repr(value[: 2 * _SHOWN].decode())
        except UnicodeDecodeError:
            text = f"0x{value.hex()}"
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
