"""What a table must hold for a record: Avro's own resolution, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from contractline.avro.node import Node
from contractline.avro.schema import Schema
from contractline.gate.prove.meaning import Meaning, Meanings
from contractline.gate.prove.shapes import Path, Shape
from contractline.mapping.types import Column

UNRESOLVED = (
    *(TypeError, ValueError, KeyError, IndexError, EOFError, AttributeError, OverflowError),
    *(SchemaParseException, SchemaResolutionError),
)
"""What fastavro raises where a reader can't read a record."""


@dataclass(frozen=True, slots=True)
class Expected:
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
        self._single: dict[Path, Any] = {}
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
            whole = self._resolved(datum, reader)
            for path in group.paths:
                record = whole
                if record is None:
                    record = self._resolved(datum, self._reader_of(group.shape, path))
                found[path] = self._of(group.shape, path, record, own)
        return found

    def _reader_of(self, shape: Shape, path: Path) -> Any:
        """Return the reader of a field alone, for records that can't be read as a whole."""
        if path not in self._single:
            self._single[path] = parse_schema(shape.only([path]))
        return self._single[path]

    def _resolved(self, datum: bytes, reader: Any) -> Any | None:
        """Return a record as a reader sees it; None where it can't read it."""
        try:
            return schemaless_reader(BytesIO(datum), self._own, reader)
        except UNRESOLVED:
            return None

    def _of(self, shape: Shape, path: Path, record: Any | None, own: Any) -> Expected:
        reads, writes = self._meant[path]
        written = writes(_at(self._writer, own, path)) if writes else None
        is_written = writes is not None
        if record is None:
            return Expected(written, written, is_resolved=False, is_written=is_written)
        value = reads(_at(shape, record, path))
        return Expected(value, written, is_resolved=True, is_written=is_written)


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
    for depth, name in enumerate(path):
        if not isinstance(record, dict):
            return None
        record = record[name] if name in record else shape.default(path[: depth + 1])
    return record
