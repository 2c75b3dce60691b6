"""Rules about how the tables of a released contract may change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contractline.clickhouse.columns import is_wider, map_versions
from contractline.clickhouse.flatten import nullable
from contractline.clickhouse.sql import modify_column
from contractline.contracts.draft import Draft
from contractline.contracts.model import ClickHouseSink, PostgresSource
from contractline.rules.changes.pair import VersionPair, of_released
from contractline.rules.rule import Violation


@of_released
def target_table_kept(pair: VersionPair) -> Iterator[Violation]:
    """The tables of a released stream keep their names.

    Why: reports and people read them. A new name makes an empty table, and the rows stay in the old
    one, which nothing fills any more.

    Bad: ``current: github.git_commits`` where it was ``current: github.commits``.
    Good: the old name; a view of the new name in clickhouse_ddl/reporting.
    """
    before, after = pair.before.pipeline.clickhouse, pair.after.pipeline.clickhouse
    for name in ("current", "history"):
        old, new = getattr(before, name, None), getattr(after, name, None)
        if old is not None and old != new:
            words = f"the table {old} becomes {new}" if new else f"the table {old} is gone"
            hint = "take the old name back, or fill both until every reader has moved"
            yield pair.at(("clickhouse", name), words, hint, old, new)


@of_released
def order_by_kept(pair: VersionPair) -> Iterator[Violation]:
    """The sorting key, which says what one row is, stays as it was.

    Why: it is the identity by which ClickHouse replaces rows, and a table's sorting key can't be
    changed: the rows have to be copied into a new table.

    Bad: ``orderBy: [commit_id]`` where it was ``orderBy: [repository, commit_id]``.
    Good: the old key, or a new table.
    """
    before, after = (_order_by(draft) for draft in (pair.before, pair.after))
    if before and after and before != after:
        words = f"the rows were identified by {', '.join(before)}; now by {', '.join(after)}"
        hint = "take the old key back; a table with another key is another table"
        yield pair.at(("clickhouse", "orderBy"), words, hint, before, after)


@of_released
def row_version_kept(pair: VersionPair) -> Iterator[Violation]:
    """What decides between several records of one row stays as it was.

    Why: the version of a stored row was made the old way. Made another way, the next record of the
    same row may lose against an older one.

    Bad: ``latest: committed_at`` where it was ``latest: produced_at``.
    Good: ``latest: produced_at``.
    """
    before, after = pair.before.pipeline.clickhouse, pair.after.pipeline.clickhouse
    if before is None or after is None or before.version == after.version:
        return
    words = "another record of the same row may win from now on"
    hint = "take the old one back, or fill a new table from the topic"
    yield pair.at(("clickhouse", "version"), words, hint)


@of_released
def derived_column_kept(pair: VersionPair) -> Iterator[Violation]:
    """A computed column stays, with its type.

    Why: reports read it. Columns of fields stay in the table when a field goes; a computed one goes
    with its line.

    Bad: removing ``commit_date`` from ``derived``. Good: leaving it until nothing reads it.
    """
    before, after = (_derived(draft.pipeline.clickhouse) for draft in (pair.before, pair.after))
    if not after and pair.after.pipeline.clickhouse is None:
        return
    for name, type_ in before.items():
        if after.get(name) != type_:
            new = after.get(name)
            words = (
                f"the column {name} changes from {type_} to {new}"
                if new
                else (f"the column {name} is gone")
            )
            hint = "take it back; add another column beside it"
            yield pair.at(("clickhouse", "derived"), words, hint, type_, new)


@of_released
def column_type_kept(pair: VersionPair) -> Iterator[Violation]:
    """A column of the tables keeps its type.

    Why: its rows would all be written anew, and what does not fit is lost, so that
    `contractline apply tables` leaves the change to a person, and changes nothing else before.
    Only that a column takes NULL besides all that it holds, or more digits, apply brings by itself,
    where the table is not sorted by it.

    Bad: another type in ``types``. Good: another field beside the old one; a string that becomes
    ["null", "string"].
    """
    for one in column_changes(pair.before, pair.after):
        hint = f"add a field beside it; or look at the data, and after the merge: {one.by_hand}"
        words = (
            f"the column {one.name} changes from {one.old} to {one.new}; apply tables leaves it to"
            " you"
        )
        yield pair.at(("clickhouse",), words, hint, one.old, one.new)


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column of the tables that becomes of another type.

    Attributes:
        name: the column.
        old: its type before.
        new: its type now.
        by_hand: what changes it.
    """

    name: str
    old: str
    new: str
    by_hand: str


def column_changes(before: Draft, after: Draft) -> Iterator[ColumnChange]:
    """Yield the columns that become of another type by hand; nothing without tables."""
    sink = after.pipeline.clickhouse
    if sink is None:
        return
    now = _column_types(after)
    for name, old in _column_types(before).items():
        new = now.get(name, old)
        holds_more = new == nullable(old) or is_wider(new, old)
        if new != old and not (holds_more and name not in _order_by(after)):
            yield ColumnChange(name, old, new, _by_hand(after.name, sink, name, old, new))


def _order_by(draft: Draft) -> tuple[str, ...]:
    """Return the sorting key as it is written, or the key's fields; nothing without a table."""
    sink = draft.pipeline.clickhouse
    if sink is None:
        return ()
    return sink.order_by or tuple(
        field["name"] for field in (draft.key.fields if draft.key else ())
    )


def _derived(sink: ClickHouseSink | None) -> dict[str, str]:
    return {column.name: column.type for column in sink.derived} if sink else {}


def _column_types(draft: Draft) -> dict[str, str]:
    sink = draft.pipeline.clickhouse
    schemas = [version.schema for version in draft.versions("value")]
    if sink is None:
        return {}
    is_captured = isinstance(draft.pipeline.source, PostgresSource)
    mapped = map_versions(schemas, draft.properties, sink.types, is_captured=is_captured)
    return {column.name: column.type for column in mapped.columns}


def _by_hand(stream: str, sink: ClickHouseSink, column: str, old: str, new: str) -> str:
    tables = [table for table in (sink.current, sink.history) if table]
    return "; ".join(modify_column(table, stream, column, old, new) for table in tables)
