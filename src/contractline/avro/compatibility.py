"""Whether one schema can read what another one wrote, and why not.

The verdict is that of Apache's library; the reasons are found here, since the library names
neither the place nor the direction in words that help.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from avro.compatibility import (
    ReaderWriter,
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityResult,
    SchemaCompatibilityType,
    schema_name_equals,
)

from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.avro.text import listed, type_words


class Compatibility(StrEnum):
    """The levels of Schema Registry."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def is_transitive(self) -> bool:
        """Whether every earlier version counts, and not only the one before."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which way records must be readable."""
        return tuple(
            direction for direction in Direction if self.value.startswith((direction.value, "FULL"))
        )


class Direction(StrEnum):
    """Which way records are read: new readers of old records, or old readers of new records."""

    BACKWARD = "BACKWARD"
    FORWARD = "FORWARD"


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """One reason why a reader can't read what a writer wrote.

    Attributes:
        reader_steps: the place in the reader's schema.
        writer_steps: the place in the writer's schema.
        reason: the reason in words.
        reader_type: the reader's type there, in words.
        writer_type: the writer's type there, in words; empty where the writer has none.
    """

    reader_steps: Steps
    writer_steps: Steps
    reason: str
    reader_type: str
    writer_type: str


@dataclass(frozen=True, slots=True)
class Break:
    """One reason why a schema may not follow an earlier version at a compatibility level.

    Attributes:
        version: the number of the earlier version.
        direction: which way records can't be read.
        cause: the reason.
    """

    version: int
    direction: Direction
    cause: Incompatibility

    @property
    def steps(self) -> Steps:
        """The place in the newer schema."""
        if self.direction is Direction.BACKWARD:
            return self.cause.reader_steps
        return self.cause.writer_steps

    def __str__(self) -> str:
        if self.direction is Direction.BACKWARD:
            return f"it can't read records of v{self.version}: {self.cause.reason}"
        return f"readers of v{self.version} can't read its records: {self.cause.reason}"


def can_read(reader: Schema, writer: Schema) -> bool:
    """Return whether ``reader`` can read every record that ``writer`` may have written."""
    if reader.meaning == writer.meaning or _is_plain_follower(reader, writer):
        return True
    return _readable(reader.apache, writer.apache)


def incompatibilities(reader: Schema, writer: Schema) -> tuple[Incompatibility, ...]:
    """Return why ``reader`` can't read what ``writer`` wrote; nothing when it can."""
    if can_read(reader, writer):
        return ()
    found = tuple(_Comparison().types(reader.apache, writer.apache, _PairPlace()))
    return found or (_unexplained(reader, writer),)


def breaks(
    newer: Schema, earlier: Sequence[tuple[int, Schema]], level: Compatibility
) -> tuple[Break, ...]:
    """Return why a schema may not follow its earlier versions.

    Args:
        newer: the schema that follows.
        earlier: the numbered versions before it, in order.
        level: the compatibility level; without ``_TRANSITIVE`` only the last version counts.
    """
    counted = earlier if level.is_transitive else earlier[-1:]
    return tuple(
        Break(number, direction, cause)
        for number, schema in counted
        for direction in level.directions
        for cause in (
            incompatibilities(newer, schema)
            if direction is Direction.BACKWARD
            else incompatibilities(schema, newer)
        )
    )


_PROMOTIONS = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "bytes": {"string"},
    "string": {"bytes"},
}
_NAMED = ("record", "enum", "fixed")


def strongest_level(schemas: Sequence[Schema]) -> Compatibility:
    """Return the strongest level at which each schema may follow those before it."""
    levels = (
        Compatibility.FULL_TRANSITIVE,
        Compatibility.BACKWARD_TRANSITIVE,
        Compatibility.FORWARD_TRANSITIVE,
    )
    return next((level for level in levels if keep(schemas, level)), Compatibility.NONE)


def keep(schemas: Sequence[Schema], level: Compatibility) -> bool:
    """Tell whether each schema may follow those before it at a level."""
    numbered = list(enumerate(schemas, 1))
    return not any(breaks(schema, numbered[: n - 1], level) for n, schema in numbered[1:])


@dataclass(frozen=True, slots=True)
class _PairPlace:
    """Where the walk is: in the reader's schema, in the writer's, and in words."""

    reader: Steps = ()
    writer: Steps = ()
    name: str = ""

    def inner(self, *steps: str) -> _PairPlace:
        """Return the same member of both."""
        return replace(self, reader=(*self.reader, *steps), writer=(*self.writer, *steps))

    def field(self, reader: int, writer: int, name: str) -> _PairPlace:
        """Return the type of a field, at its positions in both."""
        return _PairPlace(
            (*self.reader, "fields", reader, "type"),
            (*self.writer, "fields", writer, "type"),
            f"{self.name}.{name}" if self.name else name,
        )

    def cause(self, reason: str, reader: Any, writer: Any) -> Incompatibility:
        """Return a reason at this place."""
        if self.name:
            reason = f"`{self.name}`: {reason}"
        return Incompatibility(self.reader, self.writer, reason, _words(reader), _words(writer))


@dataclass(slots=True)
class _Comparison:
    """One walk through two schemas side by side, over Apache's objects: names are resolved."""

    begun: set[tuple[int, int]] = field(default_factory=set)

    def types(self, reader: Any, writer: Any, place: _PairPlace) -> Iterator[Incompatibility]:
        pair = (id(reader), id(writer))
        if pair in self.begun:
            return
        self.begun.add(pair)
        if writer.type == "union":
            for position, branch in enumerate(writer.schemas):
                there = replace(place, writer=(*place.writer, position))
                yield from self._branch(reader, branch, there)
        elif reader.type == "union":
            yield from self._branch(reader, writer, place)
        elif reader.type != writer.type:
            if writer.type not in _PROMOTIONS.get(reader.type, ()):
                reason = f"{_words(writer)} can't be read as {_words(reader)}"
                yield place.cause(reason, reader, writer)
        elif reader.type in _NAMED and not schema_name_equals(reader, writer):
            reason = f"the {reader.type} is called {reader.fullname}, and {writer.fullname} there"
            yield place.cause(reason, reader, writer)
        else:
            yield from self._inside(reader, writer, place)

    def _branch(self, reader: Any, writer: Any, place: _PairPlace) -> Iterator[Incompatibility]:
        if reader.type != "union":
            yield from self.types(reader, writer, place)
        elif not any(_readable(branch, writer) for branch in reader.schemas):
            reason = f"{_words(writer)} can't be read as {_words(reader)}"
            yield place.cause(reason, reader, writer)

    def _inside(self, reader: Any, writer: Any, place: _PairPlace) -> Iterator[Incompatibility]:
        match reader.type:
            case "record":
                yield from self._fields(reader, writer, place)
            case "array":
                yield from self.types(reader.items, writer.items, place.inner("items"))
            case "map":
                yield from self.types(reader.values, writer.values, place.inner("values"))
            case "enum":
                known = frozenset(reader.symbols)
                missing = [f"`{symbol}`" for symbol in writer.symbols if symbol not in known]
                if missing and reader.props.get("default") not in known:
                    symbols = listed(missing)
                    reason = f"the enum {reader.name} lacks {symbols} and has no default"
                    yield place.inner("symbols").cause(reason, reader, writer)
            case "fixed" if reader.size != writer.size:
                reason = f"the fixed {reader.name} has {reader.size} bytes, and {writer.size} there"
                yield place.inner("size").cause(reason, reader, writer)

    def _fields(self, reader: Any, writer: Any, place: _PairPlace) -> Iterator[Incompatibility]:
        positions = {one.name: position for position, one in enumerate(writer.fields)}
        for position, one in enumerate(reader.fields):
            written = _written(one, writer, positions)
            if written is not None:
                there = place.field(position, written, one.name)
                yield from self.types(one.type, writer.fields[written].type, there)
            elif not one.has_default:
                here = place.field(position, 0, one.name)
                here = replace(here, reader=here.reader[:-1], writer=place.writer)
                yield here.cause(
                    "the record lacks it and the reader has no default", one.type, None
                )


def _written(reader_field: Any, writer: Any, positions: dict[str, int]) -> int | None:
    """Return the position of the writer's field that a reader's field reads, by name or alias."""
    names = (reader_field.name, *reader_field.props.get("aliases", ()))
    return next((positions[name] for name in names if name in positions), None)


def _is_plain_follower(reader: Schema, writer: Schema) -> bool:
    """Whether each field of the reader is exactly the writer's, or has a default.

    The usual case, seen at a glance: it spares hundreds of contracts the library's walk. A
    property test holds it against the library.
    """
    if not (reader.plain_fields and writer.plain_fields and reader.full_name == writer.full_name):
        return False
    written = writer.plain_fields
    # Sets, for contracts of hundreds of versions: each is held against every other.
    others = {name for name, _ in reader.plain_fields.items() - written.items()}
    return others.isdisjoint(written) and not (
        others and any("default" not in one for one in reader.fields if one["name"] in others)
    )


def _readable(reader: Any, writer: Any) -> bool:
    return _verdict(reader, writer).compatibility is SchemaCompatibilityType.compatible


def _verdict(reader: Any, writer: Any) -> SchemaCompatibilityResult:
    return _Checker().get_compatibility(reader, writer)


class _Checker(ReaderWriterCompatibilityChecker):
    """Apache's, for records of thousands of fields."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memoize_map = _Pairs()

    def check_reader_writer_record_fields(
        self, reader: Any, writer: Any, location: list[str]
    ) -> SchemaCompatibilityResult:
        return super().check_reader_writer_record_fields(reader, _Indexed(writer), location)  # type: ignore[arg-type]


class _Pairs(dict[ReaderWriter, SchemaCompatibilityResult]):
    """What is known of pairs, by both their ids: the hash of Apache's is the same for many."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[int, int], tuple[ReaderWriter, SchemaCompatibilityResult]] = {}

    def __contains__(self, pair: object) -> bool:
        return isinstance(pair, ReaderWriter) and _ids(pair) in self._known

    def __getitem__(self, pair: ReaderWriter) -> SchemaCompatibilityResult:
        return self._known[_ids(pair)][1]

    def __setitem__(self, pair: ReaderWriter, result: SchemaCompatibilityResult) -> None:
        self._known[_ids(pair)] = pair, result


def _ids(pair: ReaderWriter) -> tuple[int, int]:
    return id(pair.reader), id(pair.writer)


class _Indexed:
    """A writer's record whose fields are by name already: Apache's would list them for each field."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self.fields_dict = record.fields_dict

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def _words(schema: Any) -> str:
    return type_words(schema.to_json()) if schema is not None else ""


def _unexplained(reader: Schema, writer: Schema) -> Incompatibility:
    """What Apache's library said, where the walk found no reason of its own."""
    messages = _verdict(reader.apache, writer.apache).messages
    reason = "; ".join(sorted(messages)) or "Apache Avro refuses the pair"
    return _PairPlace().cause(reason, reader.apache, writer.apache)
