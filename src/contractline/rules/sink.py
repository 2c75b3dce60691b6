"""Rules about where a stream lands in ClickHouse."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from contractline.avro.node import Node, has_field
from contractline.avro.paths import Steps
from contractline.clickhouse import types
from contractline.clickhouse.ddl import LINEAGE
from contractline.contracts.draft import Draft
from contractline.contracts.model import (
    ClickHouseSink,
    PostgresSource,
    ProducerSource,
    SystemSource,
)
from contractline.contracts.places import section
from contractline.rules.cdc import is_nullable
from contractline.rules.rule import Violation

MADE_COLUMNS = ("version", "is_deleted", "op", "changed_at")
"""What the tables hold besides fields, derived columns and the place in Kafka."""

_TIMES = ("timestamp-millis", "timestamp-micros", "timestamp-nanos")
_TIME_COLUMNS = ("DateTime64(6", "DateTime64(3", "DateTime64(9")


def system_has_no_sink(draft: Draft) -> Iterator[Violation]:
    """A stream of the machinery has no ``clickhouse``.

    Why: cursors and heartbeats are read by the machinery only.

    Bad: ``kind: system`` with ``clickhouse``. Good: ``kind: producer`` with ``clickhouse``.
    """
    if isinstance(draft.pipeline.source, SystemSource) and draft.pipeline.clickhouse:
        hint = "remove it, or say who writes the stream: `kind: producer`"
        words = "a stream of the machinery does not land in ClickHouse"
        yield Violation(words, hint, section(draft, "clickhouse"))


def history_needs_cdc(draft: Draft) -> Iterator[Violation]:
    """Only a PostgreSQL source has a ``history``.

    Why: the history's order is that of PostgreSQL's log; other sources have none.

    Bad: ``history`` with ``kind: producer``. Good: ``history`` with ``kind: postgres``.
    """
    sink = draft.pipeline.clickhouse
    if sink and sink.history and not isinstance(draft.pipeline.source, PostgresSource):
        words = "only a PostgreSQL source has a history"
        yield Violation(words, "remove it", section(draft, "clickhouse", "history"))


def row_version_needs_producer(draft: Draft) -> Iterator[Violation]:
    """Only a producer's stream says with ``version`` which of several records of one row wins.

    Why: PostgreSQL's log position orders the changes of a table, and nothing else may. A producer
    may deliver again and out of order; without ``version`` the later offset wins.

    Bad: ``version: {latest: updated_at}`` with ``kind: postgres``.
    Good: ``version: {latest: produced_at}`` with ``kind: producer``.
    """
    sink = draft.pipeline.clickhouse
    if sink and sink.version and not isinstance(draft.pipeline.source, ProducerSource):
        words = "the log position decides between the changes of a table"
        yield Violation(words, "remove it", section(draft, "clickhouse", "version"))


def sink_field_exists(draft: Draft) -> Iterator[Violation]:
    """What ``orderBy``, ``rank``, ``latest`` and ``types`` name are fields of the value.

    ``types`` also takes fields inside records (``home.city``), and those that only earlier versions
    hold: their columns stay.

    Why: the tables are made from them.

    Bad: ``orderBy: [repo]``. Good: ``orderBy: [repository]``.
    """
    fields = _fields(draft)
    for at, name in _named(draft):
        if name not in fields:
            known = ", ".join(fields)
            yield Violation(f"`{name}` is not a field of value.avsc", f"its fields: {known}", at)
    sink = draft.pipeline.clickhouse
    types = sink.types if sink else {}
    schemas = [draft.value, *(version.schema for version in draft.versions("value"))]
    roots = [Node.root(schema) for schema in schemas] if types else []
    for name in types:
        if not any(has_field(root, name.split(".")) for root in roots):
            at = section(draft, "clickhouse", "types", name)
            near = difflib.get_close_matches(name, fields, 1)
            hint = f"did you mean `{near[0]}`?" if near else "name a field, `home.city` in a record"
            yield Violation(f"`{name}` is not a field of any version of the value", hint, at)


def sink_type_spelled(draft: Draft) -> Iterator[Violation]:
    """What ``types`` gives a field is a column type as ClickHouse spells it.

    Why: the type stands in the SQL as it is written, and a misspelt one would be refused only when
    the tables are made. One type has one spelling, so aliases such as ``BIGINT`` are not taken.

    Bad: ``types: {additions: int32}``. Good: ``types: {additions: Nullable(Int32)}``.
    """
    sink = draft.pipeline.clickhouse
    for name, spelling in sink.types.items() if sink else ():
        try:
            types.parse(spelling)
        except types.TypeMisspelt as problem:
            at = section(draft, "clickhouse", "types", name)
            yield Violation(str(problem), problem.hint, at, new=spelling)


def order_by_identifies_row(draft: Draft) -> Iterator[Violation]:
    """``orderBy`` holds every field of the key; for a PostgreSQL source it holds nothing else.

    It names no field twice.

    Why: ClickHouse keeps one row of each sorting key. Without a field of the key it would keep
    one of several rows; with a column that changes it would keep old rows of a table.

    Bad: ``orderBy: [repository]`` with the key {repository, commit_id}.
    Good: ``orderBy: [repository, committed_at, commit_id]``.
    """
    sink = draft.pipeline.clickhouse
    if sink is None:
        return
    key = [field["name"] for field in draft.key.fields] if draft.key else []
    order, at = sink.order_by, section(draft, "clickhouse", "orderBy")
    is_table = isinstance(draft.pipeline.source, PostgresSource)
    missing = [name for name in key if name not in order] if order else []
    if missing:
        words = f"orderBy lacks {', '.join(missing)} of the key"
        yield Violation(words, "add it, or rows are lost when they merge", at)
    more = [name for name in order if name not in key]
    if is_table and key and more:
        words = f"orderBy holds {', '.join(more)}, which may change in a row of the table"
        yield Violation(words, "a table's rows are told apart by its primary key only", at)
    if len(set(order)) < len(order):
        yield Violation("orderBy names a field twice", "name it once", at)


def order_by_never_null(draft: Draft) -> Iterator[Violation]:
    """No field of ``orderBy`` may be null.

    Why: it says which row a record is; two rows of which that is unknown would replace each other.

    Bad: ``orderBy: [author_login]`` of type ["null", "string"].
    Good: a field of type string.
    """
    sink, fields = draft.pipeline.clickhouse, _fields(draft)
    for position, name in enumerate(sink.order_by if sink else ()):
        if name in fields and is_nullable(fields[name]):
            at = section(draft, "clickhouse", "orderBy", position)
            yield Violation(f"`{name}` may be null", "order by fields that are never null", at)


def rank_is_nullable(draft: Draft) -> Iterator[Violation]:
    """The fields of ``rank`` are nullable.

    Why: a record that holds them outranks one that does not; one that is always there ranks
    nothing.

    Bad: ``rank: [repository]`` of type string. Good: ``rank: [additions]`` of type ["null", "long"].
    """
    sink, fields = draft.pipeline.clickhouse, _fields(draft)
    if sink is None or sink.version is None:
        return
    for position, name in enumerate(sink.version.rank):
        if name in fields and not is_nullable(fields[name]):
            at = section(draft, "clickhouse", "version", "rank", position)
            words = f"`{name}` is never null, so it ranks nothing"
            yield Violation(words, "remove it, or name a nullable field", at)


def latest_is_timestamp(draft: Draft) -> Iterator[Violation]:
    """``latest`` is a timestamp that is never null.

    Why: it decides between records of the same rank.

    Bad: ``latest: source`` of type string.
    Good: ``latest: produced_at`` of type long (timestamp-micros).
    """
    sink, fields = draft.pipeline.clickhouse, _fields(draft)
    if sink is None or sink.version is None or sink.version.latest not in fields:
        return
    node = fields[sink.version.latest]["type"]
    own = sink.types.get(sink.version.latest, _TIME_COLUMNS[0])
    is_time = isinstance(node, dict) and node.get("logicalType") in _TIMES
    if not is_time or not own.startswith(_TIME_COLUMNS):
        at = section(draft, "clickhouse", "version", "latest")
        words = f"`{sink.version.latest}` is not a timestamp that is never null"
        yield Violation(words, "name a field of type long with timestamp-micros", at)


def derived_column_free(draft: Draft) -> Iterator[Violation]:
    """The name of a derived column is no field's and no other column's.

    Why: a table has one column of a name.

    Bad: a derived ``committed_at`` beside the field. Good: a derived ``commit_date``.
    """
    sink = draft.pipeline.clickhouse
    taken = {*_fields(draft), *LINEAGE, *MADE_COLUMNS}
    for position, column in enumerate(sink.derived if sink else ()):
        if column.name in taken:
            at = section(draft, "clickhouse", "derived", position, "name")
            words = f"the table has a column `{column.name}` already"
            yield Violation(words, "give it another name", at)
        taken.add(column.name)


def _fields(draft: Draft) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in draft.value.fields}


def _named(draft: Draft) -> Iterator[tuple[Steps, str]]:
    """Yield the fields that the sink names, with the place of each."""
    sink = draft.pipeline.clickhouse
    if sink is None:
        return
    for position, name in enumerate(sink.order_by):
        yield section(draft, "clickhouse", "orderBy", position), name
    if sink.version is not None:
        for position, name in enumerate(sink.version.rank):
            yield section(draft, "clickhouse", "version", "rank", position), name
        yield section(draft, "clickhouse", "version", "latest"), sink.version.latest


def tables(sink: ClickHouseSink) -> Iterator[tuple[str, str]]:
    """Yield the tables of a sink, each with the name under which the contract gives it."""
    yield "current", sink.current
    if sink.history:
        yield "history", sink.history
