"""What the SQL of a checkout reads: tables, views, dictionaries and questions, column by column."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from contractline.avro.fields import Name
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.gate.sqlreading import (
    NOTHING,
    Query,
    Reference,
    References,
    read_expressions,
    read_query,
)
from contractline.mapping.ddl import INGESTION, QUEUE_SUFFIX, STREAMS
from contractline.mapping.sql import Statement, StatementUnknown, statements
from contractline.mapping.types import Column
from contractline.project import Project

REPORTING = "reporting"
"""The database that questions ask first."""

# The parser logs what it can't read; here that is said where it is met.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_COMMENT = re.compile(r"\bCOMMENT\s+'(?:[^'\\]|\\.|'')*'\s*\Z", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


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
class Part:
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
    query: Query
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

    parts: list[Part] = field(default_factory=list)
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

    def add(self, part: Part) -> None:
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


class _NotRead(Exception):
    """A piece of SQL is not understood.

    Attributes:
        words: why.
        line: the line, counted from 1 in what was parsed.
    """

    def __init__(self, words: str, line: int) -> None:
        self.words = words
        self.line = line
        super().__init__(words)


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
        query = self._read(written.file, written.line, lambda: self._query(written))
        if query is None:
            return
        kind, target = statement.kind.lower(), statement.target or ""
        self.lineage.add(Part(kind, statement.name, written.file, written.line, query, target))
        if not target:
            self.lineage.columns.setdefault(statement.name, tuple(query.outputs))

    def _question(self, file: Path) -> None:
        text = self._text(file)
        whole = Query()

        def read() -> Query:
            for tree in _trees(text):
                if not isinstance(tree, exp.Set):
                    one = read_query(_only_query(tree), self.lineage.columns, REPORTING)
                    whole.reads = one.reads | whole.reads
                    whole.relations |= one.relations
            return whole

        if self._read(file, 1, read) is not None:
            self.lineage.add(Part("question", file.stem, file, 1, whole))

    def _read(self, file: Path, line: int, reading: Callable[[], Query]) -> Query | None:
        """Return what a piece of SQL reads; None when it is not understood, which is then noted."""
        try:
            return reading()
        except _NotRead as problem:
            self._refuse(file, line + problem.line - 1, problem.words)
        except RecursionError:
            self._refuse(file, line, "it is nested too deep")
        return None

    def _query(self, written: _Written) -> Query:
        statement = written.statement
        if "VIEW" in statement.kind:
            before = statement.sql[: len(statement.sql) - len(statement.select)].count("\n")
            tree = _only_query(_tree(_COMMENT.sub("", statement.select), before))
            self._take_named(tree)
            query = read_query(tree, self.lineage.columns, statement.database)
            return _moved(query, written.line - 1 + before)
        tree = _tree(statement.sql)
        query = self._dictionary(tree) if statement.kind == "DICTIONARY" else self._table(tree)
        return _moved(query, written.line - 1)

    def _take_named(self, tree: exp.Expr) -> None:
        """Read what a query may build on, so that its columns are known."""
        named = {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table)}
        named |= {f"{column.table}.{column.name}" for column in tree.find_all(exp.Column)}
        named |= {one.name for one in tree.find_all(exp.Literal, exp.Identifier)}
        for name in sorted(named & self._by_name.keys()):
            self._take(self._by_name[name])

    def _table(self, tree: exp.Expr) -> Query:
        """Return a table's columns; those that are computed come from others."""
        definitions = list(tree.find_all(exp.ColumnDef))
        made = tree.find(exp.Table)
        names = [one.name for one in definitions]
        trees = [(one.name, part) for one in definitions for part in one.args["constraints"] or ()]
        if properties := tree.args.get("properties"):
            trees.append(("", properties))
        query = read_expressions(trees, f"{made.db}.{made.name}" if made else "", names)
        query.outputs = {name: query.outputs.get(name, NOTHING) for name in names}
        return query

    def _dictionary(self, tree: exp.Expr) -> Query:
        """Return a dictionary's attributes; they come from the columns of its source."""
        attributes = [one.name for one in tree.find_all(exp.ColumnDef)]
        settings = {
            one.name.upper(): one.args["value"].name for one in tree.find_all(exp.DictSubProperty)
        }
        query = Query()
        if settings.get("QUERY"):
            source = _only_query(_tree(settings["QUERY"]))
            self._take_named(source)
            query = read_query(source, self.lineage.columns, settings.get("DB", ""))
            query.reads = dict.fromkeys(query.reads, 0)
        else:
            table = f"{settings.get('DB', '')}.{settings.get('TABLE', '')}"
            query.relations.add(table)
            query.outputs = {name: frozenset({(table, name)}) for name in attributes}
            query.reads = {(table, name): 0 for name in attributes}
        query.outputs = {name: query.outputs.get(name, frozenset()) for name in attributes}
        return query

    def _text(self, file: Path) -> str:
        try:
            return decoded(read_bytes(file))
        except FileUnreadable as problem:
            self._refuse(file, problem.line or 1, str(problem))
            return ""

    def _refuse(self, file: Path, line: int, problem: str) -> None:
        self.lineage.unreadable.append(Unreadable(file, line, problem))


def _trees(sql: str) -> list[exp.Expr]:
    """Return the statements of a text.

    Raises:
        _NotRead: it is not understood.
    """
    filled = _PLACEHOLDER.sub(lambda found: found.group(1), sql)
    try:
        return [tree for tree in sqlglot.parse(filled, read="clickhouse") if tree is not None]
    except ParseError as problem:
        first: dict[str, Any] = problem.errors[0] if problem.errors else {}
        words = str(first.get("description") or problem).strip().rstrip(".")
        raise _NotRead(words, first.get("line") or 1) from problem
    # The parser lets out whatever its reading stumbles on.
    except Exception as problem:
        raise _NotRead(" ".join(str(problem).split()) or type(problem).__name__, 1) from problem


def _tree(sql: str, lines_before: int = 0) -> exp.Expr:
    """Return the only statement of a text that begins so many lines below the statement's start."""
    try:
        trees = _trees(sql)
    except _NotRead as problem:
        raise _NotRead(problem.words, problem.line + lines_before) from problem
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        raise _NotRead("its syntax is not known", 1)
    return trees[0]


def _only_query(tree: exp.Expr) -> exp.Expr:
    if not isinstance(tree, exp.Query):
        raise _NotRead("it is no query", 1)
    return tree


def _moved(query: Query, lines: int) -> Query:
    """Return a query whose lines are those of the file."""
    query.reads = {one: line and line + lines for one, line in query.reads.items()}
    return query


def _line(text: str, part: str) -> int:
    return text.count("\n", 0, max(text.find(part.strip()[:40]), 0)) + 1
