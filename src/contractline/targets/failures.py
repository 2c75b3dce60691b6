"""Why a connector's task failed: its Java stack trace, read into facts and words. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.model import Contract, Part, Subject, Version
from contractline.mapping.postgres import differences

_TOPIC = re.compile(r"Avro data from topic (\S+)")
_SCHEMA = re.compile(r"Error retrieving Avro schema\s*(?=\{)")
_CAUSE = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)+([\w$]+): (.+)$", re.MULTILINE)

_KNOWN = (
    (r"password authentication failed", "PostgreSQL does not accept the replication password"),
    (r"role \"\S+\" does not exist", "the replication role does not exist"),
    (r"must be superuser or replication role|permission denied to start WAL sender",
     "the replication role may not replicate"),
    (r"permission denied for", "the replication role lacks a right"),
    (r"publication \"\S+\" does not exist|No table filters found for filtered publication",
     "the publication does not exist"),
    (r"replication slot \"\S+\" is active", "another process reads the replication slot"),
    (r"all replication slots are in use", "PostgreSQL has no free replication slot"),
    (r"requested standby connections exceeds max_wal_senders", "PostgreSQL has no free WAL sender"),
    (r"can no longer (?:get changes|access) |no longer available on the server|"
     r"slot \"\S+\" has been invalidated",
     "PostgreSQL dropped log that was not read yet"),
    (r"not present in metadata|UnknownTopicOrPartition", "a topic does not exist"),
)  # fmt: skip
"""What PostgreSQL, Debezium and Kafka write, and what it means."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a trace tells.

    Attributes:
        cause: the innermost cause, in words where it is known.
        topic: the topic whose record could not be written, where that was it.
        schema: the schema that the converter did not find, where that was it.
    """

    cause: str
    topic: str | None = None
    schema: Schema | None = None


def read(trace: str) -> Failure:
    """Read a task's trace."""
    topic = _TOPIC.search(trace)
    return Failure(_cause(trace), topic.group(1) if topic else None, _schema(trace))


def subject_of(contract: Contract, schema: Schema) -> tuple[Subject, Part, tuple[Version, ...]]:
    """Return the subject in which the converter looked a schema up, with its released versions."""
    is_key = contract.key is not None and _name(schema) == _name(contract.key)
    part: Part = "key" if is_key else "value"
    subject = Subject(f"{contract.topic.name}-{part}")
    return subject, part, contract.keys if is_key else contract.values


def unknown_schema(contract: Contract, schema: Schema, table: str) -> tuple[str, str]:
    """Say how a schema that the registry does not hold departs from the contract, and what to do.

    Args:
        contract: the contract of its topic.
        schema: what the converter looked up.
        table: what the words call the source.
    """
    _, part, released = subject_of(contract, schema)
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


def _schema(trace: str) -> Schema | None:
    start = _SCHEMA.search(trace)
    if start is None:
        return None
    try:
        definition, _ = json.JSONDecoder().raw_decode(trace, start.end())
        return Schema.parse(json.dumps(definition), "the connector's schema")
    except (ValueError, SchemaInvalid):
        return None


def _cause(trace: str) -> str:
    for pattern, words in _KNOWN:
        if re.search(pattern, trace):
            return words
    causes = _CAUSE.findall(trace)
    return f"{causes[-1][0]}: {causes[-1][1]}" if causes else trace.splitlines()[0]


def _name(schema: Schema) -> str:
    definition = schema.definition
    if not isinstance(definition, dict):
        return ""
    return f"{definition.get('namespace', '')}.{definition.get('name', '')}".lstrip(".")
