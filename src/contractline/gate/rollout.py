"""In which order a change goes into production, and why."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.contracts.change import StreamChange
from contractline.contracts.draft import PARTS, Draft, PartUnread
from contractline.contracts.model import PostgresSource
from contractline.gate.report import Step

_READERS_FIRST = (
    "writers take a new version as soon as it is registered, and a table that does not know its"
    " fields would lose them"
)


def rollout(change: StreamChange, ddl: str) -> tuple[Step, ...]:
    """Return the steps of bringing a change into production; none when nothing is to do.

    Args:
        change: the contract before and after.
        ddl: the difference of its SQL; empty without one.
    """
    if change.after is None:
        return tuple(_removal())
    try:
        return tuple(_steps(change.before, change.after, has_ddl=bool(ddl)))
    except PartUnread:
        return ()


def _steps(before: Draft | None, after: Draft, *, has_ddl: bool) -> Iterator[Step]:
    source = after.pipeline.source
    is_captured = isinstance(source, PostgresSource)
    topic_differs = before is None or before.pipeline.topic != after.pipeline.topic
    has_versions = _released(after) > (_released(before) if before else set())
    if topic_differs:
        yield Step("`contractline apply topics`", "everything else reads or writes the topic")
    if has_ddl:
        why = _READERS_FIRST if has_versions else "the SQL of the tables changes"
        yield Step("`contractline apply tables`", why)
    if is_captured and has_versions and before is not None:
        why = (
            "until its version is registered, a new column is kept out or stops the task, as the"
            " contract says"
        )
        yield Step("`ALTER TABLE` in PostgreSQL", why)
    if has_versions:
        why = "then producers follow the newest version without a restart"
        yield Step("`contractline apply schemas`", why)
    if is_captured and (before is None or has_versions or before.pipeline.source != source):
        why = "the converter looks the exact schema up, so it comes after the schemas"
        yield Step("`contractline apply connectors`", why)


def _removal() -> Iterator[Step]:
    yield Step("stop what writes the stream", "a record without a contract has no reader")
    yield Step("`contractline plan`", "it names what is left in Kafka and ClickHouse")


def _released(draft: Draft) -> set[str]:
    return {version.file.name for part in PARTS for version in draft.versions(part)}
