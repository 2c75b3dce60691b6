"""Rules about the fields of schemas."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from contractline.avro.grammar import LOGICAL_TYPES
from contractline.avro.misplaced import is_misplaced, is_named_only, type_meant
from contractline.avro.paths import Steps
from contractline.clickhouse.ddl import ENVELOPE
from contractline.contracts.draft import Draft
from contractline.rules.cdc import is_cdc
from contractline.rules.rule import Violation


def field_has_doc(draft: Draft) -> Iterator[Violation]:
    """Every field, and the record itself, says what it means in ``doc``.

    Why: a name is not a meaning. Is `additions` counted against the first parent? Null when?
    (The fields of a CDC stream are described in the ODCS file: CDC_FIELD_DESCRIBED.)

    Bad::

        {"name": "additions", "type": ["null", "long"], "default": null}

    Good::

        {"name": "additions", "type": ["null", "long"], "default": null,
         "doc": "Lines added against the first parent; null when the source does not count."}
    """
    if is_cdc(draft):
        return
    hint = "add a sentence: what it holds, its unit, when it is null"
    for part, schema in draft.working():
        file = draft.file(part)
        if isinstance(schema.definition, dict) and not _has_doc(schema.definition):
            yield Violation("the record has no doc", "say what one record is", (), file)
        for at, field in schema.all_fields():
            if not _has_doc(field):
                yield Violation(f"the field `{field['name']}` has no doc", hint, at, file)


def logical_type_known(draft: Draft) -> Iterator[Violation]:
    """Each logical type is one of the Avro specification, on a type that may carry it.

    Why: libraries ignore any other, so that a misspelt timestamp is a plain number.

    Bad: ``{"type": "long", "logicalType": "timestamp-micro"}``.
    Good: ``{"type": "long", "logicalType": "timestamp-micros"}``.
    """
    for part, schema in draft.working():
        for at, node in schema.types():
            if isinstance(node, dict) and "logicalType" in node:
                problem, hint = _logical_type(node)
                if problem:
                    yield Violation(problem, hint, (*at, "logicalType"), draft.file(part))


def logical_type_in_type(draft: Draft) -> Iterator[Violation]:
    """A logical type is written in the type, not beside it.

    Why: Avro takes what is beside a field's type for a property of no meaning. Every reader gets a
    plain number or plain bytes, and no error says so. Once such a version is released: remove the
    logical type and name the unit in the doc, or add a field with the right form beside it, or put
    it into the type and agree to LOGICAL_TYPES_KEPT in a waiver whose migration says what old
    records hold; columns of times then read them as well.

    Bad::

        {"name": "seen_at", "type": "long", "logicalType": "timestamp-millis"}

    Good::

        {"name": "seen_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    """
    for part, schema in draft.working():
        for at, field in schema.all_fields():
            if not is_misplaced(field):
                continue
            words = (
                f"the field `{field['name']}` has the logical type `{field['logicalType']}` beside"
                " its type, where Avro ignores it"
            )
            yield Violation(words, _right_form(field), (*at, "logicalType"), draft.file(part))


def _right_form(field: dict[str, Any]) -> str:
    meant = type_meant(field)
    if meant is not None:
        return f'write `"type": {json.dumps(meant)}`'
    if is_named_only(field["type"]):
        return "write it where the named type is defined, or remove it"
    return "write it in the object of the type that it is about, or remove it"


def record_has_fields(draft: Draft) -> Iterator[Violation]:
    """Every record, nested ones included, has a field.

    Why: a record without fields holds nothing. As the whole value it makes every message alike;
    inside another it gives no column, so that nobody can tell in ClickHouse whether it was there.

    Bad: ``{"name": "extra", "type": {"type": "record", "name": "Extra", "fields": []}}``.
    Good: leaving the field out until it has something to hold; it is added with a default then.
    """
    hint = "give it a field, or leave it out until it has one"
    for part, schema in draft.working():
        for at, node in schema.types():
            if isinstance(node, dict) and node["type"] == "record" and not node["fields"]:
                words = f"the record {node['name']} has no fields, so that it holds nothing"
                yield Violation(words, hint, at, draft.file(part))


def union_has_types(draft: Draft) -> Iterator[Violation]:
    """Every union has a type.

    Why: the Avro specification allows a union of none, and registries take it, but no value fits it:
    a record that holds one can't be written.

    Bad: ``{"name": "note", "type": []}``. Good: ``{"name": "note", "type": ["null", "string"]}``.
    """
    for part, schema in draft.working():
        for at, node in schema.types():
            if node == []:
                words = "the union has no types, so that no record can be written"
                yield Violation(words, "give it the types of its values", at, draft.file(part))


def field_name_free(draft: Draft) -> Iterator[Violation]:
    """No field is called like a column that ClickHouse adds to the rows of a queue or a table.

    Why: the queue table could then tell neither the field nor the topic, offset or error, and
    ``_row_exists``, ``_block_number`` and ``_block_offset`` are refused in any other table.

    Bad: ``{"name": "_offset", …}``. Good: ``{"name": "line_offset", …}``.
    """
    if draft.pipeline.clickhouse is None:
        return
    for position, field in enumerate(draft.value.fields):
        of_queue = field["name"].lower() in ENVELOPE
        if of_queue or field["name"] in _KEPT_BY_TABLES:
            owner = "Kafka engine" if of_queue else "tables"
            words = f"`{field['name']}` is a column of ClickHouse's {owner}"
            at: Steps = ("fields", position, "name")
            yield Violation(words, "give the field another name", at, draft.file("value"))


_KEPT_BY_TABLES = ("_row_exists", "_block_number", "_block_offset")


def _has_doc(node: dict[str, Any]) -> bool:
    doc = node.get("doc")
    return isinstance(doc, str) and bool(doc.strip())


def _logical_type(node: dict[str, Any]) -> tuple[str, str]:
    """Return what is wrong with a type's logical type and what to do; nothing when it is right."""
    name, kind = node["logicalType"], node["type"]
    if name not in LOGICAL_TYPES:
        near = difflib.get_close_matches(str(name), LOGICAL_TYPES, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(LOGICAL_TYPES)}"
        return f"`{name}` is not a logical type of Avro", hint
    if kind not in LOGICAL_TYPES[name]:
        kinds = " or ".join(LOGICAL_TYPES[name])
        return f"`{name}` on {kind} is ignored", f"write it on {kinds}"
    sizes = {("uuid", "fixed"): 16, ("duration", "fixed"): 12}
    size = sizes.get((name, kind))
    if size and node["size"] != size:
        return f"`{name}` is a fixed of {size} bytes, not {node['size']}", f"write `size: {size}`"
    if name == "decimal":
        return _decimal(node)
    return "", ""


def _decimal(node: dict[str, Any]) -> tuple[str, str]:
    precision, scale = node.get("precision"), node.get("scale", 0)
    if type(precision) is not int or precision < 1:
        return "the decimal has no precision", "write `precision` and `scale` beside it"
    if type(scale) is not int or not 0 <= scale <= precision:
        return f"the scale {scale} is not between 0 and {precision}", "write a smaller `scale`"
    if node["type"] == "fixed" and 2 ** (8 * node["size"] - 1) < 10**precision:
        words = f"{node['size']} bytes don't hold {precision} digits"
        return words, "write a larger `size`, or use bytes"
    return "", ""
