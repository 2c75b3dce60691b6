"""Rules that hold a CDC contract against what Debezium really makes of the SQL in connect/postgres."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contractline.avro.diff import differences as schema_differences
from contractline.avro.schema import Schema
from contractline.contracts.captured import CapturedSource
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import Part, PostgresSource
from contractline.debezium.nulls import nulls_become_defaults
from contractline.debezium.types import ColumnDifference, differences
from contractline.finding import TOP, Finding, RuleId, Severity
from contractline.rules.cdc import is_nullable
from contractline.rules.rule import Violation

COMMAND = "`contractline generate cdc` tries it on the real PostgreSQL and Debezium, in 20 s"

_MATCHES = RuleId("CDC_CAPTURE_MATCHES")


def cdc_capture_current(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """connect/captured is what Debezium makes of the SQL and the connectors as they are now.

    Why: a contract is held against it. Made from other SQL, it would let a change of a table pass
    that stops the connector later.

    Bad: adding a column in connect/postgres/030_github_users.sql, and nothing else.
    Good: the same, then `contractline generate cdc`, which runs the real PostgreSQL and Debezium.
    """
    spoilt = next((one for one in drafts if one.capture.problem and _table(one)), None)
    if spoilt is not None:
        words = f"the capture can't be used: {spoilt.capture.problem}"
        yield spoilt, Violation(words, COMMAND, file=spoilt.capture.file)
        return
    streams = [(draft, source) for draft in drafts if (source := _declared(draft))]
    if not streams:
        return
    capture = streams[0][0].capture
    if capture.index is None:
        for draft, source in streams:
            words = f"Debezium's schemas of {source.table} were never captured"
            yield draft, Violation(words, COMMAND, file=source.file, position=TOP)
    else:
        by_file = {source.name: draft for draft, source in streams}
        for changed in capture.changed:
            words = f"{changed.name} changed since Debezium's schemas were captured"
            draft = by_file.get(changed.name, streams[0][0])
            yield draft, Violation(words, COMMAND, file=changed.file)
        for name in capture.removed:
            words = f"{name} is gone since Debezium's schemas were captured"
            yield streams[0][0], Violation(words, COMMAND, file=capture.file)
        if capture.is_current:
            yield from _other_keys(streams)


def cdc_capture_matches(draft: Draft) -> Iterator[Violation | Finding]:
    """The schemas of a captured table are what Debezium makes of its SQL.

    A column that the contract does not hold is a warning under `uncontractedColumns: report`.

    Why: the converter looks every record's exact schema up. After a change of the table's SQL that
    the contract does not follow it finds none, and the connector stops, for all of its tables.

    Bad: `team text` in the SQL, where the contract says `"type": "string"`.
    Good: `team text NOT NULL`; or a new version with `["null", "string"]`.
    """
    source = _declared(draft)
    topic = draft.pipeline.topic.name if source else ""
    if source is None or not draft.capture.is_current or _key_differs(draft):
        return
    for part, schema in draft.working():
        captured = draft.capture.schema(topic, part)
        if captured is not None:
            yield from _unlike(draft, source, part, schema, captured)


def cdc_null_kept(draft: Draft) -> Iterator[Violation]:
    """The connector of a field that takes null and has a default lets null pass.

    Why: Kafka Connect answers with a field's default where its value is null. Where neither the
    unwrap transform nor the converter is told not to ask so, every NULL of the column arrives as
    the column's default, and no reader can tell.

    Bad: a template whose only transform is the unwrap, with its settings as they are.
    Good: `transforms.unwrap.replace.null.with.default` is false, and the last transform is a
    `contractline.connect.KeepNulls`; or `value.converter.ignore.default.for.nullables` is true in
    its place (Confluent's converter from 7.3 on).
    """
    if not _table(draft):
        return
    template = _template(draft)
    missing = nulls_become_defaults(template) if template else ""
    for part, schema in draft.working() if missing else ():
        for at, field in schema.all_fields():
            if part == "value" and is_nullable(field) and field.get("default") is not None:
                yield Violation(
                    f"NULL arrives as the default {field['default']!r}",
                    f"{_template_name(draft)} lacks {missing}",
                    at,
                    draft.file(part),
                )


def _template_name(draft: Draft) -> str:
    source = draft.pipeline.source
    connector = source.connector if isinstance(source, PostgresSource) else ""
    return f"connect/connectors/{connector}.json"


def _template(draft: Draft) -> Mapping[str, object]:
    """Return the template of a stream's connector; nothing where it can't be read."""
    name = _template_name(draft)
    text = next((source.text for source in draft.capture.sources if source.name == name), "")
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return template if isinstance(template, dict) else {}


def _declared(draft: Draft) -> CapturedSource | None:
    """Return the SQL that creates a stream's table; None for tables that are somebody else's."""
    table = _table(draft)
    return draft.capture.creator(table) if table else None


def _table(draft: Draft) -> str:
    """Return the PostgreSQL table of a stream; empty for streams of another source."""
    try:
        source = draft.pipeline.source
    except PartUnread:
        return ""
    return source.table if isinstance(source, PostgresSource) else ""


def _other_keys(
    streams: Sequence[tuple[Draft, CapturedSource]],
) -> Iterator[tuple[Draft, Violation]]:
    """Yield the streams whose key is not the one that was captured, or that were not captured."""
    for draft, source in streams:
        topic = draft.pipeline.topic.name
        captured = draft.capture.columns(topic)
        if captured is None:
            words = f"Debezium's schemas of {source.table} were never captured as {topic}"
            yield draft, Violation(words, COMMAND, file=source.file, position=TOP)
        elif _key_differs(draft):
            words = f"the capture has the key ({', '.join(captured)}), key.avsc another one"
            yield draft, Violation(words, COMMAND, file=draft.file("key"))


def _key_differs(draft: Draft) -> bool:
    try:
        key = draft.key
    except PartUnread:
        return False
    names = [field["name"] for field in key.fields] if key else []
    captured = draft.capture.columns(draft.pipeline.topic.name)
    return captured is not None and list(captured) != names


def _unlike(
    draft: Draft, source: CapturedSource, part: Part, schema: Schema, captured: Schema
) -> Iterator[Violation | Finding]:
    names = {field["name"] for field in schema.fields}
    held = [field for field in captured.fields if field["name"] in names]
    version = f"{draft.name}/{part}.avsc"
    wrong = differences(source.table, _columns(held), version, _columns(schema.fields))
    for one in wrong:
        yield _mismatch(draft, source, part, one)
    for field in _columns(captured.fields):
        if field["name"] not in names:
            yield _uncontracted(draft, source, part, field["name"])
    same = Schema(captured.definition | {"fields": held}, captured.where)
    if not wrong and same != schema:
        words = "; ".join(schema_differences(schema, same)) or f"its record is {same.full_name}"
        hint = f"write {part}.avsc as {captured.where} has it"
        yield Violation(f"Debezium makes another schema: {words}", hint, (), draft.file(part))


def _columns(fields: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [field for field in fields if not field["name"].startswith("__")]


def _mismatch(
    draft: Draft, source: CapturedSource, part: Part, difference: ColumnDifference
) -> Violation:
    where = f"put the column back in {source.name}"
    hint = f"{where}, or bring {part}.avsc to it and `contractline release {draft.name}`"
    if part == "key":
        hint = f"{where}: a key never changes"
    words = f"{difference.words}: the connector stops at the next change of the table"
    return Violation(words, hint, file=source.file, position=source.position(difference.column))


def _uncontracted(draft: Draft, source: CapturedSource, part: Part, column: str) -> Finding:
    postgres = draft.pipeline.source
    stops = isinstance(postgres, PostgresSource) and postgres.uncontracted_columns == "stop"
    then = "the connector stops" if stops else "it is kept out of the topic"
    captured = f"{draft.pipeline.topic.name}-{part}.avsc"
    return Finding(
        _MATCHES,
        Severity.ERROR if stops else Severity.WARNING,
        draft.name,
        f"{source.table} has a column `{column}` that {draft.name}/{part}.avsc does not hold: {then}",
        f"add its field before `__deleted`, as {captured} in connect/captured has it, and"
        f" `contractline release {draft.name}`; or take the column out of the SQL",
        source.file,
        source.position(column),
    )
