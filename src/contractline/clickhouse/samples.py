"""Boundary values of an Avro type, as they are on the wire: what is tried in a column. Pure.

The first that is read as another value is the one that people see, so telling ones come first.
Numbers that no ClickHouse type could hold either (a date before 1900 or after 2299) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contractline.avro.node import Node

_DEPTH = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = (
    datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    datetime(1969, 7, 20, tzinfo=UTC),
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(2262, 4, 11, tzinfo=UTC),
)
_DAYS = (datetime(1969, 7, 20, tzinfo=UTC), *_TOLD, datetime(2299, 12, 31, tzinfo=UTC))
_UNITS = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}
_PLAIN: dict[str, tuple[Any, ...]] = {
    "null": (None,),
    "boolean": (True, False),
    "int": (300, -1, 0, 2**31 - 1, -(2**31)),
    "long": (3_000_000_000, -1, 300, 0, 2**53 + 1, 2**63 - 1, -(2**63)),
    "float": (0.5, -1.5, 0.0, 2.0**127),
    "double": (0.1, 0.5, -1.5, 0.0, 1e300),
    "string": ("text", "", "ы \U0001f600 \0", "x" * 70_000),
    "bytes": (b"\xff\x00a", b"", b"\x00" * 70_000),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value of a union of several types besides null.

    Attributes:
        branch: which of them, null not counted.
        value: the value.
    """

    branch: int
    value: Any


_LONGEST = 4096
"""Bytes of a fixed that are tried; what becomes of more becomes of these."""


def samples(node: Node, depth: int = _DEPTH) -> tuple[Any, ...]:
    """Return boundary values of a type; at least one, if it is not endless.

    Args:
        node: the type.
        depth: how many records and lists may still lie inside each other.
    """
    if depth == 0:
        return ()
    match node.kind:
        case "union":
            return tuple(_of_union(node, depth))
        case "array":
            return ([*samples(node.items, depth - 1)], [])
        case "map":
            held = samples(node.items, depth - 1)
            return ({f"k{place}": one for place, one in enumerate(held)}, {})
        case "record":
            return tuple(_records(node, depth))
        case "enum":
            return tuple(node.json["symbols"])
        case "fixed" if node.logical != "decimal":
            size = min(node.json["size"], _LONGEST)
            return (bytes(place % 256 for place in range(size)), b"\xff" * size)
    return tuple(_logical(node)) or _PLAIN[node.kind]


def decimal_bytes(node: Node, unscaled: int) -> bytes:
    """Return a decimal's number as its bytes: as few as hold it, or those of the fixed."""
    size = node.json["size"] if node.kind == "fixed" else (unscaled.bit_length() // 8) + 1
    return unscaled.to_bytes(size, "big", signed=True)


def _logical(node: Node) -> Iterator[Any]:
    name, _, unit = node.logical.rpartition("-")
    if node.logical == "date" and node.kind == "int":
        yield from ((at - _EPOCH).days for at in _DAYS)
    elif name.endswith("timestamp") and node.kind == "long":
        yield from (_UNITS[unit] * int((at - _EPOCH).total_seconds()) for at in _TOLD)
    elif node.logical == "uuid" and node.kind == "string":
        yield "c0ffee00-0000-4000-8000-000000000001"
    elif node.logical == "decimal":
        most = 10 ** int(node.json["precision"]) - 1
        if node.kind == "fixed":
            most = min(most, (1 << 8 * int(node.json["size"]) - 1) - 1)
        yield from (decimal_bytes(node, number) for number in (most, -most, -1, 0))


def _of_union(node: Node, depth: int) -> Iterator[Any]:
    branches = [branch for branch in node.branches if branch.kind != "null"]
    if len(branches) < len(node.branches):
        yield None
    for position, branch in enumerate(branches):
        for value in samples(branch, depth - 1):
            yield value if len(branches) == 1 else Chosen(position, value)


def _records(node: Node, depth: int) -> Iterator[dict[str, Any]]:
    """Yield as many records as the richest field has values; the others begin anew."""
    names = [field["name"] for field in node.fields]
    held = [samples(node.of(field["type"]), depth - 1) for field in node.fields]
    if all(held):
        for row in _cycled(held):
            yield dict(zip(names, row, strict=True))


def _cycled(held: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    longest = max(map(len, held), default=0)
    for place in range(longest or 1):
        yield tuple(values[place % len(values)] for values in held)
