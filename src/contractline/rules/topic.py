"""Rules about topics and keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contractline.avro.paths import Steps
from contractline.avro.schema import type_meaning
from contractline.contracts.draft import Draft
from contractline.contracts.places import section
from contractline.rules.rule import Violation


def compaction_needs_key(draft: Draft) -> Iterator[Violation]:
    """A compacted topic has a key: a stream without key.avsc uses ``cleanup: delete``.

    Why: compaction keeps the newest record of each key, so a broker refuses records without one.

    Bad: ``cleanup: compact`` and no key.avsc. Good: ``cleanup: delete`` with a ``retention``.
    """
    if draft.key is None and draft.pipeline.topic.cleanup == "compact":
        hint = "add a key.avsc, or write `cleanup: delete`"
        yield Violation(
            "the topic is compacted and the stream has no key", hint, _topic(draft, "cleanup")
        )


def cleanup_setting_used(draft: Draft) -> Iterator[Violation]:
    """``retention`` goes with ``cleanup: delete``, ``minCompactionLag`` with ``cleanup: compact``.

    Why: the other one is ignored, and the promise that it seems to make is not kept.

    Bad: ``cleanup: compact`` with ``retention: P7D``.
    Good: ``cleanup: compact`` with ``minCompactionLag: P7D``.
    """
    topic = draft.pipeline.topic
    if topic.cleanup == "compact" and topic.retention is not None:
        hint = "remove it, or write `cleanup: delete`"
        yield Violation("a compacted topic ignores it", hint, _topic(draft, "retention"))
    if topic.cleanup == "delete" and topic.min_compaction_lag > timedelta(0):
        hint = "remove it, or write `cleanup: compact`"
        words = "a topic that is not compacted ignores it"
        yield Violation(words, hint, _topic(draft, "minCompactionLag"))


def schema_is_record(draft: Draft) -> Iterator[Violation]:
    """The schemas of value and key are records.

    Why: fields can be added to a record and to nothing else, and columns come from fields.

    Bad: ``"string"``. Good: ``{"type": "record", "name": "Commit", "fields": […]}``.
    """
    for part, schema in draft.working():
        if not (isinstance(schema.definition, dict) and schema.definition["type"] == "record"):
            words = f"the {part} is not a record"
            yield Violation(words, "put it into a record of one field", (), draft.file(part))


def key_fields_in_value(draft: Draft) -> Iterator[Violation]:
    """Where ClickHouse reads the stream, each field of the key is a field of the value.

    Both have the same type.

    Why: ClickHouse reads the value only, and sorts by the key.

    Bad: key.avsc holds ``repository`` and value.avsc does not.
    Good: both hold ``{"name": "repository", "type": "string", …}``.
    """
    if draft.key is None or draft.pipeline.clickhouse is None:
        return
    fields = {field["name"]: field for field in draft.value.fields}
    for position, field in enumerate(draft.key.fields):
        at: Steps = ("fields", position)
        name = field["name"]
        if name not in fields:
            words = f"the key's field `{name}` is missing in the value"
            yield Violation(words, "add it to value.avsc", at, draft.file("key"))
        elif type_meaning(field["type"]) != type_meaning(fields[name]["type"]):
            words = f"the key's field `{name}` has another type in the value"
            yield Violation(words, "give both the same type", (*at, "type"), draft.file("key"))


def _topic(draft: Draft, name: str) -> Steps:
    return section(draft, "topic", name)
