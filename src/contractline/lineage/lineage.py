"""What the SQL of a checkout reads: tables, views, dictionaries and questions, column by column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp

from contractline.avro.fields import Name
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.clickhouse.columns import Column
from contractline.clickhouse.ddl import INGESTION, QUEUE_SUFFIX, STREAMS
from contractline.clickhouse.sql import Statement, StatementUnknown, statements
from contractline.finding import TOP
from contractline.lineage.sql.definitions import definition_of
from contractline.lineage.sql.parsing import NotRead, only_query, trees_of
from contractline.lineage.sql.reading import QueryReads, read_query
from contractline.lineage.sql.scopes import Reference, References
from contractline.project import Project

REPORTING = "reporting"
"""The database that questions ask first."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A piece of SQL that could not be read.

    Attributes:
        file: the file.
        line: where the reading stopped.
        problem: why.
    """

    file: Path
    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class LineagePart:
    """A piece of SQL that reads columns.

    Attributes:
        kind: ``table``, ``view``, ``materialized view``, ``dictionary`` or ``question``.
        name: what it makes, with its database; the name of a question.
        file: the file.
        line: where it begins.
        query: what it reads.
        target: what a materialized view writes to.
    """

    kind: str
    name: str
    file: Path
    line: int
    query: QueryReads
    target: str = ""

    def line_of(self, columns: Iterable[Reference]) -> int:
        """Return the first line where it reads one of several columns."""
        lines = [self.query.reads.get(one, 0) for one in columns]
        return min((line for line in lines if line), default=self.line)


@dataclass(slots=True)
class Lineage:
    """The SQL of a checkout.

    Attributes:
        parts: every piece that could be read.
        unreadable: every piece that could not.
        columns: the columns of every table, view and dictionary.
    """

    parts: list[LineagePart] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _made: dict[Reference, set[Reference]] = field(default_factory=lambda: defaultdict(set))

    def downstream(self, columns: References) -> References:
        """Return columns and every column that is made from them, through any number of steps."""
        found, waiting = set(columns), list(columns)
        while waiting:
            for one in self._made.get(waiting.pop(), ()):
                if one not in found:
                    found.add(one)
                    waiting.append(one)
        return frozenset(found)

    def add(self, part: LineagePart) -> None:
        """Take a piece in."""
        self.parts.append(part)
        for name, origins in part.query.outputs.items():
            for origin in origins:
                self._made[origin].add((part.target or part.name, name))


def lineage_of(project: Project, streams: Mapping[str, str]) -> Lineage:
    """Read the SQL of a checkout.

    Args:
        project: the checkout.
        streams: the SQL of streams that takes the place of their files, by stream.
    """
    return _Checkout(project, streams).lineage


class Entrances:
    """The columns of a stream's queue by which its fields come in."""

    def __init__(self, stream: str, columns: Mapping[Name, Column]) -> None:
        self._queue = f"{INGESTION}.{stream}{QUEUE_SUFFIX}"
        self._paths: dict[Name, list[str]] = defaultdict(list)
        for name, column in columns.items():
            for length in range(1, len(name) + 1):
                self._paths[name[:length]].append(column.path)

    def of(self, field: Name) -> References:
        """Return the columns of a field and of all that it holds."""
        return frozenset((self._queue, path) for path in self._paths.get(field, [".".join(field)]))


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement of a DDL file, and the line where it begins."""

    file: Path
    line: int
    statement: Statement


class _Checkout:
    """One reading of a checkout's SQL."""

    def __init__(self, project: Project, streams: Mapping[str, str]) -> None:
        self.lineage = Lineage()
        written = list(self._statements(project, streams))
        self._by_name = {one.statement.name: one for one in written}
        self._begun: set[_Written] = set()
        for one in written:
            self._take(one)
        for file in sorted(project.reports.rglob("*.sql")):
            self._question(file)

    def _statements(self, project: Project, streams: Mapping[str, str]) -> Iterator[_Written]:
        given = {project.ddl / STREAMS / f"{name}.sql": sql for name, sql in streams.items()}
        for file in sorted({*project.ddl.rglob("*.sql"), *given}):
            text = given[file] if file in given else self._text(file)
            try:
                found = statements(text)
            except StatementUnknown as problem:
                self._refuse(file, _line(text, problem.text), str(problem))
                continue
            at = 0
            for statement in found:
                at = text.index(statement.sql, at)
                if statement.kind != "DATABASE":
                    yield _Written(file, text.count("\n", 0, at) + 1, statement)

    def _take(self, written: _Written) -> None:
        """Read a statement, and before it those that it builds on."""
        if written in self._begun:
            return
        self._begun.add(written)
        statement = written.statement
        with self._noting(written.file, written.line):
            definition = definition_of(statement)
            self._take_named(set(self._by_name) if definition.merges else definition.names)
            query = definition.query(self.lineage.columns)
            query.reads = {
                one: line and line + written.line - 1 for one, line in query.reads.items()
            }
            kind, target = statement.kind.lower(), definition.target
            part = LineagePart(kind, statement.name, written.file, written.line, query, target)
            self.lineage.add(part)
            if not target:
                self.lineage.columns.setdefault(statement.name, tuple(query.outputs))

    def _take_named(self, names: set[str]) -> None:
        """Read what a statement may build on, so that its columns are known."""
        for name in sorted(self._by_name):
            if name in names or name.partition(".")[2] in names:
                self._take(self._by_name[name])

    def _question(self, file: Path) -> None:
        text = self._text(file)
        whole = QueryReads()
        with self._noting(file, 1):
            for tree in trees_of(text):
                if not isinstance(tree, exp.Set):
                    one = read_query(only_query(tree), self.lineage.columns, REPORTING)
                    whole.reads = one.reads | whole.reads
                    whole.relations |= one.relations
            self.lineage.add(LineagePart("question", file.stem, file, 1, whole))

    @contextmanager
    def _noting(self, file: Path, line: int) -> Iterator[None]:
        """Note it where a piece of SQL is not understood, and go on with the next."""
        try:
            yield
        except NotRead as problem:
            self._refuse(file, line + problem.line - 1, problem.words)
        except RecursionError:
            self._refuse(file, line, "it is nested too deep")
        # The parser takes some SQL that is none, and then its trees lack parts.
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
            self._refuse(file, line, f"it is not SQL that ClickHouse takes ({problem})")

    def _text(self, file: Path) -> str:
        try:
            return decoded(read_bytes(file))
        except FileUnreadable as problem:
            self._refuse(file, (problem.position or TOP).line, str(problem))
            return ""

    def _refuse(self, file: Path, line: int, problem: str) -> None:
        self.lineage.unreadable.append(Unreadable(file, line, problem))


def _line(text: str, part: str) -> int:
    return text.count("\n", 0, max(text.find(part.strip()[:40]), 0)) + 1
