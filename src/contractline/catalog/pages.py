"""What the catalog tells of every stream, as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from contractline.avro.diff import differences
from contractline.avro.fields import Name, fields
from contractline.catalog.graph import Graph, GraphNode, graph_of, source_of, topic_of
from contractline.clickhouse.columns import Column
from contractline.clickhouse.ddl import ARRIVALS, ERRORS, STREAMS
from contractline.contracts.describe import Facts, facts, field_facts
from contractline.contracts.draft import Draft
from contractline.contracts.load import SYSTEM, load_drafts
from contractline.contracts.model import PERSONAL_DATA, PostgresSource
from contractline.errors import ContractsInvalid
from contractline.gate.diff import columns_by_field
from contractline.lineage.lineage import Entrances, Lineage, lineage_of
from contractline.lineage.panels import LineagePanel, panels
from contractline.project import Project


@dataclass(frozen=True, slots=True)
class FieldPage:
    """One field.

    Attributes:
        name: with dots between nested ones.
        type: in words.
        default: as the schema writes it; empty where there is none.
        meaning: what it holds, in words.
        classification: such as ``pii``; empty where there is none.
        column: its column in the tables, with type; empty where there is none.
        is_key: whether it is part of the key.
        readers: the views, dictionaries, questions and panels that read it.
    """

    name: str
    type: str
    default: str
    meaning: str
    classification: str
    column: str
    is_key: bool
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionPage:
    """One released version: its number, and what changed since the one before, in words."""

    number: int
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StreamPage:
    """One stream.

    Attributes:
        name: the contract's.
        title: what people call it.
        purpose: what it is for.
        facts: what else the contract says.
        fields: the fields of its records, and those that only earlier versions hold.
        versions: the released versions, the newest first.
        graph: its way from source to readers.
        is_system: whether the machinery itself writes and reads it.
    """

    name: str
    title: str
    purpose: str
    facts: Facts
    fields: tuple[FieldPage, ...]
    versions: tuple[VersionPage, ...]
    graph: Graph
    is_system: bool

    @property
    def pii(self) -> tuple[str, ...]:
        """The fields that hold personal data."""
        return tuple(field.name for field in self.fields if field.classification == PERSONAL_DATA)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every stream, and how they hang together.

    Attributes:
        streams: the streams, the machinery's last.
        graph: the way of all but the machinery's, without the inside of ClickHouse's reading.
        unread: the files whose SQL could not be read, so that a reader may be missing.
    """

    streams: tuple[StreamPage, ...]
    graph: Graph
    unread: tuple[str, ...] = ()


def catalog(project: Project) -> Catalog:
    """Return the catalog of a checkout.

    Raises:
        ContractsInvalid: a contract can't be read.
    """
    drafts = load_drafts(project)
    if findings := [finding for draft in drafts for finding in draft.findings]:
        raise ContractsInvalid(findings)
    lineage = lineage_of(project, {})
    shown, unread = panels(project.reports)
    graph = graph_of(drafts, lineage, shown)
    streams = tuple(_stream(draft, project, lineage, shown, graph) for draft in drafts)
    plain = Graph.of(
        edge for edge in graph.edges if not {ERRORS, ARRIVALS} & {edge[0].name, edge[1].name}
    )
    read = [draft for draft in drafts if not _is_system(draft)]
    edges = [edge for draft in read for edge in plain.behind(source_of(draft)).edges]
    files = {one.file for one in lineage.unreadable} | {file for file, *_ in unread}
    names = sorted(file.relative_to(project.root).as_posix() for file in files)
    return Catalog(streams, Graph.of(edges).without(_is_inside), tuple(names))


def _is_system(draft: Draft) -> bool:
    return draft.folder.parent.name == SYSTEM


def _is_inside(node: GraphNode) -> bool:
    """Tell whether a node is of no interest to who looks at all streams at once."""
    return node.kind in ("queue", "stream")


def _stream(
    draft: Draft, project: Project, lineage: Lineage, shown: Sequence[LineagePanel], graph: Graph
) -> StreamPage:
    said = dict(facts(draft))
    own = (source_of(draft), topic_of(draft))
    behind = graph.behind(own[1])
    columns = columns_by_field(draft)
    entrances = Entrances(draft.name, columns)
    file = project.ddl / STREAMS / f"{draft.name}.sql"
    sink = draft.pipeline.clickhouse
    kept = frozenset(lineage.columns.get(sink.current, ()) if sink else ())
    return StreamPage(
        draft.name,
        said.pop("name", draft.name),
        said.pop("purpose", ""),
        said,
        tuple(_Fields(draft, file, columns, entrances, kept, lineage, shown).pages()),
        tuple(_versions(draft)),
        Graph.of([own, *behind.edges]),
        _is_system(draft),
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """What is known of a stream's fields."""

    draft: Draft
    file: Path
    columns: Mapping[Name, Column]
    entrances: Entrances
    kept: frozenset[str]
    lineage: Lineage
    panels: Sequence[LineagePanel]

    def pages(self) -> Iterator[FieldPage]:
        """Yield the fields of the working schema, then those that only earlier versions hold."""
        properties = [p for one in self.draft.odcs.schema_ or [] for p in one.properties or []]
        described = {p.name: p.description or "" for p in properties}
        classified = field_facts(self.draft)
        key = {one["name"] for one in self.draft.key.fields} if self.draft.key else set()
        present = fields(self.draft.value)
        for one in present:
            said = one.doc or " ".join(described.get(one.path, "").split())
            meaning = said or (_METADATA.get(one.path, "") if self.is_captured else "")
            classification, is_key = classified.get(one.path, ""), one.path in key
            column, readers = self._column(one.name), self._readers(one.name)
            yield FieldPage(
                one.path, one.type, one.default, meaning, classification, column, is_key, readers
            )
        names = {one.name for one in present}
        for name in (name for name in self.columns if name not in names):
            path, column, readers = ".".join(name), self._column(name), self._readers(name)
            yield FieldPage(path, "", "", GONE, classified.get(path, ""), column, False, readers)

    @property
    def is_captured(self) -> bool:
        """Whether Debezium writes the fields, and adds some of its own."""
        return isinstance(self.draft.pipeline.source, PostgresSource)

    def _column(self, field: Name) -> str:
        column = self.columns.get(field)
        return f"{column.name} {column.type}" if column and column.name in self.kept else ""

    def _readers(self, field: Name) -> tuple[str, ...]:
        made = self.lineage.downstream(self.entrances.of(field))
        found = [
            part
            for part in self.lineage.parts
            if part.file != self.file and any(one in part.query.reads for one in made)
        ]
        shown = [one.name for one in self.panels for part in found if one.question == part.file]
        return tuple(sorted({*(part.name for part in found), *shown}))


_METADATA = {
    "__deleted": "Whether the row was deleted in PostgreSQL, as true or false; the column is_deleted.",
    "__op": "What happened: r read at the start, c created, u updated, d deleted; the column op.",
    "__lsn": "Where the change lies in PostgreSQL's log; a part of the column version.",
    "__source_ts_ms": "When PostgreSQL committed the change, ms since 1970; the column changed_at.",
}
"""What Debezium adds to a row, and the column of the tables that it becomes."""

GONE = "Only earlier versions hold it."


def _versions(draft: Draft) -> Iterator[VersionPage]:
    """Yield the released versions, the newest first."""
    versions = draft.versions("value")
    for before, after in reversed(list(pairwise(versions))):
        yield VersionPage(after.number, differences(before.schema, after.schema))
    if versions:
        yield VersionPage(versions[0].number, ("first release",))
