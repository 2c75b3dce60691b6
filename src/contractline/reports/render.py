"""A question with its filters as one SQL query and the values of its parameters.

A question reads a relation by its short name (``FROM commits``). Here a common table expression of
that name is put before it, which reads the view and applies the filters. So every filter works the
same way in every question, and a question's own SQL stays free of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from sqlglot import exp

from contractline.clickhouse.sql import identifier
from contractline.lineage.sql.parsing import only_query, tree_of
from contractline.reports.load import LoadedQuestion
from contractline.reports.model import (
    ChoiceFilter,
    Filter,
    Filters,
    PeriodFilter,
    Relation,
    SwitchFilter,
    VariantFilter,
)
from contractline.reports.selection import Given, Selection, bounds

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_WITH = re.compile(r"WITH\b\s*", re.IGNORECASE)
# A star that is no multiplication, nor that of count(*).
_STAR = re.compile(r"(?:\bSELECT|\bDISTINCT|,|\.)\s*\*|\bCOLUMNS\s*\(", re.IGNORECASE)

_NOTHING: Mapping[str, str] = {}

Value = str | list[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A query to ClickHouse.

    Attributes:
        sql: the text, with ``{name:Type}`` where a parameter stands.
        parameters: their values.
    """

    sql: str
    parameters: Mapping[str, Value]


def render(
    question: LoadedQuestion,
    filters: Filters,
    selection: Selection,
    given: Given = Given(),  # noqa: B008 - frozen
    *,
    now: datetime | None = None,
    sql: str | None = None,
    more: Mapping[str, str] = _NOTHING,
) -> Query:
    """Return the query of a question under the filters that a reader set.

    Args:
        question: the question.
        filters: the filters and relations.
        selection: what the reader set.
        given: values of the question's own parameters.
        now: what relative periods are counted from; the clock unless given.
        sql: what stands in the place of the question's own SQL.
        more: columns that its relations get beside their own, as they stand in SELECT, by relation.
    """
    active = active_filters(filters, selection, question.spec.without)
    names = relations_of(question.sql, frozenset(filters.relations))
    whole = with_relations(
        question.sql if sql is None else sql, filters, lambda one: _held(one, active), more, names
    )
    own = {parameter.name: str(parameter.default) for parameter in question.spec.parameters}
    values = filter_values(filters, selection, now or datetime.now(UTC))
    return Query(whole, {**values, **own, **dict(given.values)})


def active_filters(
    filters: Filters, selection: Selection, without: tuple[str, ...] = ()
) -> frozenset[str]:
    """Return the filters whose conditions hold: those set, periods, and switches that are off."""
    return frozenset(
        name
        for name, spec in filters.filters.items()
        if name not in without and _is_active(spec, selection.of(name))
    )


def filter_values(filters: Filters, selection: Selection, now: datetime) -> dict[str, Value]:
    """Return the parameters that the filters give."""
    values: dict[str, Value] = {}
    for name, spec in filters.filters.items():
        chosen = selection.of(name)
        match spec:
            case PeriodFilter():
                since, until = bounds(chosen[0] if chosen else spec.default, now, name)
                values["since"], values["until"] = _instant(since), _instant(until)
            case ChoiceFilter():
                values[name] = list(chosen)
            case VariantFilter():
                values[name] = chosen[0] if chosen else spec.default
            case SwitchFilter():
                pass
    return values


def filters_of(question: LoadedQuestion, filters: Filters) -> frozenset[str]:
    """Return the filters that change what a question answers.

    Raises:
        NotRead: its SQL is not understood.
    """
    names = relations_of(question.sql, frozenset(filters.relations))
    relations = [filters.relations[name] for name in names]
    conditions = {name for relation in relations for name in relation.conditions}
    active = frozenset(conditions.difference(question.spec.without))
    sql = with_relations(
        question.sql,
        filters,
        lambda relation: _held(relation, active),
    )
    return active | {name for name, spec in filters.filters.items() if _stands_in(sql, name, spec)}


def _stands_in(sql: str, name: str, spec: Filter) -> bool:
    """Tell whether a filter's parameter stands in a query."""
    names = ("since", "until") if isinstance(spec, PeriodFilter) else (name,)
    return any(f"{{{one}:" in sql for one in names)


@lru_cache(maxsize=512)
def relations_of(sql: str, known: frozenset[str]) -> tuple[str, ...]:
    """Return which relations a question reads by their short names, in alphabetical order.

    Raises:
        NotRead: the SQL is not understood.
    """
    tree = only_query(tree_of(sql))
    own = {str(cte.alias) for cte in tree.find_all(exp.CTE)}
    read = {str(table.name) for table in tree.find_all(exp.Table) if not table.db}
    return tuple(sorted((read - own) & known))


def _is_active(spec: Filter, chosen: tuple[str, ...]) -> bool:
    match spec:
        case PeriodFilter():
            return (chosen[0] if chosen else spec.default) != "all"
        case SwitchFilter():
            return (chosen[0] == "on" if chosen else spec.default) is False
        case ChoiceFilter():
            return bool(chosen)
        case VariantFilter():
            return False


def with_relations(
    sql: str,
    filters: Filters,
    conditions: Callable[[Relation], Iterable[str]],
    more: Mapping[str, str] = _NOTHING,
    names: Iterable[str] | None = None,
) -> str:
    """Return a question's SQL with the relations that it reads by short names.

    Args:
        sql: the SQL.
        filters: the relations.
        conditions: gives the conditions under which a relation is read.
        more: columns that a relation gets beside its own, as they stand in SELECT, by its name.
        names: the relations that it reads, where they are known.
    """
    tables = []
    for name in relations_of(sql, frozenset(filters.relations)) if names is None else names:
        relation = filters.relations[name]
        source = _source(relation, tuple(conditions(relation)), more.get(name, ""), sql)
        tables.append(f"{name} AS (\n{source}\n)")
    return _with_tables(sql, tables)


def _held(relation: Relation, active: frozenset[str]) -> Iterator[str]:
    """Return the conditions of a relation whose filters are active."""
    return (sql for name, sql in relation.conditions.items() if name in active)


def _source(relation: Relation, conditions: tuple[str, ...], more: str, sql: str) -> str:
    """Return the query behind a relation's name.

    Args:
        relation: the relation.
        conditions: what its rows have to fulfil.
        more: columns that it gets beside its own.
        sql: the SQL that reads it.
    """
    columns = {
        name: own for name, own in relation.columns.items() if _named(name, sql, more, *conditions)
    }
    view = _view(relation, (sql, more, *conditions, *columns.values()))
    replaced = ", ".join(f"{own} AS {identifier(name)}" for name, own in columns.items())
    # The pieces are SQL of the checkout; what a reader gives travels as parameters.
    rows = f"SELECT * REPLACE ({replaced}) FROM {view}" if replaced else ""  # noqa: S608
    held = [f"({condition})" for condition in conditions]
    where = "\n    WHERE " + "\n        AND ".join(held) if held else ""
    listed = f"*, {more}" if more else "*"
    return f"    SELECT {listed} FROM {f'({rows})' if rows else view}{where}"  # noqa: S608


def _view(relation: Relation, read: Sequence[str]) -> str:
    """Return the lightest view of a relation that has all that some pieces of SQL read of it."""
    view = relation.view
    if not any(map(_reads_all, read)):
        for lighter in relation.lighter:
            if not any(_named(name, *read) for name in lighter.lacks):
                view = lighter.view
    return view


def _named(column: str, *read: str) -> bool:
    """Tell whether a column's name stands in some SQL, if only as a name of something else."""
    return any(_reads_all(sql) or re.search(rf"\b{re.escape(column)}\b", sql) for sql in read)


@lru_cache(maxsize=512)
def _reads_all(sql: str) -> bool:
    """Tell whether SQL reads columns that it does not name: by a star, or by a pattern."""
    return _STAR.search(sql) is not None


def _with_tables(sql: str, tables: list[str]) -> str:
    """Return a query with more common table expressions before its own."""
    if not tables:
        return sql
    comments = _COMMENTS.match(sql)
    start = comments.end() if comments else 0
    own = _WITH.match(sql, start)
    rest = sql[own.end() :] if own else sql[start:]
    return f"{sql[:start]}WITH {', '.join(tables)}{', ' if own else chr(10)}{rest}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
