"""ClickHouse's format RowBinaryWithNamesAndTypes, read to the last bit.

Drivers turn values into what is handy: a time outside of Python's range, a number in text or bytes
that are not text would not be what the table holds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from contractline.avro.decimals import scaled
from contractline.clickhouse.sql import identifier
from contractline.clickhouse.types import Type, TypeMisspelt, parse
from contractline.proof.meaning import NANOS_PER_DAY, MeantMoment

FORMAT = "RowBinaryWithNamesAndTypes"

_Read = Callable[[BytesIO], Any]
_NANOS = 10**9
_WHOLE_DIGITS = ((9, 4), (18, 8), (38, 16), (76, 32))
_NO_BRANCH = 255


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer.

    Attributes:
        names: its columns.
        rows: their values, as what they mean (:mod:`contractline.proof.meaning`).
    """

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def read_rows(answer: bytes) -> Rows:
    """Return the rows of an answer; its columns were :func:`selected`."""
    data = BytesIO(answer)
    count = _varint(data)
    names = tuple(_bytes(data).decode() for _ in range(count))
    reads = [reader(parse(_bytes(data).decode())) for _ in range(count)]
    return Rows(names, tuple(_rows(data, reads, len(answer))))


def selected(name: str, type_: str) -> str:
    """Return the SQL by which a column of any type can be read.

    What Avro has nothing for (times of a day, JSON, Dynamic …) is asked for as text.
    """
    column = identifier(name)
    try:
        is_read = _is_read(parse(type_))
    except TypeMisspelt:
        is_read = False
    return column if is_read else f"CAST({column}, 'Nullable(String)') AS {column}"


def _is_read(kind: Type) -> bool:
    return kind.name in _READ and all(map(_is_read, kind.inner))


def _rows(data: BytesIO, reads: Sequence[_Read], end: int) -> Iterator[tuple[Any, ...]]:
    while data.tell() < end:
        yield tuple(read(data) for read in reads)


def reader(kind: Type) -> _Read:
    """Return what reads one value of a type."""
    match kind.name:
        case "Nullable":
            return _nullable(reader(kind.inner[0]))
        case "LowCardinality":
            return reader(kind.inner[0])
        case "Array":
            item = reader(kind.inner[0])
            return lambda data: [item(data) for _ in range(_varint(data))]
        case "Map":
            key, value = (reader(one) for one in kind.inner)
            return lambda data: [(key(data), value(data)) for _ in range(_varint(data))]
        case "Tuple":
            return _tuple(kind)
        case "Variant":
            return _variant(kind)
    return _plain(kind)


def _plain(kind: Type) -> _Read:
    name = kind.name
    if name == "FixedString":
        return _sized(kind.numbers[0])
    if name.startswith(("Int", "UInt")):
        bits = int(name.partition("Int")[2])
        return _integer(bits // 8, signed=name.startswith("Int"))
    if name in _SCALED:
        return _scaled(kind)
    return _BARE[name]


def _scaled(kind: Type) -> _Read:
    """Return what reads a number that stands for something."""
    match kind.name:
        case "Date":
            days = _integer(2, signed=False)
            return lambda data: MeantMoment(days(data) * NANOS_PER_DAY)
        case "Date32":
            days = _integer(4, signed=True)
            return lambda data: MeantMoment(days(data) * NANOS_PER_DAY)
        case "DateTime":
            seconds = _integer(4, signed=False)
            return lambda data: MeantMoment(seconds(data) * _NANOS)
        case "DateTime64":
            ticks, unit = _integer(8, signed=True), 10 ** (9 - kind.numbers[0])
            return lambda data: MeantMoment(ticks(data) * unit)
        case "Decimal":
            precision, scale = kind.numbers
            size = next(size for digits, size in _WHOLE_DIGITS if precision <= digits)
            unscaled = _integer(size, signed=True)
            return lambda data: scaled(unscaled(data), scale)
    symbols = {
        number: label.encode() for label, number in zip(kind.labels, kind.numbers, strict=True)
    }
    number = _integer(int(kind.name.removeprefix("Enum")) // 8, signed=True)
    return lambda data: _symbol(symbols, number(data))


def _symbol(symbols: Mapping[int, bytes], number: int) -> bytes | int:
    """Return a symbol; the number where a column holds one that has none."""
    return symbols.get(number, number)


def _nullable(inner: _Read) -> _Read:
    return lambda data: inner(data) if data.read(1) == b"\0" else None


def _tuple(kind: Type) -> _Read:
    reads = [reader(one) for one in kind.inner]
    if not kind.labels:
        return lambda data: tuple(read(data) for read in reads)
    labels = kind.labels
    return lambda data: {label: read(data) for label, read in zip(labels, reads, strict=True)}


def _variant(kind: Type) -> _Read:
    reads = [reader(one) for one in kind.inner]

    def read(data: BytesIO) -> Any:
        branch = data.read(1)[0]
        return None if branch == _NO_BRANCH else reads[branch](data)

    return read


def _integer(size: int, *, signed: bool) -> _Read:
    return lambda data: int.from_bytes(data.read(size), "little", signed=signed)


def _packed(code: str) -> _Read:
    form = struct.Struct(code)
    return lambda data: form.unpack(data.read(form.size))[0]


def _sized(size: int) -> _Read:
    return lambda data: data.read(size)


def _uuid(data: BytesIO) -> UUID:
    high, low = struct.unpack("<QQ", data.read(16))
    return UUID(int=high << 64 | low)


def _bytes(data: BytesIO) -> bytes:
    return data.read(_varint(data))


def _varint(data: BytesIO) -> int:
    found = shift = 0
    while True:
        byte = data.read(1)[0]
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found
        shift += 7


_BARE: Mapping[str, _Read] = {
    "String": _bytes,
    "Float32": _packed("<f"),
    "Float64": _packed("<d"),
    "Bool": lambda data: data.read(1) != b"\0",
    "UUID": _uuid,
    "IPv4": lambda data: IPv4Address(data.read(4)[::-1]),
    "IPv6": lambda data: IPv6Address(data.read(16)),
}
_INTEGERS = tuple(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256))
_SCALED = ("Enum8", "Enum16", "Date", "Date32", "DateTime", "DateTime64", "Decimal")
_WITH_PARTS = ("Nullable", "LowCardinality", "Array", "Map", "Tuple", "Variant")
_READ = frozenset((*_BARE, *_INTEGERS, *_SCALED, *_WITH_PARTS, "FixedString"))
