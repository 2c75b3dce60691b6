"""Rules about streams that Debezium writes: their schemas are looked up exactly as it makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import PostgresSource, ProducerSource, SystemSource
from contractline.contracts.places import section
from contractline.rules.rule import Violation

METADATA = ("__deleted", "__op", "__lsn", "__source_ts_ms")
"""The fields that Debezium's unwrap transform adds, in its order, after the table's columns."""

HEARTBEAT_TOPIC = "__debezium-heartbeat."

_TYPE_NAMES = frozenset(
    [
        "type",
        "name",
        "namespace",
        "fields",
        "items",
        "values",
        "symbols",
        "size",
        "logicalType",
        "precision",
        "scale",
    ]
)
_FIELD_NAMES = frozenset(("name", "type", "default"))


def is_cdc(draft: Draft) -> bool:
    """Whether a connector writes the stream."""
    source = draft.pipeline.source
    return not isinstance(source, ProducerSource) and bool(source.connector)


def cdc_schema_bare(draft: Draft) -> Iterator[Violation]:
    """The schemas of a CDC stream hold no doc, no aliases and no properties of their own.

    Why: Debezium's converter looks up the exact schema that it makes from the table; a word more
    and it finds none, so the task stops. Descriptions and PII marks stand in the ODCS file.

    Bad: ``{"name": "team", "type": "string", "doc": "Team of the person"}``.
    Good: ``{"name": "team", "type": "string"}``.
    """
    if not is_cdc(draft):
        return
    hint = "remove it; describe the field in contract.odcs.yaml"
    for part, schema in draft.working():
        nodes: list[tuple[Steps, Any, frozenset[str]]] = [
            (at, node, _TYPE_NAMES) for at, node in schema.types() if isinstance(node, dict)
        ]
        nodes += [(at, field, _FIELD_NAMES) for at, field in schema.all_fields()]
        for at, node, names in nodes:
            for name in node.keys() - names:
                words = f"Debezium's schema has no `{name}` here"
                yield Violation(words, hint, (*at, name), draft.file(part))


def cdc_nullable_has_default(draft: Draft) -> Iterator[Violation]:
    """A nullable field of a CDC stream has a default: null, or the column's own.

    Why: Debezium writes it, and the converter finds no schema that lacks it.

    Bad: ``{"name": "birth_date", "type": ["null", "string"]}``.
    Good: ``{"name": "birth_date", "type": ["null", "string"], "default": null}``.
    """
    if not is_cdc(draft):
        return
    for part, schema in draft.working():
        for at, field in schema.all_fields():
            if is_nullable(field) and "default" not in field:
                words = f"the nullable field `{field['name']}` has no default"
                yield Violation(words, 'add `"default": null`', at, draft.file(part))


def cdc_metadata_last(draft: Draft) -> Iterator[Violation]:
    """A table's value ends with ``__deleted``, ``__op``, ``__lsn``, ``__source_ts_ms``.

    Why: Debezium adds them in this order behind the table's columns. So a new column's field
    comes last of the columns and before ``__deleted``.

    Bad: ``[…, "__source_ts_ms", "level"]``. Good: ``[…, "level", "__deleted", …]``.
    """
    if not isinstance(draft.pipeline.source, PostgresSource):
        return
    names = [field["name"] for field in draft.value.fields]
    for position, name in enumerate(names[: -len(METADATA)]):
        if name in METADATA:
            column = next((n for n in names[position:] if n not in METADATA), name)
            words = f"the column `{column}` stands behind Debezium's fields"
            at: Steps = ("fields", names.index(column))
            hint = "move it before `__deleted`, behind the table's other columns"
            yield Violation(words, hint, at, draft.file("value"))
            return
    if tuple(names[-len(METADATA) :]) != METADATA:
        words = f"the value does not end with {', '.join(METADATA)}"
        hint = "add them in this order; github_users/value.avsc shows them"
        yield Violation(words, hint, ("fields",), draft.file("value"))


def cdc_column_appended(draft: Draft) -> Iterator[Violation]:
    """A new column's field comes after all columns of the version before.

    One in place of a column that is gone may be that column, renamed. Where the table's SQL was
    captured, the capture decides (CDC_CAPTURE_MATCHES).

    Why: that is where PostgreSQL puts a new column of a table, and Debezium follows the table.

    Bad: ``["user_name", "level", "team", …]`` after ``["user_name", "team", …]``.
    Good: ``["user_name", "team", "level", …]``.
    """
    if not isinstance(draft.pipeline.source, PostgresSource):
        return
    earlier = [v.schema for v in draft.versions("value") if v.schema != draft.value]
    captured = draft.capture.schema(draft.pipeline.topic.name, "value")
    new = _columns(draft.value)
    if not earlier or (captured and [n for n in _columns(captured) if n in new] == new):
        return
    old = _columns(earlier[-1])
    kept = [name for name in new if name in old]
    if not kept or kept != old:
        return
    for name in new[: new.index(kept[-1])]:
        if name not in old:
            at: Steps = ("fields", new.index(name))
            words = f"the new column `{name}` stands before `{kept[-1]}`"
            hint = "move it behind the table's other columns, before `__deleted`"
            yield Violation(words, hint, at, draft.file("value"))


def cdc_topic_names_table(draft: Draft) -> Iterator[Violation]:
    """A table's topic is called <prefix>.<schema>.<table>, its records <topic>.Value and .Key.

    Why: Debezium names them so; under any other name nothing arrives.

    Bad: topic ``users`` for the table public.github_users.
    Good: topic ``postgres.public.github_users``, record Value of that namespace.
    """
    source, topic = draft.pipeline.source, draft.pipeline.topic.name
    if not isinstance(source, PostgresSource):
        return
    if not topic.endswith(f".{source.table}") or topic == f".{source.table}":
        words = f"Debezium writes {source.table} to a topic <prefix>.{source.table}, not {topic}"
        yield Violation(words, "write that topic", section(draft, "topic", "name"))
        return
    for part, schema in draft.working():
        expected = f"{topic}.{part.capitalize()}"
        if schema.full_name != expected:
            words = f"the record is called {schema.full_name}; Debezium calls it {expected}"
            hint = f'write "name": "{part.capitalize()}", "namespace": "{topic}"'
            yield Violation(words, hint, ("name",), draft.file(part))


def cdc_field_described(draft: Draft) -> Iterator[Violation]:
    """Each column of a CDC stream has a description in the ODCS file.

    Why: its schema may hold no docs (CDC_SCHEMA_BARE), and a name is not a meaning.

    Bad: ``- name: position`` alone.
    Good: ``- name: position`` with ``description: What the person works as.``
    """
    if not is_cdc(draft):
        return
    described = {
        item.name
        for one in draft.odcs.schema_ or []
        for item in one.properties or []
        if (item.description or "").strip()
    }
    for position, field in enumerate(draft.value.fields):
        if field["name"] not in described and field["name"] not in METADATA:
            words = f"the field `{field['name']}` has no description in {draft.odcs_file.name}"
            hint = "add it under schema[0].properties with a `description`"
            yield Violation(words, hint, ("fields", position), draft.file("value"))


def cdc_property_fits_field(draft: Draft) -> Iterator[Violation]:
    """What the ODCS file says of a table's columns is what the schemas say.

    ``primaryKey`` are the fields of key.avsc, in their order; ``required`` are those that are
    never null.

    Why: a reader of the document, and the SQL that is compared with it, would be told two things.

    Bad: ``required: true`` on a field of type ``["null", "string"]``.
    Good: ``required: false``.
    """
    if not isinstance(draft.pipeline.source, PostgresSource):
        return
    fields = {field["name"]: field for field in draft.value.fields}
    keys: list[tuple[int, str]] = []
    for number, one in enumerate(draft.odcs.schema_ or []):
        for position, item in enumerate(one.properties or []):
            at: Steps = ("schema", number, "properties", position)
            field = fields.get(item.name or "")
            if field is not None and bool(item.required) == is_nullable(field):
                words = f"`{item.name}` is {'' if is_nullable(field) else 'not '}nullable"
                required = str(not is_nullable(field)).lower()
                yield Violation(words, f"write `required: {required}`", (*at, "required"))
            if item.primaryKey:
                keys.append((item.primaryKeyPosition or len(keys) + 1, item.name or ""))
    described = [name for _, name in sorted(keys)]
    key = [field["name"] for field in draft.key.fields] if draft.key else []
    if described != key:
        words = f"the primary key is {_list(described)} here and {_list(key)} in key.avsc"
        hint = "set primaryKey and primaryKeyPosition as key.avsc says"
        yield Violation(words, hint, ("schema", 0, "properties"))


def connector_prefix_single(drafts: Sequence[Draft]) -> Iterator[tuple[Draft, Violation]]:
    """All topics of one connector begin with the same prefix, its heartbeat's included.

    Why: a connector has one ``topic.prefix``; a stream of another one never gets a record.

    Bad: topics ``postgres.public.a`` and ``pg.public.b`` for the connector postgres.
    Good: ``postgres.public.a`` and ``postgres.public.b``.
    """
    prefixes: dict[str, tuple[str, str]] = {}
    for draft in drafts:
        found = _prefix(draft)
        if found is None:
            continue
        connector, prefix = found
        first, expected = prefixes.setdefault(connector, (draft.name, prefix))
        if prefix != expected:
            words = f"the prefix is `{prefix}`; {first} of the same connector has `{expected}`"
            at = section(draft, "topic", "name")
            yield draft, Violation(words, "use one prefix", at, old=expected, new=prefix)


def is_nullable(field: dict[str, Any]) -> bool:
    """Whether a field may be null."""
    return field["type"] == "null" or (isinstance(field["type"], list) and "null" in field["type"])


def _prefix(draft: Draft) -> tuple[str, str] | None:
    """Return the connector that writes a stream, and the prefix of the stream's topic."""
    try:
        source, topic = draft.pipeline.source, draft.pipeline.topic.name
    except PartUnread:
        return None
    if isinstance(source, PostgresSource) and topic.endswith(f".{source.table}"):
        return source.connector, topic.removesuffix(f".{source.table}")
    if isinstance(source, SystemSource) and source.connector and topic.startswith(HEARTBEAT_TOPIC):
        return source.connector, topic.removeprefix(HEARTBEAT_TOPIC)
    return None


def _columns(schema: Schema) -> list[str]:
    return [field["name"] for field in schema.fields if field["name"] not in METADATA]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
