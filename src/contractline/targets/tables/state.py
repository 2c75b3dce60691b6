"""What ClickHouse holds, in the engine's own normal form, and the same of what it should hold.

The engine rewrites what it is given: types, defaults, order of settings, names in queries. So the
declared statements are made a second time in a scratch database, and both are read back alike.
Bodies of views refer to the real tables; a materialized view is made as a plain one, which never
begins to work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from contractline.clickhouse.sql import Statement, filled, statements
from contractline.clients.clickhouse import QueryRefused, Warehouse
from contractline.clients.scratch import scratch_database

_SETTING = re.compile(r"(\w+) = ('(?:[^'\\]|\\.)*'|[^,]+)(?:, |$)")
_STORED = re.compile(r"\w*MergeTree\b")
_KINDS = {"View": "VIEW", "MaterializedView": "MATERIALIZED VIEW", "Dictionary": "DICTIONARY"}
_TABLES = """
    SELECT database || '.' || name, engine, engine_full, as_select, create_table_query, comment
    FROM system.tables WHERE database IN {databases:Array(String)} AND name NOT LIKE '.inner%'
    ORDER BY database, name"""
_COLUMNS = """
    SELECT database || '.' || table, name, type, default_kind, default_expression, comment
    FROM system.columns WHERE database IN {databases:Array(String)}
    ORDER BY database, table, position"""


@dataclass(frozen=True, slots=True)
class ColumnState:
    """A column as the engine describes it."""

    name: str
    type: str
    default: str
    comment: str


@dataclass(frozen=True, slots=True)
class TableState:
    """A table, view or dictionary as the engine describes it.

    Attributes:
        kind: table, view, materialized view or dictionary, in capitals.
        engine: the engine with all its clauses but the settings.
        settings: its settings.
        columns: in their order.
        select: the query of a view.
        target: the table that a materialized view writes to.
        refresh: when a refreshable view is refreshed; empty for one that works with each insert.
        comment: what it means.
        definition: the whole definition of a dictionary.
    """

    kind: str
    engine: str
    settings: Mapping[str, str]
    columns: tuple[ColumnState, ...]
    select: str = ""
    target: str = ""
    refresh: str = ""
    comment: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class TablesState:
    """What ClickHouse holds and what it should.

    Attributes:
        databases: the databases that exist.
        live: what exists in the declared databases, by ``database.name``.
        wanted: the normal form of what is declared and exists; None where the engine can't say
            yet, since it builds on what does not exist.
    """

    databases: frozenset[str]
    live: Mapping[str, TableState]
    wanted: Mapping[str, TableState | None]

    @property
    def stored(self) -> frozenset[str]:
        """The tables that keep rows."""
        return frozenset(
            name for name, table in self.live.items() if _STORED.match(table.engine) is not None
        )


def read_state(
    warehouse: Warehouse, declared: Sequence[Statement], values: Mapping[str, str]
) -> TablesState:
    """Read what exists, and have the engine normalise what is declared.

    Args:
        warehouse: ClickHouse.
        declared: all statements of the desired state.
        values: what the placeholders stand for.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused the scratch database.
    """
    databases = frozenset(
        str(row[0]) for row in warehouse.rows("SELECT name FROM system.databases")
    )
    live = _read(warehouse, sorted({s.database for s in declared} & databases))
    existing = [s for s in declared if s.name in live]
    if not existing:
        return TablesState(databases, live, {})
    with scratch_database(warehouse, "plan", in_memory=True) as scratch:
        return TablesState(databases, live, _normalised(warehouse, scratch, existing, values))


def _normalised(
    warehouse: Warehouse, scratch: str, existing: Sequence[Statement], values: Mapping[str, str]
) -> dict[str, TableState | None]:
    aliases = {f"{scratch}.o{position}": one for position, one in enumerate(existing)}
    made: dict[str, Statement] = {}
    for alias, statement in aliases.items():
        try:
            warehouse.run(filled(statement.beside(alias), values))
        except QueryRefused:
            if statement.kind == "TABLE":
                raise
        else:
            made[alias] = statement
    found = _read(warehouse, [scratch])
    states: dict[str, TableState | None] = {statement.name: None for statement in existing}
    for alias, statement in made.items():
        states[statement.name] = _as_declared(found[alias], statement, alias)
    return states


def _as_declared(state: TableState, statement: Statement, alias: str) -> TableState:
    definition = state.definition.replace(alias, statement.name, 1)
    return replace(
        state,
        kind=statement.kind,
        target=statement.target or "",
        refresh=statement.refresh,
        definition=definition,
    )


def _read(warehouse: Warehouse, databases: Sequence[str]) -> dict[str, TableState]:
    """Return what databases hold, by ``database.name``."""
    where = {"databases": list(databases)}
    columns: dict[str, list[ColumnState]] = {}
    for table, name, type_, kind, default, comment in warehouse.rows(_COLUMNS, where):
        column = ColumnState(name, type_, f"{kind} {default}" if kind else "", comment)
        columns.setdefault(table, []).append(column)
    found = {}
    for name, engine, full, select, definition, comment in warehouse.rows(_TABLES, where):
        kind = _KINDS.get(engine, "TABLE")
        clauses, _, settings = full.partition(" SETTINGS ")
        view = statements(definition)[0] if kind == "MATERIALIZED VIEW" else None
        found[name] = TableState(
            kind=kind,
            engine=clauses,
            settings=dict(_SETTING.findall(settings)),
            columns=tuple(columns.get(name, ())),
            select=select,
            target=(view and view.target) or "",
            refresh=view.refresh if view else "",
            comment=comment,
            definition=definition if kind == "DICTIONARY" else "",
        )
    return found
