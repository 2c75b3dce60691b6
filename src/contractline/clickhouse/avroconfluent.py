"""What ClickHouse's AvroConfluent makes of a writer's type in a column: a model of the engine. Pure.

The lines of :data:`LINES` say which Avro types a column reads and how; the engine refuses every
other pair, whatever the value. They hold for ClickHouse 26.7 with the settings of our queues
(``input_format_avro_allow_missing_fields``, ``input_format_null_as_default``); a test tries each
line on the engine.

A value is here what a column stores: the number of a Date, DateTime64 or Decimal, the bytes of a
text, the symbol of an Enum.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

from contractline.avro.node import Node
from contractline.avro.text import listed
from contractline.clickhouse.natural import natural_type
from contractline.clickhouse.types import Type


class Reason(Enum):
    """What about a pair of types is not right; each has a rule of its own."""

    DEFAULT = auto()
    NULL = auto()
    NUMBER = auto()
    DATE = auto()
    TIME = auto()
    DECIMAL = auto()
    ENUM = auto()
    RECORD = auto()
    UNION = auto()
    RENAME = auto()
    TYPE = auto()


@dataclass(frozen=True, slots=True)
class Reads:
    """The engine reads the pair.

    Attributes:
        value: gives what the column stores; raises :class:`ValueRefused`.
    """

    value: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Refuses:
    """The engine reads no message of such a writer.

    Attributes:
        reason: what is not right.
        words: what the engine says, in words.
    """

    reason: Reason
    words: str


class ValueRefused(Exception):
    """The engine reads no message with such a value; the message is what it says, in words."""


Decoder = Reads | Refuses


def decoder(node: Node, column: Type) -> Decoder:
    """Return what the engine does with a writer's type in a column.

    Args:
        node: the writer's type.
        column: the column's type in the queue.
    """
    if column.name == "LowCardinality":
        return decoder(node, column.inner[0])
    if column.name == "Nullable":
        return _or_null(node, column.inner[0])
    if node.kind == "union":
        return _union(node, column)
    if node.kind == "null":
        return Reads(lambda _: empty(column))
    for line in LINES:
        if node.kind in line.avro and column.name in line.columns:
            return line.how(node, column)
    return _refused(node, column)


def empty(column: Type) -> Any:
    """Return what a column stores where there is no value: the default of its type, not Avro's."""
    if column.name in _EMPTY:
        return _EMPTY[column.name]
    match column.name:
        case "LowCardinality":
            return empty(column.inner[0])
        case "Tuple":
            return dict(zip(column.labels, map(empty, column.inner), strict=False))
        case "FixedString":
            return bytes(column.numbers[0])
        case "Enum8" | "Enum16":
            return dict(zip(column.numbers, column.labels, strict=True)).get(0, NO_SYMBOL)
    return 0


NO_SYMBOL = "a number without a symbol"
"""What an Enum stores where there is no value and no symbol has the number 0; reading it fails."""

_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(("Nullable", "Variant", "Dynamic")),
    **dict.fromkeys(("Float32", "Float64", "BFloat16"), 0.0),
    "Array": (),
    "Map": {},
    "Bool": False,
    "String": b"",
    "IPv6": bytes(16),
    "UUID": UUID(int=0),
}


# How the pairs of the table are read


def _whole(node: Node, column: Type) -> Decoder:
    """A number in a whole one, silently: a whole one is wrapped round, another one cut off."""
    bits, is_signed = WHOLE[column.name](column)
    if not bits:
        return _refused(node, column)
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)

    def value(written: Any) -> int | bool:
        if isinstance(written, float) and not least <= written <= most:
            raise ValueRefused(f"{written} does not fit {column.name}")
        kept = wrapped(int(written), bits, is_signed)
        return kept != 0 if column.name == "Bool" else kept

    return Reads(value)


def _float(_: Node, column: Type) -> Decoder:
    def value(written: Any) -> float:
        if math.isfinite(written) and abs(written) > _MOST_IN_SINGLE:
            raise ValueRefused(f"{written} does not fit {column.name}")
        return single(written)

    return Reads(value if column.name == "Float32" else float)


def _text(_: Node, __: Type) -> Decoder:
    return Reads(_bytes)


def _padded(_: Node, column: Type) -> Decoder:
    size = column.numbers[0]

    def value(written: Any) -> bytes:
        text = _bytes(written)
        if len(text) > size:
            raise ValueRefused(f"{len(text)} bytes are too many for {size}")
        return text.ljust(size, b"\0")

    return Reads(value)


def _uuid(_: Node, __: Type) -> Decoder:
    def value(written: Any) -> UUID:
        text = _bytes(written).decode(errors="replace")
        try:
            if len(text) == _UUID_LETTERS:
                return UUID(text)
        except ValueError:
            pass
        raise ValueRefused(f"{text[:_UUID_LETTERS]!r} is not a UUID")

    return Reads(value)


def _decimal(node: Node, column: Type) -> Decoder:
    """A decimal in one of exactly its precision and scale; a DateTime64 counts as one of 18."""
    precision, scale = column.numbers if column.name == "Decimal" else (18, column.numbers[0])
    ours = node.json if node.logical == "decimal" else {}
    written = ours.get("precision", 0), ours.get("scale", 0)
    if written != (precision, scale):
        what = f"Decimal{written}" if ours else node.kind
        return Refuses(Reason.DECIMAL, f"{what} is not {column.name}({precision}, {scale})")
    size = next(size for digits, size in DECIMAL_BYTES if precision <= digits)
    if node.kind == "fixed" and node.json["size"] > size:
        words = f"a fixed of {node.json['size']} bytes is larger than the {size} of {column.name}"
        return Refuses(Reason.DECIMAL, words)

    def value(written: bytes) -> int:
        if not 0 < len(written) <= size:
            raise ValueRefused(f"{len(written)} bytes are not between 1 and {size}")
        return int.from_bytes(written, "big", signed=True)

    return Reads(value)


def _enum(node: Node, column: Type) -> Decoder:
    known = frozenset(column.labels)
    missing = [symbol for symbol in node.json["symbols"] if symbol not in known]
    if missing:
        return Refuses(Reason.ENUM, f"the column's Enum lacks {listed(missing)}")
    return Reads(str)


def _sized(node: Node, column: Type) -> Decoder:
    """Bytes of exactly the column's size; a UUID is taken for its 36 letters."""
    size = node.json["size"]
    wanted = column.numbers[0] if column.name == "FixedString" else _SIZES[column.name]
    if size != wanted:
        return _refused(node, column)
    if column.name == "UUID":
        return _uuid(node, column)
    if column.name in ("FixedString", "IPv6"):
        return Reads(_bytes)
    if column.name == "Bool":
        return Reads(lambda value: value != b"\0")
    return Reads(lambda value: int.from_bytes(value, "little", signed=column.name[0] == "I"))


def _array(node: Node, column: Type) -> Decoder:
    inner = decoder(node.items, column.inner[0])
    if isinstance(inner, Refuses):
        return inner
    return Reads(lambda value: [inner.value(one) for one in value])


def _map(node: Node, column: Type) -> Decoder:
    key, inner = column.inner[0].bare, decoder(node.items, column.inner[1])
    if key.name != "String":
        return Refuses(Reason.TYPE, f"the keys of a map are text, and not {key.name}")
    if isinstance(inner, Refuses):
        return inner
    return Reads(lambda value: {_bytes(k): inner.value(v) for k, v in value.items()})


def _pairs(node: Node, column: Type) -> Decoder:
    """A list of records of two fields in a Map: keys in the first, whatever their names."""
    fields = node.items.fields if node.items.kind == "record" else ()
    if len(fields) != _OF_A_PAIR:
        return _refused(node, column)
    names = [field["name"] for field in fields]
    types = dict(zip(names, (column.inner[0].bare, column.inner[1]), strict=True))
    inner = _parts({f["name"]: decoder(node.items.of(f["type"]), types[f["name"]]) for f in fields})
    if isinstance(inner, Refuses):
        return inner
    return Reads(lambda value: [tuple(inner.value(one).values()) for one in value])


def _record(node: Node, column: Type) -> Decoder:
    """A record in a Tuple of exactly its fields, in any order."""
    names = [field["name"] for field in node.fields]
    if sorted(names) != sorted(column.labels):
        words = f"the record has {', '.join(names)} and the Tuple {', '.join(column.labels)}"
        return Refuses(Reason.RECORD, words)
    types = dict(zip(column.labels, column.inner, strict=True))
    parts = {f["name"]: decoder(node.of(f["type"]), types[f["name"]]) for f in node.fields}
    return _parts(parts)


def _parts(parts: Mapping[str, Decoder]) -> Decoder:
    reads: dict[str, Reads] = {}
    for name, part in parts.items():
        if isinstance(part, Refuses):
            return part
        reads[name] = part
    return Reads(lambda value: {name: part.value(value[name]) for name, part in reads.items()})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        avro: the writer's types.
        columns: the columns that read them.
        how: how.
    """

    avro: tuple[str, ...]
    columns: Sequence[str]
    how: Callable[[Node, Type], Decoder]


def _always(bits: int, is_signed: bool) -> Callable[[Type], tuple[int, bool]]:
    return lambda _: (bits, is_signed)


WHOLE: Mapping[str, Callable[[Type], tuple[int, bool]]] = {
    "Bool": _always(8, False),
    "Int8": _always(8, True),
    "Int16": _always(16, True),
    "Int32": _always(32, True),
    "Int64": _always(64, True),
    "UInt8": _always(8, False),
    "UInt16": _always(16, False),
    "UInt32": _always(32, False),
    "UInt64": _always(64, False),
    "Date": _always(16, False),
    "Date32": _always(32, True),
    "DateTime": _always(32, False),
    "DateTime64": _always(64, True),
    "IPv4": _always(32, False),
    "Decimal": lambda column: (_decimal_bits(column), True),
}
"""The columns that store a number of so many bits; wider ones take none from Avro."""

_NUMBERS = ("boolean", "int", "long", "float", "double")
_TEXTS = ("string", "bytes")
_SIZES = {
    "UUID": 36,
    "IPv6": 16,
    "Bool": 1,
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
}

LINES = (
    Line(_NUMBERS, tuple(WHOLE), _whole),
    Line(_NUMBERS, ("Float32", "Float64"), _float),
    Line((*_TEXTS, "fixed", "enum"), ("String",), _text),
    Line(_TEXTS, ("FixedString",), _padded),
    Line(_TEXTS, ("UUID",), _uuid),
    Line((*_TEXTS, "fixed"), ("Decimal", "DateTime64"), _decimal),
    Line(("fixed",), ("FixedString", *_SIZES), _sized),
    Line(("enum",), ("Enum8", "Enum16"), _enum),
    Line(("array",), ("Array",), _array),
    Line(("map",), ("Map",), _map),
    Line(("array",), ("Map",), _pairs),
    Line(("record",), ("Tuple",), _record),
)
"""Which columns read which types of Avro, and how. Unions and null: :func:`decoder`."""

DECIMAL_BYTES = ((9, 4), (18, 8), (38, 16), (76, 32))
"""Up to so many digits a Decimal takes so many bytes."""

_UUID_LETTERS = 36
_MAX_NUMBER_BITS = 64
_MOST_IN_SINGLE = (2 - 2**-23) * 2.0**127
_OF_A_PAIR = 2
SCHEMA_LEVELS = 256
"""Levels of JSON in a schema; the engine fetches no schema with more."""


def wrapped(value: int, bits: int, is_signed: bool) -> int:
    """Return what is left of a number in so many bits."""
    kept = value % (1 << bits)
    return kept - (1 << bits) if is_signed and kept >> (bits - 1) else kept


def single(value: float) -> float:
    """Return a number in single precision; infinite when it is too large."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _decimal_bits(column: Type) -> int:
    bits: int = 8 * next(size for digits, size in DECIMAL_BYTES if column.numbers[0] <= digits)
    return bits if bits <= _MAX_NUMBER_BITS else 0


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


# Null, and unions


def _or_null(node: Node, column: Type) -> Decoder:
    """A column that takes NULL: read as the type inside it, null kept."""
    if node.kind == "null":
        return Reads(lambda _: None)
    inner = decoder(node, column)
    if isinstance(inner, Refuses):
        return inner
    return Reads(lambda value: None if value is None else inner.value(value))


def _union(node: Node, column: Type) -> Decoder:
    """Null and one type as that type, null as the column's own default; several as a Variant."""
    branches = [branch for branch in node.branches if branch.kind != "null"]
    if not branches:
        return Reads(lambda _: empty(column))
    if len(branches) == 1:
        inner = decoder(branches[0], column)
        if isinstance(inner, Refuses):
            return inner
        return Reads(lambda value: empty(column) if value is None else inner.value(value))
    if column.name != "Variant":
        return Refuses(Reason.UNION, f"{column.name} takes no union of {len(branches)} types")
    natural = [natural_type(branch) for branch in branches]
    if sorted(map(str, natural)) != sorted(map(str, column.inner)):
        words = f"the union is Variant({', '.join(map(str, natural))}), and the column {column}"
        return Refuses(Reason.UNION, words)
    each = [decoder(branch, type_) for branch, type_ in zip(branches, natural, strict=True)]
    refused = next((one for one in each if isinstance(one, Refuses)), None)
    reads = [one for one in each if isinstance(one, Reads)]
    return refused or Reads(
        lambda value: None if value is None else reads[value.branch].value(value.value)
    )


def _refused(node: Node, column: Type) -> Refuses:
    logical = f" ({node.logical})" if node.logical else ""
    return Refuses(Reason.TYPE, f"{column} is not compatible with Avro's {node.kind}{logical}")
