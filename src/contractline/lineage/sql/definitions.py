"""What the statements of DDL files make (views, tables, dictionaries), and where columns come from."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from contractline.clickhouse.sql import Statement
from contractline.lineage.sql.functions import Known, behind_function, merges, named_by_functions
from contractline.lineage.sql.parsing import only_query, tree_of
from contractline.lineage.sql.reading import QueryReads, read_expressions, read_query
from contractline.lineage.sql.scopes import NOTHING, Outputs

_COMMENT = re.compile(r"\bCOMMENT\s+'(?:[^'\\]|\\.|'')*'\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Definition(ABC):
    """A statement that makes something with columns.

    Attributes:
        statement: the statement.
        tree: what it is made of.
    """

    statement: Statement
    tree: exp.Expr

    @property
    def target(self) -> str:
        """What a materialized view writes to; empty for everything else."""
        return ""

    @property
    def names(self) -> set[str]:
        """The names of all that it may build on; those of tables without a database are bare."""
        found = {f"{t.db}.{t.name}" if t.db else t.name for t in self.tree.find_all(exp.Table)}
        found |= {f"{column.table}.{column.name}" for column in self.tree.find_all(exp.Column)}
        found |= named_by_functions(self.tree)
        return found | {one.name for one in self.tree.find_all(exp.Identifier) if "." in one.name}

    @property
    def merges(self) -> bool:
        """Whether it builds on every table whose name fits a pattern."""
        return merges(self.tree)

    @abstractmethod
    def query(self, known: Known) -> QueryReads:
        """Return what it reads and what its columns come from.

        Args:
            known: the columns of all that it builds on.
        """


def definition_of(statement: Statement) -> Definition:
    """Return what a statement makes.

    Raises:
        NotRead: its SQL is not understood.
    """
    if "VIEW" in statement.kind:
        lines = statement.sql[: len(statement.sql) - len(statement.select)].count("\n")
        select = _COMMENT.sub("", statement.select)
        return _View(statement, only_query(tree_of(select, lines)), lines)
    tree = tree_of(statement.sql)
    if statement.kind == "DICTIONARY":
        return _dictionary(statement, tree)
    return _Table(statement, tree)


@dataclass(frozen=True, slots=True)
class _View(Definition):
    """A view, and how many lines stand before its query."""

    lines: int

    @property
    def target(self) -> str:
        return self.statement.target or ""

    def query(self, known: Known) -> QueryReads:
        query = read_query(self.tree, known, self.statement.database)
        query.reads = {one: line and line + self.lines for one, line in query.reads.items()}
        if names := list(_listed(self._head)):
            query.outputs = dict(zip(names, query.outputs.values(), strict=False))
        return query

    @property
    def _head(self) -> str:
        """What stands between its name and its query."""
        sql = self.statement.sql
        return sql[self.statement.head[1] : len(sql) - len(self.statement.select)]


@dataclass(frozen=True, slots=True)
class _Table(Definition):
    """A table: its columns are its own, but for those that are computed or lie in other tables."""

    def query(self, known: Known) -> QueryReads:
        definitions = list(self.tree.find_all(exp.ColumnDef))
        names = [one.name for one in definitions]
        trees = [(one.name, part) for one in definitions for part in one.args["constraints"] or ()]
        if properties := self.tree.args.get("properties"):
            trees.append(("", properties))
        query = read_expressions(trees, self.statement.name, names)
        query.outputs = {name: query.outputs.get(name, NOTHING) for name in names}
        for name, origins in self._filled(known, query).items():
            if name in query.outputs or not names:
                query.outputs[name] = query.outputs.get(name, NOTHING) | origins
        return query

    def _filled(self, known: Known, query: QueryReads) -> Outputs:
        """Return the columns that come from elsewhere: a query, a table of the same shape, others."""
        made: exp.Expr | None = self.tree.args.get("expression")
        if isinstance(made, exp.Query):
            inner = read_query(made, known, self.statement.database)
            query.reads = inner.reads | query.reads
            query.relations |= inner.relations
            return inner.outputs
        if isinstance(made, exp.Table):
            return dict.fromkeys(known.get(f"{made.db}.{made.name}", ()), NOTHING)
        engine = self.tree.find(exp.EngineProperty)
        found: Outputs = {}
        for relation in behind_function(engine.this, known) if engine is not None else ():
            query.relations.add(relation)
            for column in known.get(relation, ()):
                one = (relation, column)
                query.reads.setdefault(one, 0)
                found[column] = found.get(column, NOTHING) | {one}
        return found


@dataclass(frozen=True, slots=True)
class _Dictionary(Definition):
    """A dictionary over a query: its tree is the query.

    Attributes:
        attributes: what it holds.
        database: where the query looks for tables first.
    """

    attributes: tuple[str, ...]
    database: str

    def query(self, known: Known) -> QueryReads:
        query = read_query(self.tree, known, self.database)
        query.reads = dict.fromkeys(query.reads, 0)
        query.outputs = {name: query.outputs.get(name, NOTHING) for name in self.attributes}
        return query


def _dictionary(statement: Statement, tree: exp.Expr) -> Definition:
    attributes = tuple(one.name for one in tree.find_all(exp.ColumnDef))
    settings = {
        one.name.upper(): one.args["value"].name for one in tree.find_all(exp.DictSubProperty)
    }
    database, table = settings.get("DB", ""), settings.get("TABLE", "")
    if settings.get("QUERY"):
        select = only_query(tree_of(settings["QUERY"]))
    else:
        select = exp.select(*(exp.column(name) for name in attributes))
        select = select.from_(exp.table_(table, db=database or None)) if table else select
    return _Dictionary(statement, select, attributes, database)


def _listed(head: str) -> Iterator[str]:
    """Yield the columns that a view lists after its name."""
    depth, expects = 0, False
    for token in sqlglot.tokenize(head, read="clickhouse"):
        if token.token_type is TokenType.R_PAREN:
            depth -= 1
            if depth == 0:
                return
        elif expects:
            yield token.text
        if token.token_type is TokenType.L_PAREN:
            depth += 1
        elif depth == 0:
            return
        expects = depth == 1 and token.token_type in (TokenType.L_PAREN, TokenType.COMMA)
