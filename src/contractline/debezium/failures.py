"""Why a connector's task failed: its Java stack trace, read into facts and words. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.model import Contract, Part, Subject
from contractline.debezium.types import differences

_TOPIC = re.compile(r"Avro data from topic (\S+)")
_SCHEMA = re.compile(r"Error (?:retrieving|registering) Avro schema\s*(?=\{)")
_UNDISCOVERED = "Failed to discover artifact type"
_NOT_FOUND = re.compile(r"error code: 404\d\d$")
_HELD = re.compile(r"the column (\S+) holds `(.*?)`")
_UNCONVERTED = re.compile(r"Failed to properly convert data value for '(\S+)' of type")
_CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)+([\w$]+): (.+)$", re.MULTILINE)

_ALIKE = re.compile(r"Table '(\S+)' has columns that differ only by case. Column name: '(.+?)'")
_LOST = "PostgreSQL dropped log that was not read yet, so changes are missing"
_KNOWN = (
    (r"password authentication failed", "PostgreSQL does not accept the replication password"),
    (r"role \"\S+\" does not exist", "the replication role does not exist"),
    (r"permission denied", "the replication role lacks a right"),
    (r"publication \"\S+\" does not exist", "the publication does not exist"),
    (r"replication slot \"\S+\" is active", "another process reads the replication slot"),
    (r"all replication slots are in use", "PostgreSQL has no free replication slot"),
    (r"exceeds max_wal_senders", "PostgreSQL has no free WAL sender"),
    (r"no longer available on the server|can no longer (?:get changes|access)", _LOST),
    (r"not present in metadata|UnknownTopicOrPartition", "a topic does not exist"),
)
"""What PostgreSQL, Debezium and Kafka write, and what it means."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a trace tells.

    Attributes:
        cause: the innermost cause, in words where it is known.
        topic: the topic whose record could not be written, where that was it.
        schema: the schema that the converter did not find, where that was it.
        is_lasting: whether no restart helps.
        column: the column (``schema.table.column``) a value of which could not be converted.
        value: that value as PostgreSQL's text, where it is known.
    """

    cause: str
    topic: str | None = None
    schema: Schema | None = None
    is_lasting: bool = False
    column: str = ""
    value: str = ""

    @property
    def is_undiscovered(self) -> bool:
        """Whether Apicurio did not see that the schema is Avro: one with the default '{}'."""
        return self.schema is not None and _UNDISCOVERED in self.cause

    @property
    def is_unknown_schema(self) -> bool:
        """Whether the registry answered that it does not hold the schema."""
        return self.schema is not None and _NOT_FOUND.search(self.cause) is not None


def read(trace: str) -> Failure:
    """Read a task's trace."""
    topic = _TOPIC.search(trace)
    cause = _cause(trace)
    if alike := _ALIKE.search(trace):
        words = f"{alike.group(1)} has columns that differ only by case (`{alike.group(2)}` is one)"
        return Failure(
            f"{words}, and Debezium reads no such table: first rename or drop one of them",
            is_lasting=True,
        )
    column, value = _value(trace)
    if column:
        cause = f"{column} holds a value that the topic can't hold" + (
            f", `{value}`" if value else ""
        )
    return Failure(
        cause, topic.group(1) if topic else None, _schema(trace), cause == _LOST, column, value
    )


def subject_of(contract: Contract, schema: Schema) -> Subject:
    """Return the subject in which the converter looked a schema up."""
    return Subject(f"{contract.topic.name}-{_part(contract, schema)}")


def unknown_schema(contract: Contract, schema: Schema, table: str) -> tuple[str, str]:
    """Say how a schema that the registry does not hold departs from the contract, and what to do.

    Args:
        contract: the contract of its topic.
        schema: what the converter looked up.
        table: what the words call the source.
    """
    part = _part(contract, schema)
    released = contract.keys if part == "key" else contract.values
    register = "`make register-schemas`"
    for version in released:
        if version.schema == schema:
            return f"{contract.name} v{version.number} ({part}) is not registered", register
    release = f"`contractline release {contract.name}`, {register}"
    newest = f"{contract.name} v{released[-1].number}" if released else f"{contract.name}"
    fields = released[-1].schema.fields if released else []
    found = differences(table, schema.fields, newest, fields)
    what = "; ".join(difference.words for difference in found) or (
        f"the {part} of {table} is not exactly the schema of {newest}"
    )
    if schema == (contract.key if part == "key" else contract.value):
        return what, f"the working {part}.avsc holds it: {release}"
    if {difference.kind for difference in found} == {"extra"}:
        return what, f"add it, {release}"
    return what, f"undo the change of the table, or bring {part}.avsc to it, {release}"


def _part(contract: Contract, schema: Schema) -> Part:
    """Whether a schema is that of the key: the two differ in the record's name."""
    return "key" if contract.key and _name(schema) == _name(contract.key) else "value"


def _schema(trace: str) -> Schema | None:
    start = _SCHEMA.search(trace)
    if start is None:
        return None
    try:
        definition, _ = json.JSONDecoder().raw_decode(trace, start.end())
        return Schema.parse(json.dumps(definition), "the connector's schema")
    except (ValueError, SchemaInvalid):
        return None


def _value(trace: str) -> tuple[str, str]:
    """Return the column a value of which could not be converted, and the value."""
    held = _HELD.search(trace)
    if held:
        return held.group(1), held.group(2)
    unconverted = _UNCONVERTED.search(trace)
    return (unconverted.group(1), "") if unconverted else ("", "")


def _cause(trace: str) -> str:
    for pattern, words in _KNOWN:
        if re.search(pattern, trace):
            return words
    causes = _CAUSE.findall(trace)
    if causes:
        return f"{causes[-1][0]}: {causes[-1][1]}"
    return trace.strip().partition("\n")[0] or "no cause was given"


def _name(schema: Schema) -> str:
    definition = schema.definition
    if not isinstance(definition, dict):
        return ""
    return f"{definition.get('namespace', '')}.{definition.get('name', '')}".lstrip(".")
