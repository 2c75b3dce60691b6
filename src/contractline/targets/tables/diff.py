"""What is to be done so that ClickHouse holds what is declared. Pure.

What only moves rows (queues, Null tables, the views between them) holds nothing and is made anew
as a whole: the queue goes first, so that no message is read while a view is missing, and the feed
comes last; the consumer group keeps the place in between. Tables that hold rows are altered where
that keeps every row as it is; all else is refused, with the way to do it by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from contractline.clickhouse.columns import is_wider
from contractline.clickhouse.flatten import nullable
from contractline.clickhouse.sql import Statement, identifier, literal, modify_column
from contractline.finding import Finding
from contractline.plan import Change, Step
from contractline.targets.differences import noticed, refused
from contractline.targets.tables.state import ColumnState, TablesState, TableState

_QUALIFIED = re.compile(r"`?(\w+)`?\.`?(\w+)`?")
_STATELESS = ("Kafka", "Null")
_APPEND = " APPEND"

INGESTION = "ingestion."
"""The database of what reads the topics, and of the messages that could not be read."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The statements of one file, in the order in which they are made."""

    name: str
    statements: tuple[Statement, ...]

    @property
    def movers(self) -> tuple[Statement, ...]:
        """What moves rows of a queue and holds none."""
        if not any(s.engine == "Kafka" for s in self.statements):
            return ()
        return tuple(
            s for s in self.statements if s.kind == "MATERIALIZED VIEW" or s.engine in _STATELESS
        )


def differences(units: Sequence[Unit], state: TablesState) -> Iterator[Step | Finding]:
    """Yield the steps, in a safe order, and the findings."""
    changed: set[str] = set()
    seen: set[str] = set()
    later = _over_views(units)
    for unit in units:
        for found in _of_unit(unit, state, seen, later):
            if isinstance(found, Step):
                changed.add(found.subject)
            yield found
    yield from _views(units, state, changed)
    for statement in later:
        yield from _of_writing_view(statement, state)
    yield from _undeclared(units, state)


def _over_views(units: Sequence[Unit]) -> list[Statement]:
    """Return what can be made only once the views that it reads are there."""
    declared = [s for unit in units for s in unit.statements]
    views = {s.name for s in declared if s.kind == "VIEW"}
    return [s for s in declared if s.kind == "MATERIALIZED VIEW" and references(s) & views]


def _of_unit(
    unit: Unit, state: TablesState, seen: set[str], later: Sequence[Statement]
) -> Iterator[Step | Finding]:
    for statement in unit.statements:
        if statement.kind == "DATABASE" and statement.name not in (seen | state.databases):
            seen.add(statement.name)
            yield _step(Change.CREATE, statement.name, "database", [statement.sql])
    movers = unit.movers
    tables = [s for s in unit.statements if s.kind == "TABLE" and s not in movers]
    about_tables = [one for table in tables for one in _of_table(table, state, unit.name)]
    if any(mover.name in state.live for mover in movers):
        about_tables = [_made_anew(found, unit.name) for found in about_tables]
    left = (s for s in unit.statements if s not in movers and s not in later)
    others = [s for s in left if s.kind == "MATERIALIZED VIEW"]
    about_others = [one for view in others for one in _of_writing_view(view, state)]
    if any(_blocks(one) for one in about_tables):
        # A stream that can't fill its table goes on as it is.
        yield from (one for one in about_tables if isinstance(one, Finding))
        return
    reasons = [reason for mover in movers for reason in _mover_reasons(mover, state)]
    running = stopping_order(s for s in movers if s.name in state.live)
    if reasons and running:
        drops = [dropping(s) for s in running]
        words = "pause reading, its consumer group keeps the place"
        yield _step(Change.REMOVE, running[0].name, f"{words}: {'; '.join(reasons)}", drops)
    yield from about_tables
    if reasons:
        queue = next(s for s in movers if s.engine == "Kafka")
        change, words = (
            (Change.RECREATE, "read on from there") if running else (Change.CREATE, "begin to read")
        )
        yield _step(change, queue.name, words, [s.sql for s in movers])
    yield from about_others


def _made_anew(found: Step | Finding, stream: str) -> Step | Finding:
    """Say how a table that joins a running stream gets the rows that were read before it was."""
    if not isinstance(found, Step) or found.change is not Change.CREATE:
        return found
    if found.subject.startswith(INGESTION):
        return found
    words = f"{found.summary}, empty: `contractline rebuild {stream}` fills it from the topic"
    return replace(found, summary=words)


def _blocks(found: Step | Finding) -> bool:
    return isinstance(found, Finding) and found.rule != "COLUMN_DECLARED"


def stopping_order(statements: Iterable[Statement]) -> list[Statement]:
    """Queues first: a queue whose view is gone could read a block into nothing."""
    order = {"Kafka": 0, "": 1, "Null": 2}
    return sorted(statements, key=lambda s: order[s.engine])


def dropping(statement: Statement) -> str:
    """Return the SQL that drops what a statement makes."""
    kind = "TABLE" if statement.kind == "TABLE" else "VIEW"
    return f"DROP {kind} IF EXISTS {statement.name}"


# What moves rows


def _mover_reasons(statement: Statement, state: TablesState) -> Iterator[str]:
    live = state.live.get(statement.name)
    if live is None:
        yield f"{statement.name} is missing"
        return
    wanted = state.wanted[statement.name]
    if wanted is None or (live.kind, live.select, live.target) != (
        wanted.kind,
        wanted.select,
        wanted.target,
    ):
        yield f"{statement.name} selects something else"
    elif statement.kind == "TABLE":
        yield from _table_reasons(statement.name, live, wanted)


def _table_reasons(name: str, live: TableState, wanted: TableState) -> Iterator[str]:
    before = {c.name: c.type for c in live.columns}
    after = {c.name: c.type for c in wanted.columns}
    for column in sorted(before.keys() | after.keys()):
        if before.get(column) != after.get(column):
            yield f"{name}.{column}: {before.get(column, 'none')} -> {after.get(column, 'none')}"
    if live.engine != wanted.engine:
        yield f"{name}: {live.engine} -> {wanted.engine}"
    for key in sorted(live.settings.keys() | wanted.settings.keys()):
        old, new = live.settings.get(key, "default"), wanted.settings.get(key, "default")
        if old != new:
            yield f"{name}: {key} {old} -> {new}"


# Tables that hold rows


def _of_table(statement: Statement, state: TablesState, unit: str) -> Iterator[Step | Finding]:
    name, live = statement.name, state.live.get(statement.name)
    if live is None:
        yield _step(Change.CREATE, name, "table", [statement.sql])
        return
    wanted = state.wanted[name]
    if wanted is None or live.kind != "TABLE":
        yield refused(
            "TABLE_ENGINE",
            name,
            f"is a {live.kind.lower()}, and a table is declared",
            f"drop it by hand, then apply again: DROP VIEW {name}",
        )
        return
    if live.engine != wanted.engine:
        yield refused(
            "TABLE_ENGINE",
            name,
            f"is `{live.engine}`, and `{wanted.engine}` is declared; rows would have to be copied",
            _copy_by_hand(statement, wanted),
        )
    yield from _columns(name, unit, live, wanted)
    yield from _properties(name, live, wanted)


def _copy_by_hand(statement: Statement, wanted: TableState) -> str:
    name = statement.name
    columns = ", ".join(identifier(c.name) for c in wanted.columns)
    copy = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name}_old"  # noqa: S608 - to read
    return (
        f"RENAME TABLE {name} TO {name}_old; contractline apply tables; {copy}; compare both;"
        f" DROP TABLE {name}_old"
    )


def _columns(
    table: str, unit: str, live: TableState, wanted: TableState
) -> Iterator[Step | Finding]:
    have = {column.name: column for column in live.columns}
    in_engine = set(re.findall(r"\w+", live.engine))
    place = "FIRST"
    for column in wanted.columns:
        old = have.get(column.name)
        if old is None:
            yield _added(table, column, place)
        elif old.type != column.type == nullable(old.type) and column.name not in in_engine:
            yield _taking(table, column, "NULL")
            yield from _column(table, unit, replace(old, type=column.type), column)
        elif is_wider(column.type, old.type) and column.name not in in_engine:
            yield _taking(table, column, f"{column.type} instead of {old.type}")
            yield from _column(table, unit, replace(old, type=column.type), column)
        else:
            yield from _column(table, unit, old, column)
        place = f"AFTER {identifier(column.name)}"
    declared = {column.name for column in wanted.columns}
    for column in live.columns:
        if column.name not in declared:
            yield refused(
                "COLUMN_DECLARED",
                table,
                f"has the column {column.name}, which nothing declares; dropping it loses data",
                f"ALTER TABLE {table} DROP COLUMN {identifier(column.name)}",
            )


def _added(table: str, column: ColumnState, place: str) -> Step:
    sql = (
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {identifier(column.name)} {column.type}"
        f"{_spaced(column.default)} COMMENT {literal(column.comment)} {place}"
    )
    return _step(Change.ALTER, table, f"add column {column.name} {column.type}", [sql])


def _taking(table: str, column: ColumnState, more: str) -> Step:
    """Let a column take more besides every value that it holds: nothing is lost by that."""
    sql = f"ALTER TABLE {table} MODIFY COLUMN {identifier(column.name)} {column.type}"
    return _step(Change.ALTER, table, f"column {column.name} takes {more} from now on", [sql])


def _column(table: str, unit: str, old: ColumnState, new: ColumnState) -> Iterator[Step | Finding]:
    name = identifier(new.name)
    if old.type != new.type:
        yield refused(
            "COLUMN_TYPE",
            table,
            f"column {new.name} is {old.type}, and {new.type} is declared; every row would have to"
            " be rewritten, and what does not fit is lost",
            f"look at the data, then: {modify_column(table, unit, new.name, old.type, new.type)}",
        )
        return
    if old.default != new.default:
        sql = (
            f"ALTER TABLE {table} MODIFY COLUMN {name} {new.type} {new.default}"
            if new.default
            else f"ALTER TABLE {table} MODIFY COLUMN {name} REMOVE {old.default.split()[0]}"
        )
        words = f"column {new.name}: {new.default or 'no default'}; rows keep what they hold"
        yield _step(Change.ALTER, table, words, [sql])
    if old.comment != new.comment:
        sql = f"ALTER TABLE {table} COMMENT COLUMN {name} {literal(new.comment)}"
        yield _step(Change.ALTER, table, f"describe column {new.name}", [sql])


def _properties(name: str, live: TableState, wanted: TableState) -> Iterator[Step]:
    if live.comment != wanted.comment:
        sql = f"ALTER TABLE {name} MODIFY COMMENT {literal(wanted.comment)}"
        yield _step(Change.ALTER, name, "describe the table", [sql])
    for key in sorted(live.settings.keys() | wanted.settings.keys()):
        old, new = live.settings.get(key), wanted.settings.get(key)
        if old == new:
            continue
        verb = f"MODIFY SETTING {key} = {new}" if new is not None else f"RESET SETTING {key}"
        words = f"{key} {old or 'default'} -> {new or 'default'}"
        yield _step(Change.ALTER, name, words, [f"ALTER TABLE {name} {verb}"])


# Views


def _of_writing_view(statement: Statement, state: TablesState) -> Iterator[Step | Finding]:
    """A materialized view that people wrote: made anew it would miss the rows of the meantime.

    A refreshable one would not: it does not wait for inserts, and reads all it needs when it is made.
    """
    name = statement.name
    live, wanted = state.live.get(name), state.wanted.get(name)
    if live is None:
        yield _step(Change.CREATE, name, "materialized view", [statement.sql])
    elif wanted is not None and live.refresh and wanted.refresh:
        yield from _of_refreshable_view(statement, live, wanted)
    elif wanted is not None and live.refresh != wanted.refresh:
        yield refused(
            "VIEW_REWRITTEN",
            name,
            f"{_working(live)}, and one that {_working(wanted)} is declared",
            f"{dropping(statement)}; contractline apply tables; fill its table again where rows of the"
            " meantime count",
        )
    elif wanted is None or (live.select, live.target) != (wanted.select, wanted.target):
        yield refused(
            "VIEW_REWRITTEN",
            statement.name,
            "selects something else than declared; made anew it would miss rows of the meantime",
            f"ALTER TABLE {statement.name} MODIFY QUERY with the declared query, or drop it, apply,"
            " and fill its table again",
        )


def _of_refreshable_view(
    statement: Statement, live: TableState, wanted: TableState
) -> Iterator[Step]:
    name = statement.name
    old, new = live.refresh, wanted.refresh
    unlike = old.endswith(_APPEND) != new.endswith(_APPEND)
    if unlike or (live.select, live.target) != (wanted.select, wanted.target):
        words = "refreshable view differs from its declaration; made anew it is refreshed at once"
        yield _step(Change.RECREATE, name, words, [dropping(statement), statement.sql])
    elif old != new:
        sql = f"ALTER TABLE {name} MODIFY REFRESH {new}"
        yield _step(Change.ALTER, name, f"refresh {new} instead of {old}", [sql])


def _working(view: TableState) -> str:
    return f"is refreshed {view.refresh}" if view.refresh else "works with each insert"


def _views(units: Sequence[Unit], state: TablesState, changed: set[str]) -> Iterator[Step]:
    """Make the missing and the different, and those over a table that just changed."""
    views = [s for u in units for s in u.statements if s.kind in {"VIEW", "DICTIONARY"}]
    for statement in in_order(views):
        live, wanted = state.live.get(statement.name), state.wanted.get(statement.name)
        if live is None:
            change, words = Change.CREATE, statement.kind.lower()
        elif live != wanted:
            change, words = Change.ALTER, f"{statement.kind.lower()} differs from its declaration"
        elif under := sorted(references(statement) & changed):
            change, words = Change.ALTER, f"{statement.kind.lower()} over {', '.join(under)}"
        else:
            continue
        changed.add(statement.name)
        yield _step(change, statement.name, words, [statement.replacing])


def in_order(views: Sequence[Statement]) -> list[Statement]:
    """Return views so that each comes after those that it reads."""
    by_name = {view.name: view for view in views}
    done: dict[str, Statement] = {}

    def visit(view: Statement, path: tuple[str, ...]) -> None:
        for name in sorted(references(view) & by_name.keys()):
            if name not in done and name not in path:
                visit(by_name[name], (*path, name))
        done.setdefault(view.name, view)

    for view in views:
        visit(view, (view.name,))
    return list(done.values())


def references(statement: Statement) -> set[str]:
    """Return every ``database.name`` that a statement may refer to."""
    return {f"{a}.{b}" for a, b in _QUALIFIED.findall(statement.body)}


def _undeclared(units: Sequence[Unit], state: TablesState) -> Iterator[Finding]:
    declared = {s.name for u in units for s in u.statements}
    for name, live in state.live.items():
        if name in declared:
            continue
        kind = "VIEW" if "VIEW" in live.kind else live.kind
        yield noticed(
            "TABLE_DECLARED",
            name,
            f"{live.kind.lower()} that nothing declares{_what_it_does(live)}",
            f"left alone; to remove it: DROP {kind} {name}",
        )


def _what_it_does(live: TableState) -> str:
    if live.target:
        return f"; it writes to {live.target}"
    topic = live.settings.get("kafka_topic_list")
    return f"; it reads {topic}" if topic else ""


def _step(change: Change, subject: str, summary: str, sql: Sequence[str]) -> Step:
    return Step(change, subject, summary, detail=";\n".join((*sql, "")), payload=tuple(sql))


def _spaced(text: str) -> str:
    return f" {text}" if text else ""
