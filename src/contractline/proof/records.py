"""Records for the proof: every edge of every field, and random ones. The seed decides them all."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any

from fastavro import parse_schema, schemaless_writer

from contractline.avro.node import Node, endless_records, records_at
from contractline.proof import edges
from contractline.proof.shapes import Shape

DEEPEST = 4
"""How many records lie inside one another at most where they could do so without end."""

_EDGE_SHARE = 0.4
_CHARACTERS = "abc XYZ 019 äß→日本🙂\\'\"\n\t"

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """A generated record.

    Attributes:
        record: its values by field; a value of a union is a pair of the branch and the value.
        datum: its bytes, as Avro writes them.
    """

    record: Record
    datum: bytes


class Maker:
    """Makes records of one schema.

    Args:
        shape: the schema.
        texts: what the fields of a name hold that take only some texts.
        seed: decides the random ones.
    """

    def __init__(self, shape: Shape, texts: Mapping[str, Sequence[str]], seed: int) -> None:
        self._shape = shape
        self._texts = texts
        self._random = random.Random(f"{seed} {shape.schema.meaning}")  # noqa: S311 - no secret
        self._parsed = parse_schema(shape.bare)
        self._edges: dict[int, Sequence[Any]] = {}
        self._ending: dict[int, bool] = {}
        self._endless = endless_records(shape.node)

    def records(self, count: int) -> list[Made]:
        """Return the edges, and ``count`` random records; the first is an ordinary one.

        None of a schema with a union of no types, which no value fits.
        """
        if any(type_ == [] for _, type_ in self._shape.schema.types()):
            return []
        made = self._record_values(self._shape.node, 0)
        made += [self._random_record(self._shape.node, 0) for _ in range(count)]
        return [self.made(record) for record in made]

    def made(self, record: Record) -> Made:
        """Return a record with its bytes."""
        out = BytesIO()
        schemaless_writer(out, self._parsed, record)
        return Made(record, out.getvalue())

    # The edges

    def _record_values(self, node: Node, depth: int) -> list[dict[str, Any]]:
        columns = [
            self._values(member, depth, self._texts.get(name))
            for name, member in node.members.items()
        ]
        return [dict(zip(node.members, row, strict=True)) for row in edges.rotated(columns)]

    def _values(self, node: Node, depth: int, texts: Sequence[str] | None = None) -> Sequence[Any]:
        match node.kind:
            case "union":
                return self._union_values(node, depth, texts)
            case "record":
                return self._record_values(node, depth + 1)
            case "array":
                return self._array_values(node, depth)
            case "map":
                return self._map_values(node, depth)
        return _plain_values(node, texts)

    def _union_values(self, node: Node, depth: int, texts: Sequence[str] | None) -> list[Any]:
        """Return null in the second place, so that a record of ordinary values holds something."""
        found: list[Any] = []
        for branch in node.branches:
            if branch.kind == "null" or (depth >= DEEPEST and branch.full_name in self._endless):
                continue
            found += [(branch_name(branch), one) for one in self._values(branch, depth, texts)]
        if any(branch.kind == "null" for branch in node.branches):
            found.insert(1, None)
        return found

    def _array_values(self, node: Node, depth: int) -> list[Any]:
        if depth >= DEEPEST:
            return [self._any(node, depth), []]
        items = list(self._values(node.items, depth + 1))
        long = [items[0]] * (edges.LONG_LIST if depth == 0 else 3)
        return [items[:1], [], items, *([one] for one in items[1:]), long]

    def _map_values(self, node: Node, depth: int) -> list[Any]:
        if depth >= DEEPEST:
            return [self._any(node, depth), {}]
        values = list(self._values(node.items, depth + 1))
        named = {str(number): value for number, value in enumerate(values)}
        return [{"key": values[0]}, {}, named, dict.fromkeys(edges.TEXTS[:8], values[-1])]

    # The random ones

    def _random_record(self, node: Node, depth: int) -> dict[str, Any]:
        return {
            name: self._any(member, depth, self._texts.get(name))
            for name, member in node.members.items()
        }

    def _any(self, node: Node, depth: int, texts: Sequence[str] | None = None) -> Any:
        match node.kind:
            case "union":
                return self._any_branch(node, depth, texts)
            case "record":
                return self._random_record(node, depth + 1)
            case "array":
                return [self._any(node.items, depth + 1) for _ in range(self._count(node, depth))]
            case "map":
                count = self._count(node, depth)
                return {self._text(): self._any(node.items, depth + 1) for _ in range(count)}
        if self._random.random() < _EDGE_SHARE:
            return self._random.choice(self._plain(node, texts))
        return self._any_plain(node, texts)

    def _count(self, node: Node, depth: int) -> int:
        """Return how many values a list holds: far inside one, as long as that has an end."""
        if depth < DEEPEST:
            return self._random.randrange(4)
        if id(node) not in self._ending:
            self._ending[id(node)] = self._endless.isdisjoint(records_at(node.items))
        return int(self._ending[id(node)])

    def _any_branch(self, node: Node, depth: int, texts: Sequence[str] | None) -> Any:
        branches = node.branches
        if depth >= DEEPEST:
            branches = tuple(one for one in branches if one.full_name not in self._endless)
        branch = self._random.choice(branches or node.branches)
        if branch.kind == "null":
            return None
        return branch_name(branch), self._any(branch, depth, texts)

    def _any_plain(self, node: Node, texts: Sequence[str] | None) -> Any:
        kind, logical = node.kind, node.logical
        if (texts and kind == "string") or logical == "uuid" or kind in ("null", "boolean", "enum"):
            return self._random.choice(self._plain(node, texts))
        if logical == "decimal":
            return self._decimal(node)
        match kind:
            case "int" | "long":
                top = 31 if kind == "int" else 63
                bits = self._random.randint(1, top)
                return self._random.getrandbits(bits) * self._random.choice((1, -1))
            case "float" | "double":
                return self._random.choice((1, -1)) * self._random.getrandbits(20) / 2**10
            case "fixed":
                return self._random.randbytes(node.json["size"])
            case "bytes":
                return self._random.randbytes(self._random.randrange(12))
        return self._text()

    def _plain(self, node: Node, texts: Sequence[str] | None) -> Sequence[Any]:
        """Return the edges of a type without parts, made once."""
        if id(node) not in self._edges:
            self._edges[id(node)] = _plain_values(node, texts)
        return self._edges[id(node)]

    def _decimal(self, node: Node) -> bytes:
        number = self._random.randrange(10 ** node.json["precision"]) * self._random.choice((1, -1))
        return edges.unscaled(number, node.json.get("size"))

    def _text(self) -> str:
        return "".join(self._random.choices(_CHARACTERS, k=self._random.randrange(12)))


def branch_name(node: Node) -> str:
    """Return the name under which fastavro takes a value for a branch of a union."""
    return node.full_name or node.kind


def _plain_values(node: Node, texts: Sequence[str] | None) -> Sequence[Any]:
    """Return the edges of a type without parts."""
    kind, logical = node.kind, node.logical
    if logical == "decimal":
        size = node.json.get("size")
        found = edges.decimals(node.json["precision"])
        return [edges.unscaled(int.from_bytes(one, "big", signed=True), size) for one in found]
    if logical == "date":
        return edges.DAYS
    if logical.rpartition("-")[0].endswith("timestamp"):
        return edges.moments(logical.rpartition("-")[2])
    if kind == "enum":
        return list(node.json["symbols"])
    if kind == "fixed":
        size = node.json["size"]
        return [bytes(islice(_counting(), size)), b"\x00" * size, b"\xff" * size]
    if kind == "string":
        return texts or (edges.UUIDS if logical == "uuid" else edges.TEXTS)
    return _PLAIN[kind]


_PLAIN: Mapping[str, Sequence[Any]] = {
    "null": (None,),
    "boolean": (True, False),
    "int": edges.INTS,
    "long": edges.LONGS,
    "float": edges.FLOATS,
    "double": edges.DOUBLES,
    "bytes": edges.BYTES,
}


def _counting() -> Any:
    number = 0
    while True:
        yield number % 256
        number += 1
