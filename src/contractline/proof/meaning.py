"""What a value means, whoever holds it: Avro's and ClickHouse's values become comparable.

A time is an instant whatever its unit, text is its bytes, a decimal its number. So a millisecond
that is read as a microsecond is another value, and an integer in a wider column is the same one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from contractline.avro.decimals import scaled
from contractline.avro.node import Node

NANOS_PER_DAY = 86_400 * 10**9
_UNITS = {"millis": 10**6, "micros": 10**3, "nanos": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class MeantMoment:
    """A day or an instant.

    Attributes:
        nanos: nanoseconds since 1970.
        number: the number that Avro holds, for a column that keeps just that.
    """

    nanos: int
    number: int | None = field(default=None, compare=False)


Meaning = Callable[[Any], Any]
"""Gives what a value means, as it is on the wire and without logical types."""


class Meanings:
    """What the values of types mean that Avro gives for a reader; made once for each type."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Meaning, Node, Node | None]] = {}

    def of(self, reader: Node, writer: Node | None = None) -> Meaning:
        """Return what gives the meaning of a type's values.

        Args:
            reader: the reader's type.
            writer: the writer's, where it may give the number another meaning: Avro reads a number
                of milliseconds as one of microseconds.
        """
        key = (id(reader), id(writer))
        if key not in self._known:
            # With the nodes, so that no other gets their ids.
            self._known[key] = (self._of(reader, writer), reader, writer)
        return self._known[key][0]

    def _of(self, reader: Node, writer: Node | None) -> Meaning:
        readers, writers = _branches(reader), _branches(writer) if writer else []
        if len(readers) == 1 and len(writers) < 2:
            made = self._made(readers[0], writers[0] if writers else None)
        else:
            made = partial(self._of_branch, readers, writers)
        return lambda value: None if value is None else made(value)

    def _of_branch(self, readers: Sequence[Node], writers: Sequence[Node], value: Any) -> Any:
        reader = _branch(readers, value)
        return self.of(reader, _branch(writers, value))(value) if reader else _bare(value)

    def _made(self, node: Node, wrote: Node | None) -> Meaning:
        alike = wrote if wrote is not None and wrote.kind == node.kind else None
        match node.kind:
            case "array":
                return partial(self._array, node, alike)
            case "map":
                return partial(self._map, node, alike)
            case "record":
                return partial(self._record, node, alike)
        plain = _plain(node, wrote)
        if node.kind not in ("bytes", "fixed"):
            return plain
        # A default is text, as JSON spells bytes.
        return lambda value: plain(value.encode("latin-1") if isinstance(value, str) else value)

    # A record may hold itself: what is inside is asked for when there is a value.

    def _array(self, node: Node, wrote: Node | None, value: list[Any]) -> list[Any]:
        meant = self.of(node.items, wrote.items if wrote else None)
        return [meant(one) for one in value]

    def _map(self, node: Node, wrote: Node | None, value: dict[str, Any]) -> dict[bytes, Any]:
        meant = self.of(node.items, wrote.items if wrote else None)
        return {name.encode(): meant(one) for name, one in value.items()}

    def _record(self, node: Node, wrote: Node | None, value: dict[str, Any]) -> dict[str, Any]:
        written = wrote.members if wrote else {}
        return {
            name: self.of(member, written.get(name))(value.get(name))
            for name, member in node.members.items()
        }


def _plain(node: Node, wrote: Node | None) -> Meaning:
    logical = node.logical
    if logical == "date":
        return lambda value: MeantMoment(value * NANOS_PER_DAY, value)
    unit = _unit(logical)
    if unit:
        written = (_unit(wrote.logical) if wrote else 0) or unit
        return lambda value: MeantMoment(value * written, value * written // unit)
    if logical == "decimal":
        meant = wrote if wrote is not None and wrote.logical == "decimal" else node
        scale = int(meant.json.get("scale", 0))
        return lambda value: _decimal(value, scale)
    return _uuid if logical == "uuid" else _bare


def _bare(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _uuid(value: Any) -> Any:
    return UUID(value) if isinstance(value, str) else value


def _decimal(value: bytes, scale: int) -> Decimal:
    return scaled(int.from_bytes(value, "big", signed=True), scale)


def _unit(name: str) -> int:
    """Return the nanoseconds of a timestamp's unit; 0 for anything else."""
    kind, _, unit = name.rpartition("-")
    return _UNITS.get(unit, 0) if kind.endswith("timestamp") else 0


def _branches(node: Node) -> list[Node]:
    return [one for one in node.branches if one.kind != "null"]


def _branch(branches: Sequence[Node], value: Any) -> Node | None:
    """Return the branch of a union that a value is of; None where it is of none."""
    if len(branches) == 1:
        return branches[0]
    return next((one for one in branches if isinstance(value, _PYTHON[one.kind])), None)


_PYTHON: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "enum": str,
    "bytes": bytes,
    "fixed": bytes,
    "array": list,
    "map": dict,
    "record": dict,
}


def same(meant: Any, got: Any) -> bool:
    """Tell whether a column holds what Avro means."""
    if isinstance(meant, MeantMoment):
        return meant == got or (meant.number is not None and _is_number(got, meant.number))
    if isinstance(meant, float) or isinstance(got, float):
        return _same_float(meant, got)
    if isinstance(meant, int) and isinstance(got, IPv4Address):
        return meant == int(got)
    if isinstance(meant, (int, Decimal)):
        return isinstance(got, (int, Decimal)) and meant == got
    if isinstance(meant, list):
        return isinstance(got, list) and len(meant) == len(got) and all(map(same, meant, got))
    if isinstance(meant, dict):
        return _same_names(meant, got)
    if isinstance(meant, UUID) and isinstance(got, bytes):
        return str(meant).encode() == got.lower()
    if isinstance(got, (IPv4Address, IPv6Address)):
        return meant in (got.packed, str(got).encode())
    return type(meant) is type(got) and bool(meant == got)


def _is_number(got: Any, number: int) -> bool:
    return isinstance(got, int) and got == number


def _same_float(meant: Any, got: Any) -> bool:
    if not isinstance(meant, (int, float, Decimal)) or not isinstance(got, (int, float, Decimal)):
        return False
    if meant != meant or got != got:
        return meant != meant and got != got
    signs = [math.copysign(1, one) for one in (meant, got) if isinstance(one, float)]
    return meant == got and len({*signs}) < 2


def _same_names(meant: Mapping[Any, Any], got: Any) -> bool:
    """A map comes back as pairs, a record as a tuple, which may hold fewer of its fields."""
    if isinstance(got, tuple):
        return len(got) == len(meant) and all(map(same, meant.values(), got))
    if isinstance(got, dict):
        return all(name in meant and same(meant[name], one) for name, one in got.items())
    if not isinstance(got, list) or len(got) != len(meant):
        return False
    return all(name in meant and same(meant[name], one) for name, one in got)


def words(value: Any) -> str:
    """Return a value as people read it, shortened."""
    text = _words(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _words(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, MeantMoment):
        return _moment(value)
    if isinstance(value, bytes):
        try:
            return json.dumps(value[: 2 * _SHOWN].decode(), ensure_ascii=False)
        except UnicodeDecodeError:
            return f"0x{value[:_SHOWN].hex()}"
    if isinstance(value, list):
        pairs = all(isinstance(one, tuple) for one in value) and value
        inner = [_pair(one) if pairs else _words(one) for one in value[:_SHOWN]]
        return f"{{{', '.join(inner)}}}" if pairs else f"[{', '.join(inner)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(_pair(one) for one in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pair(pair: tuple[Any, Any]) -> str:
    name = pair[0] if isinstance(pair[0], str) else _words(pair[0])
    return f"{name}: {_words(pair[1])}"


def _moment(moment: MeantMoment) -> str:
    try:
        at = _EPOCH + timedelta(microseconds=moment.nanos // 1000)
    except OverflowError:
        return f"{moment.nanos} ns since 1970"
    rest = moment.nanos % 1000
    return at.isoformat() + (f" + {rest} ns" if rest else "")
