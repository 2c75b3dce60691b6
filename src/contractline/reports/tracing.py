"""A question's SQL, rewritten so that each row of its answer says which rows it was made of.

A *mark* is a column that the relations of a question get (``commits`` and the others of
``reports/filters.yaml``), and that every SELECT on the way hands on: as it is where rows stay rows,
joined by an aggregate function where rows become one. What a question answers stays as it was. A
measure that counts under a condition (``countIf(is_merge)``) hands on the marks of those rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from contractline.lineage.sql.parsing import NotRead, Verbatim, only_query, tree_of

_IF = "If"


@dataclass(frozen=True, slots=True)
class Mark:
    """A column that travels through a question.

    Attributes:
        name: the column.
        empty: its value where a part of the question reads no relation that has it, in SQL.
        aggregate: the aggregate function that joins the marks of several rows, parameters included.
        join: what joins the marks of two relations that a SELECT reads together.
    """

    name: str
    empty: str
    aggregate: str
    join: str

    def of(self, sources: Sequence[str]) -> str:
        """Return the mark of a row that was read from some sources, in SQL."""
        columns = [f"{source}.{self.name}" if source else self.name for source in sources]
        if len(columns) > 1:
            return f"{self.join}({', '.join(columns)})"
        return columns[0] if columns else self.empty

    def joined(self, value: str, condition: str) -> str:
        """Return the mark of several rows, or of those that a condition lets in, in SQL."""
        name, bracket, parameters = self.aggregate.partition("(")
        given = f"{value}, {condition}" if condition else value
        return f"{name}{_IF if condition else ''}{bracket}{parameters}({given})"


def keys_of(sql: str) -> tuple[str, ...]:
    """Return the columns that tell the rows of a question's answer apart: all but aggregates.

    Raises:
        NotRead: the SQL is not understood.
    """
    first = _selects(only_query(tree_of(sql, dialect=Verbatim)))[0]
    aggregated: set[str] = set()
    while more := {
        one.alias_or_name
        for one in first.expressions
        if one.alias_or_name not in aggregated
        and (any(_aggregates(one)) or aggregated & {column.name for column in _columns(one)})
    }:
        aggregated |= more
    names = (one.alias_or_name for one in first.expressions)
    return tuple(name for name in names if name not in aggregated)


def marked(sql: str, marks: Sequence[Mark], relations: frozenset[str], measure: str = "") -> str:
    """Return a question's SQL with marks as further columns of its answer.

    Args:
        sql: the question.
        marks: what its relations carry; the caller puts these columns into them.
        relations: the relations that do.
        measure: the column that is explained: only rows that its conditions let in are marked.

    Raises:
        NotRead: the SQL is not understood.
    """
    tree = only_query(tree_of(sql, dialect=Verbatim))
    tables = set(relations)
    for cte in _ctes(tree):
        if _mark(cte.this, marks, tables, ""):
            tables.add(cte.alias)
        else:
            tables.discard(cte.alias)
    if not _mark(tree, marks, tables, measure):
        raise NotRead("it reads no relation whose rows can be told", 1)
    return tree.sql(dialect=Verbatim)


def _mark(query: exp.Expr, marks: Sequence[Mark], tables: set[str], measure: str) -> bool:
    """Put the marks into a query; return whether any relation that it reads has them."""
    if isinstance(query, exp.Subquery):
        return _mark(query.this, marks, tables, measure)
    selects = _selects(query)
    sources = [list(_marked_sources(select, marks, tables)) for select in selects]
    if not any(sources):
        return False
    for select, names in zip(selects, sources, strict=True):
        _mark_select(select, marks, names, measure)
    return True


def _mark_select(
    select: exp.Select, marks: Sequence[Mark], sources: list[str], measure: str
) -> None:
    aggregates = [found for one in select.expressions for found in _aggregates(one)]
    is_grouped = bool(select.args.get("group") or aggregates)
    if select.args.get("distinct"):
        keys = [one.unalias().copy() for one in select.expressions]
        select.set("distinct", None)
        select.set("group", exp.Group(expressions=keys))
        is_grouped = True
    condition = _condition(select, measure)
    for mark in marks:
        value = mark.of(sources)
        if is_grouped and sources:
            value = mark.joined(value, condition)
        # As it stands: the parser does not know every combination of aggregate functions.
        select.append("expressions", exp.alias_(exp.Var(this=value), mark.name))


def _marked_sources(select: exp.Select, marks: Sequence[Mark], tables: set[str]) -> Iterator[str]:
    """Yield what qualifies the marks of each source of a SELECT that has them; empty for the only one."""
    parts = [select.args.get("from_"), *(select.args.get("joins") or ())]
    sources = [part.this for part in parts if part is not None]
    for source in sources:
        while isinstance(source, exp.Final):
            source = source.this
        if isinstance(source, exp.Table):
            has_them = not source.db and source.name in tables
        else:
            has_them = isinstance(source, exp.Subquery) and _mark(source, marks, tables, "")
        if has_them:
            yield source.alias_or_name if len(sources) > 1 else ""


def _condition(select: exp.Select, measure: str) -> str:
    """Return under which condition rows count for a measure; empty where all do."""
    found = [
        condition.sql(dialect=Verbatim)
        for one in select.expressions
        if measure and one.alias_or_name == measure
        for aggregate in _aggregates(one)
        if (condition := _own_condition(aggregate)) is not None
    ]
    return " OR ".join(f"({condition})" for condition in found)


def _own_condition(aggregate: exp.Expr) -> exp.Expr | None:
    """Return the condition of an aggregate function that ends in If; it is its last argument."""
    if not aggregate.name.endswith(_IF):
        return None
    given: list[exp.Expr] = aggregate.args.get("params") or aggregate.expressions
    return given[-1]


def _aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the aggregate functions of an expression, those of windows and subqueries left out."""
    if isinstance(node, exp.Window | exp.Query):
        return
    if isinstance(node, exp.AggFunc):
        yield node
        return
    for child in node.iter_expressions():
        yield from _aggregates(child)


def _columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns and aliases that an expression names."""
    found: Iterator[exp.Column] = node.find_all(exp.Column)
    return found


def _selects(query: exp.Expr) -> list[exp.Select]:
    """Return the SELECTs of a query whose rows are its rows: one, or those of a UNION."""
    match query:
        case exp.Select():
            return [query]
        case exp.SetOperation():
            return [*_selects(query.this), *_selects(query.expression)]
        case exp.Subquery():
            return _selects(query.this)
        case _:
            raise NotRead("its syntax is not known", 1)


def _ctes(tree: exp.Expr) -> Iterator[exp.CTE]:
    clause = tree.args.get("with_")
    for cte in clause.expressions if clause else ():
        if not cte.args.get("scalar"):
            yield cte
