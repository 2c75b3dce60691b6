"""What a contract says besides its schemas, as labels and words: for people who read or compare it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import (
    ClickHouseSink,
    PostgresSource,
    ProducerSource,
    Source,
    Topic,
)
from contractline.contracts.sla import owner_of

Facts = Mapping[str, str]
"""Words by label, in the order in which people ask for them."""


def facts(draft: Draft) -> Facts:
    """Return what a contract's document says of the stream as a whole.

    Raises:
        PartUnread: the document could not be read.
    """
    return dict(_facts(draft))


def field_facts(draft: Draft) -> Facts:
    """Return the classification of each field that has one.

    Raises:
        PartUnread: the document could not be read.
    """
    properties = [p for one in draft.odcs.schema_ or [] for p in one.properties or []]
    return {p.name: p.classification for p in properties if p.name and p.classification}


def fact_changes(before: Draft, after: Draft) -> tuple[str, ...]:
    """Return in words what differs between the documents of a contract."""
    try:
        pairs = [(facts(before), facts(after)), (_classified(before), _classified(after))]
    except PartUnread as problem:
        return (str(problem),)
    return tuple(words for old, new in pairs for words in _changes(old, new))


def duration(time: timedelta) -> str:
    """Return a time as people say it, such as ``600 ms`` or ``30 days``."""
    for unit, size in _UNITS.items():
        number, rest = divmod(time, size)
        if number and not rest:
            return f"{number} {unit if number == 1 or unit == 'ms' else f'{unit}s'}"
    return f"{time / timedelta(milliseconds=1):g} ms"


_UNITS = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def _classified(draft: Draft) -> Facts:
    return {f"classification of `{name}`": words for name, words in field_facts(draft).items()}


def _changes(old: Facts, new: Facts) -> Iterator[str]:
    for label in dict.fromkeys([*new, *old]):
        before, after = old.get(label), new.get(label)
        if before != after:
            yield f"{label}: {before or 'none'} → {after or 'none'}"


def _facts(draft: Draft) -> Iterator[tuple[str, str]]:
    odcs, pipeline = draft.odcs, draft.pipeline
    said = {
        "name": odcs.name,
        "status": odcs.status,
        "domain": odcs.domain,
        "owner": owner_of(odcs),
        "purpose": odcs.description.purpose if odcs.description else None,
        "usage": odcs.description.usage if odcs.description else None,
        "limitations": odcs.description.limitations if odcs.description else None,
    }
    yield from ((label, " ".join(words.split())) for label, words in said.items() if words)
    for promise in odcs.slaProperties or []:
        words = f"{promise.value} {promise.unit}" if promise.unit else str(promise.value)
        yield f"promised {promise.property}", words
    yield from _topic(pipeline.topic)
    yield "compatibility", pipeline.compatibility.value
    yield from _source(pipeline.source)
    if pipeline.clickhouse is not None:
        yield from _sink(pipeline.clickhouse)


def _topic(topic: Topic) -> Iterator[tuple[str, str]]:
    yield "topic", topic.name
    yield "partitions", str(topic.partitions)
    if topic.replication is not None:
        yield "copies of each partition", str(topic.replication)
    if topic.cleanup == "compact":
        yield "cleanup", "compact: the newest record of each key stays"
        if topic.min_compaction_lag:
            yield "every record stays at least", duration(topic.min_compaction_lag)
    else:
        yield "cleanup", "delete: records go by age"
        yield "records stay", duration(topic.retention) if topic.retention else "for ever"


def _source(source: Source) -> Iterator[tuple[str, str]]:
    match source:
        case ProducerSource():
            yield "source", "a producer"
        case PostgresSource():
            yield "source", f"the PostgreSQL table {source.table}"
            yield "connector", source.connector
            stop = "stop the stream" if source.uncontracted_columns == "stop" else "are reported"
            yield "columns that the contract lacks", stop
            nullify = source.unrepresentable_values == "nullify"
            become = "become null" if nullify else "stop the stream"
            yield "values that the topic can't hold", become
            yield "epoch", str(source.epoch)
        case _:
            yield "source", "the machinery"
            if source.connector:
                yield "connector", source.connector


def _sink(sink: ClickHouseSink) -> Iterator[tuple[str, str]]:
    yield "table", sink.current
    if sink.history:
        yield "table of every change", sink.history
    if sink.order_by:
        yield "sorting key", ", ".join(sink.order_by)
    if sink.version:
        order = [f"a record with {name}" for name in sink.version.rank]
        yield (
            "which record of a row wins",
            ", then ".join([*order, f"the latest {sink.version.latest}"]),
        )
    for column in sink.derived:
        yield f"derived column `{column.name}`", f"{column.type}, {column.expression}"
    for name, type_ in sink.types.items():
        yield f"column type of `{name}`", type_
