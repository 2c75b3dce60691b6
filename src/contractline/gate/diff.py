"""What differs between two states of a stream: in words, and field by field with its verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from contractline.avro.compatibility import incompatibilities
from contractline.avro.diff import differences
from contractline.avro.fields import FieldChange, Name, field_changes, fields, lies_in, places
from contractline.avro.schema import Schema
from contractline.clickhouse.columns import Column, columns_of
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.describe import fact_changes
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import PostgresSource
from contractline.errors import ContractlineError

WORKING = "working"
"""What the schema is called that was not released yet."""


class VersionUnknown(ContractlineError):
    """When a version is named that a stream does not have."""

    def __init__(self, stream: str, version: str, known: Sequence[int]) -> None:
        self.stream = stream
        self.version = version
        have = ", ".join([*(f"v{number}" for number in known), WORKING])
        super().__init__(f"{stream} has no version `{version}`", hint=f"it has {have}")


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field that differs.

    Attributes:
        field: its name, with dots between nested ones.
        kind: added, removed, renamed or changed.
        before: its type and default as they were; empty when it is new.
        after: the same as they are; empty when it was removed.
        backward: whether the new schema reads it in old records.
        forward: whether the old schema reads it in new records.
        column_before: its column in ClickHouse's tables; empty where there is none.
        column_after: the same now.
    """

    field: str
    kind: str
    before: str
    after: str
    backward: bool
    forward: bool
    column_before: str
    column_after: str


@dataclass(frozen=True, slots=True)
class StreamDifference:
    """What differs between two states of a stream.

    Attributes:
        stream: its name.
        before: what the first state is called; empty when the stream is new.
        after: what the second state is called; empty when it was removed.
        words: the differences of the schemas in words, then those of the document.
        fields: each field that differs.
        broken: why records can't be read across the two states, with the direction.
        unmappable: why one table can't hold them, where it can't.
    """

    stream: str
    before: str
    after: str
    words: tuple[str, ...] = ()
    fields: tuple[FieldDifference, ...] = ()
    broken: tuple[str, ...] = ()
    unmappable: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return bool(self.before and self.after) and not (self.words or self.fields)


def between_versions(draft: Draft, before: str, after: str) -> StreamDifference:
    """Return what differs between two versions of a stream's value.

    Args:
        draft: the contract.
        before: a version as a person names it: ``v1``, ``1`` or ``working``.
        after: the other one.

    Raises:
        VersionUnknown: the stream has no such version.
        PartUnread: the working schema, or the document, could not be read.
    """
    old, new = _version(draft, before), _version(draft, after)
    return _compared(draft.name, _State.of(draft, old), _State.of(draft, new), ())


def between_contracts(change: StreamChange, before: str, after: str) -> StreamDifference:
    """Return what differs between two contracts of a stream.

    Args:
        change: the contracts.
        before: what the first state is called.
        after: what the second state is called.
    """
    old, new = change.before, change.after
    if old is None or new is None:
        return StreamDifference(change.name, before if old else "", after if new else "")
    try:
        words = (*_key_words(old, new), *_doc_words(old.value, new.value), *fact_changes(old, new))
        states = _State(before, old.value, _columns(old)), _State(after, new.value, _columns(new))
        return _compared(change.name, *states, words)
    except PartUnread as problem:
        return StreamDifference(change.name, before, after, (str(problem),))


def columns_by_field(draft: Draft) -> Mapping[Name, Column]:
    """Return the columns of a stream's tables by their fields; none where they can't be told."""
    try:
        return _columns(draft).by_field
    except PartUnread:
        return {}


def newest_versions(draft: Draft) -> tuple[str, str]:
    """Return the two states that a person means who names none.

    The newest version and the working schema where they differ, else the last two versions.
    """
    versions = draft.versions("value")
    if not versions:
        return WORKING, WORKING
    if versions[-1].schema != draft.value or len(versions) == 1:
        return f"v{versions[-1].number}", WORKING
    return f"v{versions[-2].number}", f"v{versions[-1].number}"


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a stream's tables, by field; or why there are none."""

    by_field: Mapping[Name, Column]
    unmappable: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """One state of a stream: what it is called, the value's schema, the columns."""

    name: str
    value: Schema
    columns: _Columns

    @classmethod
    def of(cls, draft: Draft, number: int | None) -> _State:
        """Return the state at a version; that of the working schema without a number."""
        versions = [v for v in draft.versions("value") if number is None or v.number <= number]
        value = draft.value if number is None else versions[-1].schema
        name = WORKING if number is None else f"v{number}"
        schemas = [version.schema for version in versions]
        if value not in schemas:
            schemas.append(value)
        return cls(name, value, _columns_of(draft, schemas))


def _version(draft: Draft, named: str) -> int | None:
    """Return the number of a version as a person names it; None for the working schema."""
    if named == WORKING:
        return None
    known = [version.number for version in draft.versions("value")]
    found = re.fullmatch(r"v?([0-9]{1,9})", named)
    if found is None or int(found.group(1)) not in known:
        raise VersionUnknown(draft.name, named, known)
    return int(found.group(1))


def _columns(draft: Draft) -> _Columns:
    released = [version.schema for version in draft.versions("value")]
    return _columns_of(draft, released if draft.value in released else [*released, draft.value])


def _columns_of(draft: Draft, versions: Sequence[Schema]) -> _Columns:
    sink = draft.pipeline.clickhouse
    if sink is None:
        return _Columns({})
    try:
        is_captured = isinstance(draft.pipeline.source, PostgresSource)
        columns = columns_of(
            draft.name, versions, draft.properties, sink.types, is_captured=is_captured
        )
    except SchemaUnmappable as problem:
        return _Columns({}, str(problem))
    return _Columns({column.field: column for column in columns})


def _key_words(old: Draft, new: Draft) -> Iterator[str]:
    if old.key is not None and new.key is not None:
        yield from (f"key: {words}" for words in differences(old.key, new.key))
    elif old.key is not new.key:
        yield "gains a key" if old.key is None else "loses its key"


def _doc_words(old: Schema, new: Schema) -> Iterator[str]:
    docs = {field.name: field.doc for field in fields(old)}
    changed = [one.path for one in fields(new) if one.doc != docs.get(one.name, one.doc)]
    if changed:
        yield f"another doc of {', '.join(f'`{path}`' for path in changed)}"


def _compared(stream: str, old: _State, new: _State, more: tuple[str, ...]) -> StreamDifference:
    backward = incompatibilities(new.value, old.value)
    forward = incompatibilities(old.value, new.value)
    backward_in, forward_in = places(backward, new.value), places(forward, old.value)

    def row(change: FieldChange) -> FieldDifference:
        was, now = change.before, change.after
        return FieldDifference(
            " → ".join(".".join(name) for name in change.names),
            change.kind,
            _words(was.type, was.default) if was else "",
            _words(now.type, now.default) if now else "",
            not lies_in(change, backward_in),
            not lies_in(change, forward_in),
            _column(old.columns, change.names[0]),
            _column(new.columns, change.names[-1]),
        )

    return StreamDifference(
        stream,
        old.name,
        new.name,
        (*differences(old.value, new.value), *more),
        tuple(row(change) for change in field_changes(old.value, new.value)),
        (
            *(f"{new.name} can't read records of {old.name}: {one.reason}" for one in backward),
            *(f"{old.name} can't read records of {new.name}: {one.reason}" for one in forward),
        ),
        new.columns.unmappable,
    )


def _words(type_: str, default: str) -> str:
    return f"{type_}, default {default}" if default else type_


def _column(columns: _Columns, field: Name) -> str:
    found = columns.by_field.get(field)
    return f"{found.name} {found.type}" if found else ""
