"""Tables as the checkout declares them, empty or filled with invented rows, to try questions on.

The rows are made by ClickHouse itself, from the tables' columns alone, so that a new stream needs
nothing here. Texts come from one small pool, and a column that a view compares with a text gets
those texts too: so joins and filters find something. A part of the rows holds what questions
stumble on: empty and hostile texts, nulls, dates far away, nothing but zeros.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from contractline.clickhouse.ddl import stream_files
from contractline.clickhouse.sql import Statement, identifier, literal, statements
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.project import Project
from contractline.targets.tables.diff import references

ROWS = 400
"""Rows of each table."""

_POOL = ("alpha", "beta", "gamma", "delta", "", "=1+1", "<script>x</script>", "\u202egpj.exe")
_COMPARED = re.compile(r"(?<![\w.'])(?:\w+\.)?(\w+)\s*(?:=|IN\s*\()\s*'((?:[^'\\]|\\.)*)'")
_SKIPPED = frozenset({"Kafka", "Null"})
_STORED = ("MergeTree",)

_COLUMNS = """
    SELECT name, type FROM system.columns
    WHERE database = {database:String} AND table = {table:String}
        AND default_kind = ''
    ORDER BY position"""

_REFRESHED = "SELECT concat(database, '.', view) AS name FROM system.view_refreshes ORDER BY name"


def make_tables(project: Project, warehouse: Warehouse) -> list[str]:
    """Make the tables and reporting views of a checkout; return the names of tables to be filled.

    Nothing that reads from Kafka is made, nor what feeds tables from there. Tables that grow with
    others do so here, too, and are not to be filled.

    Raises:
        ServiceUnavailable: ClickHouse refuses one.
    """
    declared = list(_declared(project))
    made = [statement for statement in declared if _is_wanted(statement)]
    absent = {statement.name for statement in declared} - {statement.name for statement in made}
    feeds = [one for one in declared if one.target and not references(one) & absent]
    for statement in (*made, *feeds):
        warehouse.run(statement.sql)
    fed = {one.target for one in feeds}
    return [one.name for one in made if one.engine.endswith(_STORED) and one.name not in fed]


def fill(project: Project, warehouse: Warehouse, tables: Sequence[str]) -> None:
    """Put invented rows into tables, the same ones in every run.

    Raises:
        ServiceUnavailable: ClickHouse refuses some.
    """
    compared = _compared(project)
    for number, table in enumerate(tables):
        database, _, name = table.partition(".")
        columns = warehouse.rows(_COLUMNS, {"database": database, "table": name})
        names = ", ".join(identifier(column) for column, _ in columns)
        values = ", ".join(
            _value(column, str(type_), compared, seed=number * 1000 + place)
            for place, (column, type_) in enumerate(columns)
        )
        warehouse.run(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM numbers({ROWS})"  # noqa: S608
        )
    for (view,) in warehouse.rows(_REFRESHED):
        warehouse.run(f"SYSTEM REFRESH VIEW {view}")
        warehouse.run(f"SYSTEM WAIT VIEW {view}")


def _declared(project: Project) -> Iterator[Statement]:
    ddl = project.ddl
    yield from statements((ddl / "databases.sql").read_text(encoding="utf-8"))
    for text in stream_files(project, load_contracts(project)).values():
        yield from statements(text)
    yield from _ordered(
        statement
        for file in sorted((ddl / "reporting").glob("*.sql"))
        for statement in statements(file.read_text(encoding="utf-8"))
    )


def _ordered(views: Iterator[Statement]) -> Iterator[Statement]:
    """Yield views after those that they read."""
    waiting = list(views)
    while waiting:
        names = {view.name for view in waiting}
        ready = [v for v in waiting if not any(_reads(v, n) for n in names - {v.name})] or waiting
        yield from ready
        waiting = [view for view in waiting if view not in ready]


def _reads(view: Statement, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", view.body) is not None


def _is_wanted(statement: Statement) -> bool:
    if statement.kind == "MATERIALIZED VIEW":
        return False
    return statement.kind != "TABLE" or statement.engine not in _SKIPPED


def _compared(project: Project) -> dict[str, list[str]]:
    """Return the texts that the reporting views compare each column with."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted((project.ddl / "reporting").glob("*.sql")):
        for column, text in _COMPARED.findall(file.read_text(encoding="utf-8")):
            if text and text not in found[column]:
                found[column].append(text)
    return found


def _value(column: str, type_: str, compared: Mapping[str, Sequence[str]], seed: int) -> str:
    """Return an expression over ``number`` that gives a column's values."""
    inner = _stripped(type_)
    drawn = f"cityHash64(number, {seed})"
    if type_.startswith("Nullable("):
        return f"if({drawn} % 5 = 0, NULL, {_plain(column, inner, drawn, compared)})"
    return _plain(column, inner, drawn, compared)


def _plain(column: str, type_: str, drawn: str, compared: Mapping[str, Sequence[str]]) -> str:
    if type_.startswith("Array("):
        item = _plain(column, _stripped(type_[len("Array(") : -1]), drawn, compared)
        return f"arrayMap(i -> {item}, range({drawn} % 3))"
    if type_ == "String":
        texts = compared.get(column) or _POOL
        pool = f"[{', '.join(literal(text) for text in texts)}]"
        return f"{pool}[{drawn} % {len(texts)} + 1]"
    if type_.startswith("DateTime"):
        recent = f"now() - toIntervalMinute({drawn} % 86400)"
        moment = f"if({drawn} % 50 = 0, toDateTime('1971-01-01 00:00:00'), {recent})"
        return f"CAST({moment}, '{_quoted(type_)}')"
    if type_.startswith("Date"):
        return f"CAST(today() - {drawn} % 20000, '{type_}')"
    if column == "is_deleted":
        return f"{drawn} % 10 = 0"
    if re.match(r"U?Int|Float|Decimal|Bool", type_):
        top = 2 if type_ in ("Bool", "UInt8", "Int8") else 1000
        return f"CAST({drawn} % {top}, '{type_}')"
    return f"defaultValueOfTypeName('{_quoted(type_)}')"


def _stripped(type_: str) -> str:
    """Return a type without what only says how it is stored."""
    for wrapper in ("LowCardinality(", "Nullable("):
        if type_.startswith(wrapper):
            return _stripped(type_[len(wrapper) : -1])
    if type_.startswith("SimpleAggregateFunction("):
        return _stripped(type_.partition(", ")[2][:-1])
    return type_


def _quoted(type_: str) -> str:
    return type_.replace("'", "\\'")
