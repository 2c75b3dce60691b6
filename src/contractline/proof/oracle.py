"""What a table must hold for a record: Avro's own resolution, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from contractline.avro.node import Node
from contractline.avro.schema import Schema
from contractline.clickhouse.columns import Column
from contractline.proof.meaning import Meaning, Meanings
from contractline.proof.shapes import Path, Shape

UNRESOLVED = (
    *(TypeError, ValueError, KeyError, IndexError, EOFError, AttributeError, OverflowError),
    *(SchemaParseException, SchemaResolutionError),
)
"""What fastavro raises where a reader can't read a record."""


class Expected(NamedTuple):
    """What Avro says of one value.

    Attributes:
        value: what it means.
        written: what the record itself holds, as its writer means it; None where it lacks it.
        is_resolved: whether Avro can read the field at all. Where it can't, ``value`` is what was
            written, since a table that shows something else would be wrong all the same.
        is_written: whether the record holds the field.
    """

    value: Any
    written: Any
    is_resolved: bool
    is_written: bool


class Oracle:
    """Reads records for the columns of a stream.

    The reader of a column is the newest version that holds its field.

    Args:
        columns: the columns.
        readers: the versions of the contract that the tables are made from, oldest first.
        writer: the schema of the records.
    """

    def __init__(
        self, columns: Sequence[Column], readers: Sequence[Schema], writer: Schema
    ) -> None:
        self._writer = Shape.of(writer)
        self._own = parse_schema(self._writer.bare)
        self._groups = list(_groups([column.field for column in columns], readers))
        self._whole = [parse_schema(one.shape.only(one.tops)) for one in self._groups]
        self._single: dict[Path, _Single] = {}
        self._meant: dict[Path, tuple[Meaning, Meaning | None]] = dict(self._meanings())

    def _meanings(self) -> Iterator[tuple[Path, tuple[Meaning, Meaning | None]]]:
        """Yield what gives the meaning of each field: for its reader, and for the writer."""
        made = Meanings()
        for group in self._groups:
            for path, node in group.paths.items():
                written = self._writer.field(path)
                yield path, (made.of(node, written), made.of(written) if written else None)

    def expected(self, datum: bytes) -> dict[Path, Expected]:
        """Return what each column must hold for a record, by field."""
        own = schemaless_reader(BytesIO(datum), self._own, None)
        found = {}
        for group, reader in zip(self._groups, self._whole, strict=True):
            whole = _resolved(datum, self._own, reader)
            parts = self._parts(datum) if whole is None else {}
            for path in group.paths:
                record = self._alone(group.shape, path, parts) if whole is None else whole
                found[path] = self._of(group.shape, path, record, own)
        return found

    # Where a record can't be read as a whole, its fields are read one by one, each from its bytes.

    def _parts(self, datum: bytes) -> dict[str, bytes]:
        """Return the bytes of a record's fields."""
        data, found = BytesIO(datum), {}
        for name, schema in self._fields:
            start = data.tell()
            schemaless_reader(data, schema, None)
            found[name] = datum[start : data.tell()]
        return found

    @cached_property
    def _fields(self) -> list[tuple[str, Any]]:
        """The writer's fields, each as a record of its own."""
        names = list(self._writer.node.members)
        return [(name, parse_schema(self._writer.only([(name,)]))) for name in names]

    def _alone(self, shape: Shape, path: Path, parts: Mapping[str, bytes]) -> Any | None:
        """Return a record of nothing but a field as its reader sees it; None where it can't."""
        if path not in self._single:
            self._single[path] = self._single_of(shape, path)
        one = self._single[path]
        return _resolved(b"".join(parts[name] for name in one.written), one.writer, one.reader)

    def _single_of(self, shape: Shape, path: Path) -> _Single:
        known = {path[0], *(shape.node.field(path[0]) or {}).get("aliases", ())}
        written = tuple(name for name in self._writer.node.members if name in known)
        writer = parse_schema(self._writer.only([(name,) for name in written]))
        return _Single(written, writer, parse_schema(shape.only([path])))

    def _of(self, shape: Shape, path: Path, record: Any | None, own: Any) -> Expected:
        reads, writes = self._meant[path]
        written = writes(_at(self._writer, own, path)) if writes else None
        is_written = writes is not None
        if record is None:
            return Expected(written, written, is_resolved=False, is_written=is_written)
        value = reads(_at(shape, record, path))
        return Expected(value, written, is_resolved=True, is_written=is_written)


class _Single(NamedTuple):
    """How a field is read alone: the writer's fields that it may be read from, and both types."""

    written: tuple[str, ...]
    writer: Any
    reader: Any


def _resolved(datum: bytes, writer: Any, reader: Any) -> Any | None:
    """Return a record as a reader sees it; None where it can't read it."""
    try:
        return schemaless_reader(BytesIO(datum), writer, reader)
    except UNRESOLVED:
        return None


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns whose reader is the same version, with their types."""

    shape: Shape
    paths: Mapping[Path, Node]

    @property
    def tops(self) -> list[Path]:
        """Their fields of the record itself."""
        return [(name,) for name in dict.fromkeys(path[0] for path in self.paths)]


def _groups(paths: Sequence[Path], readers: Sequence[Schema]) -> Iterator[_Group]:
    left = list(paths)
    for schema in reversed(readers):
        shape = Shape.of(schema)
        held = {path: node for path in left if (node := shape.field(path)) is not None}
        left = [path for path in left if path not in held]
        if held:
            yield _Group(shape, held)


def _at(shape: Shape, record: Any, path: Path) -> Any:
    """Return a value inside a record; None where a record around it is null.

    A record that is itself a default holds only what that default says.
    """
    if len(path) == 1 and path[0] in record:  # nearly always
        return record[path[0]]
    for depth, name in enumerate(path):
        if not isinstance(record, dict):
            return None
        record = record[name] if name in record else shape.default(path[: depth + 1])
    return record
