"""Who reads the fields that a change touches: views, questions, panels, code; with file and line.

Readers of SQL are found by lineage from the stream's queue on, so that a column of another table
with the same name is none, and a view on a view is one when a column of it comes from the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from contractline.avro.fields import Name, field_changes, fields
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.clickhouse.ddl import STREAMS, render
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import ClickHouseSink, PostgresSource
from contractline.contracts.places import section
from contractline.finding import TOP
from contractline.gate.diff import columns_by_field
from contractline.lineage.lineage import Entrances, lineage_of
from contractline.lineage.mentions import Code, Mention
from contractline.lineage.panels import panels
from contractline.lineage.sql.scopes import Reference, References
from contractline.project import Project


class Kind(StrEnum):
    """What reads a field."""

    CONTRACT = "contract"
    GENERATED = "generated"
    TABLE = "table"
    MATERIALIZED_VIEW = "materialized view"
    VIEW = "view"
    DICTIONARY = "dictionary"
    QUESTION = "question"
    PANEL = "panel"
    PRODUCER = "producer"
    UNREAD = "unread"
    """Not known: it could not be read."""


@dataclass(frozen=True, slots=True)
class FieldReader:
    """One thing that reads a field that changed, or may.

    Attributes:
        stream: the stream; empty for what could not be read.
        field: the field, with dots between nested names; empty for what could not be read.
        kind: what it is.
        file: the file.
        line: the line, counted from 1.
        name: what it is called.
        how: how it reads the field, in words.
    """

    stream: str
    field: str
    kind: Kind
    file: Path
    line: int
    name: str
    how: str

    def words(self, root: Path) -> str:
        """Return the reader in one line: place, name, how."""
        file = self.file.relative_to(root) if self.file.is_relative_to(root) else self.file
        kind = "" if self.kind is Kind.UNREAD else f"{self.kind} "
        return f"{file.as_posix()}:{self.line}: {kind}{self.name} {self.how}"


def impact(project: Project, changes: Sequence[StreamChange]) -> tuple[FieldReader, ...]:
    """Return who reads a field that was removed or renamed, or whose type or default changed.

    Args:
        project: the checkout as it is now, whose files may read the fields.
        changes: its contracts, and how they were.
    """
    felt = [(change, names) for change in changes if (names := _felt(change))]
    if not felt:
        return ()
    search = _Search(project, [change for change, _ in felt])
    found = [reader for change, names in felt for reader in search.readers(change, names)]
    return (*found, *search.unread())


def _felt(change: StreamChange) -> list[Name]:
    """Return the fields whose readers see a difference, by the names that they had."""
    before, after = change.before, change.after
    try:
        if before is None:
            return []
        if after is None:
            return [one.name for one in fields(before.value)]
        found = field_changes(before.value, after.value)
    except PartUnread:
        return []
    return [one.before.name for one in found if one.is_felt and one.before is not None]


@dataclass(frozen=True, slots=True)
class _Found:
    """A reader of a field that is known to who looks for it."""

    kind: Kind
    file: Path
    line: int
    name: str
    how: str


class _Search:
    """One search through a checkout."""

    def __init__(self, project: Project, changes: Sequence[StreamChange]) -> None:
        self._streams = project.ddl / STREAMS
        befores = [change.before for change in changes if change.before is not None]
        self._lineage = lineage_of(project, dict(_rendered(befores)))
        self._panels, self._unread_panels = panels(project.reports)
        self._code = Code(project.root / "producer")

    def readers(self, change: StreamChange, names: Sequence[Name]) -> Iterator[FieldReader]:
        """Yield who reads fields of a stream."""
        before, after = change.before, change.after
        if before is None:
            return
        entrances = Entrances(before.name, columns_by_field(before))
        own = _FirstLines(self._streams / f"{before.name}.sql")
        mentions = self._mentions(before, after)
        for field in names:
            start = entrances.of(field)
            made = self._lineage.downstream(start)
            found = [
                *(_of_contract(after, field, made) if after is not None else ()),
                *self._generated(before.name, start, own),
                *self._of_sql(own.file, made),
                *_of_code(mentions.get(field[0], ())),
            ]
            for one in found:
                path = ".".join(field)
                yield FieldReader(
                    before.name, path, one.kind, one.file, one.line, one.name, one.how
                )

    def unread(self) -> Iterator[FieldReader]:
        """Yield what could not be read: whether it reads a field is for people to see."""
        found = {(one.file, one.line, one.problem) for one in self._lineage.unreadable}
        for file, line, problem in sorted({*found, *self._unread_panels, *self._code.unread}):
            how = f"may read it, and could not be read itself: {problem}"
            yield FieldReader("", "", Kind.UNREAD, file, line, file.name, how)

    def _generated(self, stream: str, start: References, own: _FirstLines) -> Iterator[_Found]:
        if any(one in part.query.reads for one in start for part in self._lineage.parts):
            how = "follows the contract: `contractline generate tables` writes it"
            line = own.of(column for _, column in start)
            yield _Found(Kind.GENERATED, own.file, line, stream, how)

    def _of_sql(self, own: Path, made: References) -> Iterator[_Found]:
        for part in self._lineage.parts:
            read = [one for one in made if one in part.query.reads]
            if not read or part.file == own:
                continue
            line, words = part.line_of(read), _columns_in_words(read)
            yield _Found(Kind(part.kind), part.file, line, part.name, f"reads {words}")
            for panel in self._panels:
                if panel.question == part.file:
                    how = f"shows the question {part.name}, which reads {words}"
                    yield _Found(Kind.PANEL, panel.file, panel.line, panel.name, how)

    def _mentions(self, before: Draft, after: Draft | None) -> Mapping[str, Sequence[Mention]]:
        """Return where the producer's code mentions the fields of a stream that it writes."""
        try:
            if isinstance(before.pipeline.source, PostgresSource):
                return {}
            schemas = [draft.value for draft in (before, after) if draft is not None]
        except PartUnread:
            return {}
        names = {one["name"] for schema in schemas for one in schema.fields}
        required = (_required(schema) for schema in schemas)
        return self._code.mentions(names, frozenset.intersection(*required))


class _FirstLines:
    """The first line of each name in a generated file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[str, int] = {}
        try:
            lines = decoded(read_bytes(file)).splitlines()
        except FileUnreadable:
            lines = []
        for number, line in enumerate(lines, 1):
            for name in _COLUMN.findall(line):
                self._lines.setdefault(name, number)

    def of(self, columns: Iterable[str]) -> int:
        """Return the first line that holds one of several columns; 1 where none does."""
        found = (self._lines[name] for name in columns if name in self._lines)
        return min(found, default=1)


_COLUMN = re.compile(r"\w+(?:\.\w+)*")


def _of_code(mentions: Sequence[Mention]) -> Iterator[_Found]:
    for mention in mentions:
        first, *more = mention.lines
        also = f", again in line {', '.join(map(str, more))}" if more else ""
        yield _Found(Kind.PRODUCER, mention.file, first, mention.file.name, f"mentions it{also}")


def _rendered(drafts: Sequence[Draft]) -> Iterator[tuple[str, str]]:
    """Yield the SQL that contracts want, whatever their files hold by now."""
    for draft in drafts:
        try:
            if sql := render(draft.complete):
                yield draft.name, sql
        except (PartUnread, SchemaUnmappable):
            continue


def _of_contract(draft: Draft, field: Name, made: References) -> Iterator[_Found]:
    """Yield where the contract itself builds on a field."""
    try:
        sink = draft.pipeline.clickhouse
    except PartUnread:
        return
    if sink is None:
        return
    for place, how in _named_by(sink, field, made):
        at = draft.position(draft.odcs_file, section(draft, "clickhouse", *place)) or TOP
        yield _Found(Kind.CONTRACT, draft.odcs_file, at.line, draft.name, how)


def _named_by(sink: ClickHouseSink, field: Name, made: References) -> Iterator[tuple[Steps, str]]:
    """Yield the places in a sink that build on a field, and how."""
    name = ".".join(field)
    for position, one in enumerate(sink.order_by):
        if one == name:
            yield ("orderBy", position), "sorts by it"
    for position, one in enumerate(sink.version.rank if sink.version else ()):
        if one == name:
            yield ("version", "rank", position), "ranks records by it"
    if sink.version and sink.version.latest == name:
        yield ("version", "latest"), "takes the later record by it"
    if name in sink.types:
        yield ("types", name), f"gives it the column type {sink.types[name]}"
    for position, column in enumerate(sink.derived):
        if (sink.current, column.name) in made:
            yield ("derived", position), f"computes `{column.name}` from it"


def _columns_in_words(read: Iterable[Reference]) -> str:
    """Return columns, each relation's together."""
    ordered = sorted(read)
    return " and ".join(
        f"{', '.join(f'`{column}`' for _, column in columns)} of {relation}"
        for relation, columns in groupby(ordered, key=lambda one: one[0])
    )


def _required(schema: Schema) -> frozenset[str]:
    """Return the fields that every record holds; all, where each of them has a default."""
    names = {one["name"] for one in schema.fields if "default" not in one}
    return frozenset(names or (one["name"] for one in schema.fields))
