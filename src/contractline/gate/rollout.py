"""In which order a change goes into production, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contractline.contracts.change import StreamChange
from contractline.contracts.draft import PARTS, Draft, PartUnread
from contractline.contracts.model import PostgresSource
from contractline.finding import Effect
from contractline.gate.report import CheckStep, Verdict
from contractline.gate.verdicts import NEWER, OLDER
from contractline.rules.changes.tables import column_changes

_READERS_FIRST = (
    "writers take a new version as soon as it is registered, and a table that does not know its"
    " fields would lose them"
)


def rollout(change: StreamChange, ddl: str, verdicts: Sequence[Verdict]) -> tuple[CheckStep, ...]:
    """Return the steps of bringing a change into production; none when nothing is to do.

    Args:
        change: the contract before and after.
        ddl: the difference of its SQL; empty without one.
        verdicts: what the change means for its readers.
    """
    if change.after is None:
        return tuple(_removal())
    try:
        harmed = {verdict.reader for verdict in verdicts if verdict.outcome is not Effect.OK}
        return tuple(_steps(change.before, change.after, harmed, has_ddl=bool(ddl)))
    except PartUnread:
        return ()


def _steps(
    before: Draft | None, after: Draft, harmed: set[str], *, has_ddl: bool
) -> Iterator[CheckStep]:
    source = after.pipeline.source
    is_captured = isinstance(source, PostgresSource)
    topic_differs = before is None or before.pipeline.topic != after.pipeline.topic
    has_versions = _released(after) > (_released(before) if before else set())
    if topic_differs:
        yield CheckStep("`contractline apply topics`", "everything else reads or writes the topic")
    for column in column_changes(before, after) if before and has_ddl else ():
        why = (
            f"`apply tables` waits for it, since all rows of `{column.name}` are written anew: look"
            " at the data first"
        )
        yield CheckStep(f"`{column.by_hand}`", why)
    if has_ddl:
        why = _READERS_FIRST if has_versions else "the SQL of the tables changes"
        yield CheckStep("`contractline apply tables`", why)
    if is_captured and has_versions and before is not None:
        why = (
            "until its version is registered, a new column is kept out or stops the task, as the"
            " contract says"
        )
        yield CheckStep("`ALTER TABLE` in PostgreSQL", why)
    if has_versions and OLDER in harmed:
        yield CheckStep(
            "update the consumers of Avro", "with the old schema they can't read new records"
        )
    if has_versions:
        why = "then producers follow the newest version without a restart"
        yield CheckStep("`contractline apply schemas`", why)
    source_differs = before is None or before.pipeline.source != source
    if is_captured and source_differs:
        why = "Debezium reads what the publication holds and its role may read"
        yield CheckStep("`contractline apply postgres`", why)
    if is_captured and (has_versions or source_differs):
        why = "the converter looks the exact schema up, so it comes after the schemas"
        yield CheckStep("`contractline apply connectors`", why)
    if has_versions and NEWER in harmed:
        why = "with the new schema they can't read old records, which stay in the topic"
        yield CheckStep("leave consumers that read old records on the old schema", why)


def _removal() -> Iterator[CheckStep]:
    yield CheckStep("stop what writes the stream", "a record without a contract has no reader")
    yield CheckStep("`contractline plan`", "it names what is left in Kafka and ClickHouse")


def _released(draft: Draft) -> set[str]:
    return {version.file.name for part in PARTS for version in draft.versions(part)}
