"""Rules about how the topic of a released contract may change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contractline.rules.changes.pair import VersionPair, of_released
from contractline.rules.rule import Violation


@of_released
def topic_kept(pair: VersionPair) -> Iterator[Violation]:
    """The topic of a released stream keeps its name.

    Why: producers, consumers, the consumer group of ClickHouse and the registry's subjects follow
    the name; the records of the old topic stay behind.

    Bad: ``name: commits`` where it was ``name: commits_topic``.
    Good: a new contract for the new topic, and both filled until every reader has moved.
    """
    hint = "take the old name back, or make a new contract for the new topic"
    yield from _kept(pair, "name", pair.before.pipeline.topic.name, hint)


@of_released
def partitions_only_grow(pair: VersionPair) -> Iterator[Violation]:
    """A topic never gets fewer partitions.

    Why: Kafka can't take a partition away.

    Bad: ``partitions: 3`` where it was ``partitions: 6``. Good: ``partitions: 12``.
    """
    before, after = pair.before.pipeline.topic.partitions, pair.after.pipeline.topic.partitions
    if after < before:
        words = f"{before} partitions become {after}"
        hint = f"write `partitions: {before}` or more"
        yield pair.at(("topic", "partitions"), words, hint, before, after)


@of_released
def keys_keep_partition(pair: VersionPair) -> Iterator[Violation]:
    """A topic with keys keeps its number of partitions.

    Why: the key decides the partition, by their number. With more of them a key goes on in another
    partition: its records are in order no longer, and compaction keeps the last one of each.

    Bad: ``partitions: 12`` where it was ``partitions: 3``. Good: a new topic with 12 partitions.
    """
    before, after = pair.before.pipeline.topic.partitions, pair.after.pipeline.topic.partitions
    if after > before and pair.after.key is not None:
        words = f"with {after} partitions instead of {before} most keys go to another one"
        hint = "a row's version still decides in ClickHouse; other readers see a key out of order"
        yield pair.at(("topic", "partitions"), words, hint, before, after)


@of_released
def replication_kept(pair: VersionPair) -> Iterator[Violation]:
    """A topic's records are not kept in fewer copies.

    Why: with fewer copies a broken disk loses records.

    Bad: ``replication: 1`` where it was ``replication: 3``. Good: ``replication: 3``.
    """
    before, after = pair.before.pipeline.topic.replication, pair.after.pipeline.topic.replication
    if before is not None and after is not None and after < before:
        words = f"{before} copies become {after}"
        hint = f"write `replication: {before}`"
        yield pair.at(("topic", "replication"), words, hint, before, after)


@of_released
def cleanup_kept(pair: VersionPair) -> Iterator[Violation]:
    """A topic keeps its way of cleaning up.

    Why: with ``delete`` a log from which everything could be rebuilt loses its old records; with
    ``compact`` a log of every event loses all but the last of each key. Neither comes back.

    Bad: ``cleanup: delete`` where it was ``cleanup: compact``. Good: ``cleanup: compact``.
    """
    hint = "take the old one back; what a topic drops does not come back"
    yield from _kept(pair, "cleanup", pair.before.pipeline.topic.cleanup, hint)


@of_released
def retention_kept(pair: VersionPair) -> Iterator[Violation]:
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
        yield pair.at(("topic", "retention"), words, "keep the old time, or a longer one")
    if after.min_compaction_lag < before.min_compaction_lag:
        words = f"records are safe from compaction for {after.min_compaction_lag}"
        words += f" instead of {before.min_compaction_lag}"
        yield pair.at(("topic", "minCompactionLag"), words, "keep the old time, or a longer one")


def _kept(pair: VersionPair, name: str, old: str, hint: str) -> Iterator[Violation]:
    new = getattr(pair.after.pipeline.topic, name)
    if new != old:
        words = f"the topic's {name} changes from {old} to {new}"
        yield pair.at(("topic", name), words, hint, old, new)
