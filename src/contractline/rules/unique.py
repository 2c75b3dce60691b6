"""Rules about what only one contract may claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from contractline.avro.paths import Steps
from contractline.clickhouse.ddl import SHARED, machinery
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import PostgresSource
from contractline.contracts.places import section
from contractline.rules.rule import Violation
from contractline.rules.sink import tables

Claim = tuple[str, str, Steps]
"""What makes two claims one, the claim in words, and its place."""

Claims = Callable[[Draft], list[Claim]]


def topic_unique(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """Each topic has one contract. Names that differ only in dots and underscores are one name.

    Why: two contracts would promise different things about the same records. Kafka refuses a
    second topic whose name differs only so, since its metrics would collide.

    Bad: two contracts with ``name: commits_topic``. Good: one of them.
    """
    yield from _twice(drafts, _topic, "give each stream its own topic")


def contract_id_unique(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """Each id, and each folder's name, is that of one contract, the system's included.

    Why: the id names the stream in every command.

    Bad: contracts/cursors beside contracts/system/cursors. Good: another name.
    """
    yield from _twice(drafts, _id, "rename one of them")


def source_table_unique(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """Each table of a connector has one contract.

    Why: its changes go to one topic.

    Bad: two contracts with ``table: public.github_users``. Good: one of them.
    """
    yield from _twice(drafts, _source_table, "keep one of the contracts")


def sink_table_unique(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """Each ClickHouse table is filled by one stream, as its ``current`` or its ``history``.

    Why: rows of two streams in one table replace each other. The tables in the database
    ``ingestion`` are named after the stream, and three of them belong to all streams: ``errors``,
    ``arrivals`` and ``quality_results``.

    Bad: ``current: github.users`` in two contracts; a contract ``errors``; ``orders_queue`` beside
    ``orders``. Good: a table each, another name.
    """
    yield from _twice(drafts, _sink_tables, "give each its own table")
    yield from _twice(drafts, _machinery, "give the contract another name")
    for claims in (_sink_tables, _machinery):
        for draft, (table, words, at) in _claimed(drafts, claims):
            if table in SHARED:
                yield draft, Violation(f"{words} belongs to all streams", "choose another name", at)


def _twice(drafts: Sequence[Draft], claims: Claims, hint: str) -> Iterator[tuple[Draft, Violation]]:
    claimed: dict[str, Draft] = {}
    for draft, (claim, words, at) in _claimed(drafts, claims):
        if claim in claimed:
            owner = claimed[claim]
            folder = f"{owner.folder.parent.name}/{owner.name}"
            words += " stands here twice" if owner is draft else f" is also that of {folder}"
            yield draft, Violation(words, hint, at)
        claimed[claim] = draft


def _claimed(drafts: Sequence[Draft], claims: Claims) -> Iterator[tuple[Draft, Claim]]:
    for draft in drafts:
        with suppress(PartUnread):
            yield from ((draft, claim) for claim in claims(draft))


def _topic(draft: Draft) -> list[Claim]:
    name = draft.pipeline.topic.name
    at = section(draft, "topic", "name")
    return [(name.replace(".", "_"), f"the topic {name}", at)]


def _id(draft: Draft) -> list[Claim]:
    names = {draft.name, draft.odcs.id or draft.name}
    return [(name, f"the name `{name}`", ("id",)) for name in sorted(names)]


def _source_table(draft: Draft) -> list[Claim]:
    source = draft.pipeline.source
    if not isinstance(source, PostgresSource):
        return []
    at = section(draft, "source", "table")
    return [(f"{source.connector}/{source.table}", f"the table {source.table}", at)]


def _sink_tables(draft: Draft) -> list[Claim]:
    sink = draft.pipeline.clickhouse
    if sink is None:
        return []
    return [
        (table, f"the table {table}", section(draft, "clickhouse", name))
        for name, table in tables(sink)
    ]


def _machinery(draft: Draft) -> list[Claim]:
    if draft.pipeline.clickhouse is None:
        return []
    return [(name, f"the table {name}", ("id",)) for name in machinery(draft.name)]
