"""Rules about how a released contract may change.

They compare the contract at the base with the one in the checkout. A contract that was never
released promised nothing yet, so nothing here speaks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

from contractline.avro.compatibility import Direction
from contractline.avro.paths import Steps
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import ODCS_FILE, PARTS, VERSIONS, Draft
from contractline.contracts.model import ClickHouseSink, PostgresSource
from contractline.contracts.promises import LatencyInvalid, owner_of, promised_latency
from contractline.contracts.sums import NAME as SUMS
from contractline.mapping.sql import identifier
from contractline.mapping.types import map_versions
from contractline.rules.places import section
from contractline.rules.rule import HandlerOfChange, Violation

PERSONAL = "pii"
"""The classification of personal data."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A released contract that is still there, before and after."""

    before: Draft
    after: Draft


def _of_released(handler: Callable[[_Pair], Iterator[Violation]]) -> HandlerOfChange:
    """Make a handler that looks only at contracts that were released and are still there."""

    @wraps(handler)
    def looking(change: StreamChange) -> Iterator[Violation]:
        before, after = change.before, change.after
        if before is not None and after is not None and before.newest_number("value"):
            yield from handler(_Pair(before, after))

    return looking


def contract_kept(change: StreamChange) -> Iterator[Violation]:
    """A released contract is not removed, and its folder is not renamed.

    Why: its topic still holds records, and its readers still read. Nothing describes them any
    more, and the next apply leaves their tables without an owner.

    Bad: removing contracts/commits, or renaming it to contracts/git_commits.
    Good: keeping it until its topic is empty, and then a waiver in
    contracts/commits/waivers/CONTRACT_KEPT.yaml that says where readers went.
    """
    if change.after is None and change.before and change.before.newest_number("value"):
        hint = "take it back from git; waivers/CONTRACT_KEPT.yaml in its folder agrees to it"
        yield Violation("the contract was released and is gone", hint)


@_of_released
def released_version_kept(pair: _Pair) -> Iterator[Violation]:
    """A released file is still there, and holds what it held at the base.

    Why: records written with it lie in the topic. SHA256SUMS tells when a released file alone
    changes; this tells when its record in SHA256SUMS changes with it.

    Bad: a change of versions/value.v2.avsc together with versions/SHA256SUMS.
    Good: a change of value.avsc, and `contractline release commits`.
    """
    before, after = pair.before.released, pair.after.released
    folder = pair.after.folder / VERSIONS
    meanings = {v.file.name: v.schema for part in PARTS for v in pair.after.versions(part)}
    hint = "take it back from git; released versions never change"
    for version in (v for part in PARTS for v in pair.before.versions(part)):
        name = version.file.name
        old, new = before.digests.get(name), after.digests.get(name)
        if name not in after.names:
            yield Violation(f"{name} was released and is gone", hint, file=folder / SUMS)
        elif name in meanings and meanings[name] != version.schema:
            words = f"{name} means something else than when it was released"
            yield Violation(words, hint, (), folder / name, old=old, new=new)
        elif old is not None and new is not None and old != new:
            words = f"{name} changed after its release"
            yield Violation(words, hint, (), folder / name, old=old, new=new)


@_of_released
def key_kept(pair: _Pair) -> Iterator[Violation]:
    """The key's schema means what it meant when the stream was released.

    Why: the schema's id is part of the key's bytes. With another one the same key goes to another
    partition, and compaction keeps both.

    Bad: a change of key.avsc, versions/key.v1.avsc and SHA256SUMS at once.
    Good: a new stream with its own topic.
    """
    before, after = pair.before.key, pair.after.key
    if before != after and pair.before.versions("key"):
        words = "the key is gone" if after is None else "the key means something else"
        hint = "take the change back; a stream with another key is another stream"
        yield Violation(words, hint, (), pair.after.file("key"))


@_of_released
def topic_kept(pair: _Pair) -> Iterator[Violation]:
    """The topic of a released stream keeps its name.

    Why: producers, consumers, the consumer group of ClickHouse and the registry's subjects follow
    the name; the records of the old topic stay behind.

    Bad: ``name: commits`` where it was ``name: commits_topic``.
    Good: a new contract for the new topic, and both filled until every reader has moved.
    """
    hint = "take the old name back, or make a new contract for the new topic"
    yield from _kept(pair, "name", pair.before.pipeline.topic.name, hint)


@_of_released
def partitions_only_grow(pair: _Pair) -> Iterator[Violation]:
    """A topic never gets fewer partitions.

    Why: Kafka can't take a partition away.

    Bad: ``partitions: 3`` where it was ``partitions: 6``. Good: ``partitions: 12``.
    """
    before, after = pair.before.pipeline.topic.partitions, pair.after.pipeline.topic.partitions
    if after < before:
        words = f"{before} partitions become {after}"
        hint = f"write `partitions: {before}` or more"
        yield _at(pair, ("topic", "partitions"), words, hint, before, after)


@_of_released
def keys_keep_partition(pair: _Pair) -> Iterator[Violation]:
    """A topic with keys keeps its number of partitions.

    Why: the key decides the partition, by their number. With more of them a key goes on in another
    partition: its records are in order no longer, and compaction keeps the last one of each.

    Bad: ``partitions: 12`` where it was ``partitions: 3``. Good: a new topic with 12 partitions.
    """
    before, after = pair.before.pipeline.topic.partitions, pair.after.pipeline.topic.partitions
    if after > before and pair.after.key is not None:
        words = f"with {after} partitions instead of {before} most keys go to another one"
        hint = "a row's version still decides in ClickHouse; other readers see a key out of order"
        yield _at(pair, ("topic", "partitions"), words, hint, before, after)


@_of_released
def replication_kept(pair: _Pair) -> Iterator[Violation]:
    """A topic's records are not kept in fewer copies.

    Why: with fewer copies a broken disk loses records.

    Bad: ``replication: 1`` where it was ``replication: 3``. Good: ``replication: 3``.
    """
    before, after = pair.before.pipeline.topic.replication, pair.after.pipeline.topic.replication
    if before is not None and after is not None and after < before:
        words = f"{before} copies become {after}"
        hint = f"write `replication: {before}`"
        yield _at(pair, ("topic", "replication"), words, hint, before, after)


@_of_released
def cleanup_kept(pair: _Pair) -> Iterator[Violation]:
    """A topic keeps its way of cleaning up.

    Why: with ``delete`` a log from which everything could be rebuilt loses its old records; with
    ``compact`` a log of every event loses all but the last of each key. Neither comes back.

    Bad: ``cleanup: delete`` where it was ``cleanup: compact``. Good: ``cleanup: compact``.
    """
    hint = "take the old one back; what a topic drops does not come back"
    yield from _kept(pair, "cleanup", pair.before.pipeline.topic.cleanup, hint)


@_of_released
def retention_kept(pair: _Pair) -> Iterator[Violation]:
    """Records are not kept for a shorter time, nor compacted sooner.

    Why: readers that were away for less than the promised time come back to lost records.

    Bad: ``retention: P1D`` where it was ``retention: P7D``. Good: ``retention: P14D``.
    """
    before, after = pair.before.pipeline.topic, pair.after.pipeline.topic
    if after.cleanup != before.cleanup:
        return
    if after.retention is not None and (before.retention or timedelta.max) > after.retention:
        was = f"{before.retention}" if before.retention is not None else "for ever"
        words = f"records stay {after.retention} instead of {was}"
        yield _at(pair, ("topic", "retention"), words, "keep the old time, or a longer one")
    if after.min_compaction_lag < before.min_compaction_lag:
        words = f"records are safe from compaction for {after.min_compaction_lag}"
        words += f" instead of {before.min_compaction_lag}"
        yield _at(pair, ("topic", "minCompactionLag"), words, "keep the old time, or a longer one")


@_of_released
def compatibility_kept(pair: _Pair) -> Iterator[Violation]:
    """The compatibility level promises at least what it promised.

    Why: readers rely on it: with BACKWARD instead of FULL_TRANSITIVE an old consumer may find
    records that it can't read.

    Bad: ``value: NONE`` where it was ``value: FULL_TRANSITIVE``. Good: ``value: FULL_TRANSITIVE``.
    """
    before, after = pair.before.pipeline.compatibility, pair.after.pipeline.compatibility
    lost = [d for d in before.directions if d not in after.directions]
    is_shorter = before.is_transitive and not after.is_transitive and bool(before.directions)
    if lost or is_shorter:
        words = f"{after} promises less than {before}: {_lost(lost)}"
        hint = f"keep {before}; one change that needs less has a waiver"
        yield _at(pair, ("compatibility",), words, hint, before, after)


@_of_released
def source_kept(pair: _Pair) -> Iterator[Violation]:
    """A stream keeps its source: who writes it, the PostgreSQL table, the connector.

    Why: another table or connector begins with a snapshot of its own, and its log positions do not
    compare with the old ones.

    Bad: ``table: public.people`` where it was ``table: public.github_users``.
    Good: a new contract for the new table.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    old, new = (one.model_dump(by_alias=True) for one in (before, after))
    for name in ("kind", "table", "connector"):
        if old.get(name) != new.get(name):
            words = f"the source's {name} changes from {old.get(name)} to {new.get(name)}"
            hint = "take the old one back, or make a new contract"
            yield _at(pair, ("source", name), words, hint, old.get(name), new.get(name))
            return


@_of_released
def epoch_only_grows(pair: _Pair) -> Iterator[Violation]:
    """The ``epoch`` of a PostgreSQL source never goes back.

    Why: it stands before the log position in every row's version, so rows of a lower epoch lose
    against those that are there.

    Bad: ``epoch: 1`` where it was ``epoch: 2``. Good: ``epoch: 3`` after another restore.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    if not (isinstance(before, PostgresSource) and isinstance(after, PostgresSource)):
        return
    if after.epoch < before.epoch:
        words = f"the epoch goes back from {before.epoch} to {after.epoch}"
        hint = f"write `epoch: {before.epoch}`"
        yield _at(pair, ("source", "epoch"), words, hint, before.epoch, after.epoch)


@_of_released
def uncontracted_columns_kept(pair: _Pair) -> Iterator[Violation]:
    """A stream that stops at a column outside of the contract goes on doing so.

    Why: with ``report`` such a column is left out of the stream and only said. Readers that counted
    on every column miss it.

    Bad: ``uncontractedColumns: report`` where it was ``uncontractedColumns: stop``.
    Good: ``uncontractedColumns: stop``.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    if not (isinstance(before, PostgresSource) and isinstance(after, PostgresSource)):
        return
    if before.uncontracted_columns == "stop" != after.uncontracted_columns:
        words = "a column outside of the contract no longer stops the stream"
        hint = "say in the pull request who reads `contractline plan connectors` from now on"
        place = ("source", "uncontractedColumns")
        old, new = before.uncontracted_columns, after.uncontracted_columns
        yield _at(pair, place, words, hint, old, new)


@_of_released
def target_table_kept(pair: _Pair) -> Iterator[Violation]:
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
            yield _at(pair, ("clickhouse", name), words, hint, old, new)


@_of_released
def order_by_kept(pair: _Pair) -> Iterator[Violation]:
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
        yield _at(pair, ("clickhouse", "orderBy"), words, hint, before, after)


@_of_released
def row_version_kept(pair: _Pair) -> Iterator[Violation]:
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
    yield _at(pair, ("clickhouse", "version"), words, hint)


@_of_released
def derived_column_kept(pair: _Pair) -> Iterator[Violation]:
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
            yield _at(pair, ("clickhouse", "derived"), words, hint, type_, new)


@_of_released
def column_type_kept(pair: _Pair) -> Iterator[Violation]:
    """A column of the tables keeps its type.

    Why: its rows would all be written anew, and what does not fit is lost, so that
    `contractline apply tables` leaves the change to a person. Until then nothing new is read.

    Bad: a string that becomes ["null", "string"]; another type in ``types``.
    Good: another field beside the old one.
    """
    sink = pair.after.pipeline.clickhouse
    if sink is None:
        return
    before, after = (_column_types(draft) for draft in (pair.before, pair.after))
    for name, old in before.items():
        new = after.get(name, old)
        if new != old:
            by_hand = _by_hand(sink, name, new)
            hint = f"add a field beside it; or look at the data, and after the merge: {by_hand}"
            words = f"the column {name} changes from {old} to {new}; apply tables leaves it to you"
            yield _at(pair, ("clickhouse",), words, hint, old, new)


@_of_released
def latency_kept(pair: _Pair) -> Iterator[Violation]:
    """The promised time from produced to visible does not grow.

    Why: people built on it. The pace of Debezium and ClickHouse follows from it.

    Bad: ``value: 5`` and ``unit: s`` where it was ``value: 600`` and ``unit: ms``.
    Good: ``value: 500`` and ``unit: ms``.
    """
    before, after = _latency(pair.before), _latency(pair.after)
    if before is not None and (after is None or after > before):
        new = _milliseconds(after) if after else "nothing"
        words = f"the promised latency was {_milliseconds(before)} and is {new}"
        hint = "tell the readers, and say in the pull request that they agreed"
        yield Violation(words, hint, _latency_place(pair.after), old=before, new=after)


@_of_released
def personal_data_kept(pair: _Pair) -> Iterator[Violation]:
    """A field that holds personal data stays marked as such.

    Why: what protects it (masks, rights, erasure) follows the mark.

    Bad: removing ``classification: pii`` from ``author_email``.
    Good: leaving it for as long as the field is there.
    """
    before, after = _classes(pair.before), _classes(pair.after)
    for position, field in enumerate(pair.after.value.fields):
        name = field["name"]
        old, new = before.get(name), after.get(name)
        if old == PERSONAL != new:
            words = f"`{name}` is no longer marked as personal data"
            hint = f"write `classification: {PERSONAL}` in {ODCS_FILE}"
            at, file = ("fields", position), pair.after.file("value")
            yield Violation(words, hint, at, file, old=old, new=new)


@_of_released
def owner_kept(pair: _Pair) -> Iterator[Violation]:
    """The owner stays, or the new one agrees.

    Why: who owns a stream answers for it, day and night.

    Bad: another owner without a word from them. Good: the new owner approves the pull request.
    """
    before, after = owner_of(pair.before.odcs), owner_of(pair.after.odcs)
    if before and after and before != after:
        words = f"the owner changes from {before} to {after}"
        yield Violation(
            words, f"{after} approves the pull request", ("team",), old=before, new=after
        )


def _kept(pair: _Pair, name: str, old: str, hint: str) -> Iterator[Violation]:
    new = getattr(pair.after.pipeline.topic, name)
    if new != old:
        words = f"the topic's {name} changes from {old} to {new}"
        yield _at(pair, ("topic", name), words, hint, old, new)


def _at(
    pair: _Pair,
    place: tuple[str, ...],
    words: str,
    hint: str,
    old: object = None,
    new: object = None,
) -> Violation:
    return Violation(words, hint, section(pair.after, *place), old=old, new=new)


def _lost(directions: list[Direction]) -> str:
    words = {
        Direction.BACKWARD: "new readers may fail on old records",
        Direction.FORWARD: "old readers may fail on new records",
    }
    lost = [words[direction] for direction in directions]
    return ", ".join(lost) or "it counts only the version before"


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
    return {c.name: c.type for c in map_versions(schemas, draft.properties, sink.types).columns}


def _by_hand(sink: ClickHouseSink, column: str, type_: str) -> str:
    tables = [table for table in (sink.current, sink.history) if table]
    return "; ".join(
        f"ALTER TABLE {table} MODIFY COLUMN {identifier(column)} {type_}" for table in tables
    )


def _latency(draft: Draft) -> timedelta | None:
    try:
        return promised_latency(draft.odcs)
    except LatencyInvalid:
        return None


def _milliseconds(time: timedelta) -> str:
    return f"{time / timedelta(milliseconds=1):g} ms"


def _latency_place(draft: Draft) -> Steps:
    for position, sla in enumerate(draft.odcs.slaProperties or []):
        if sla.property == "latency":
            return ("slaProperties", position, "value")
    return ("slaProperties",)


def _classes(draft: Draft) -> dict[str, str | None]:
    """Return the classification of each described field."""
    described = (item for one in draft.odcs.schema_ or [] for item in one.properties or [])
    return {item.name: item.classification for item in described if item.name}
