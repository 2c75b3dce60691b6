"""The contract of a stream that an application writes, from a sample of its records or a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contractline.avro.grammar import MEMBER
from contractline.avro.jsonlines import Record, RecordUnreadable, records
from contractline.avro.schema import Schema
from contractline.avro.text import type_words
from contractline.errors import ContractlineError
from contractline.finding import Finding, RuleId, Severity
from contractline.scaffold.blueprint import Blueprint
from contractline.scaffold.infer import Inferred, infer, type_name, words_of

NAMESPACE = "contractline"
KEYED_PARTITIONS = 3
KEPT_RECORDS = 3
"""How many records of a sample become the stream's case."""

_KEYS = frozenset({"string", "int", "long", "boolean"})


class SampleUnreadable(ContractlineError):
    """When a sample can't be read as records."""

    def __init__(self, file: Path, problem: str) -> None:
        self.file = file
        super().__init__(
            f"{file}: {problem}",
            hint="a sample is a JSON object, a list of them, or one object a line;"
            " a table is named postgres:schema.table",
        )


class KeyUnusable(ContractlineError):
    """When a field can't be part of a stream's key."""

    def __init__(self, name: str, problem: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(
            f"the key field `{name}` {problem}",
            hint=f"a key is made of fields that are never null: {', '.join(known) or 'none here'}",
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """The records of a sample.

    Attributes:
        file: where they were read.
        inferred: what they have in common.
        first: the first of them, as lines of JSON.
    """

    file: Path
    inferred: Inferred
    first: tuple[str, ...]

    @classmethod
    def read(cls, file: Path, name: str) -> Sample:
        """Read a sample.

        Args:
            file: a JSON object, a list of them, or one object a line.
            name: the stream that it is for.

        Raises:
            SampleUnreadable: it holds something else, or nothing.
        """
        first: list[str] = []

        def kept() -> Iterator[tuple[int, Record]]:
            with file.open("rb") as stream:
                for number, record in records(stream):
                    if len(first) < KEPT_RECORDS:
                        first.append(json.dumps(record, ensure_ascii=False, default=float))
                    yield number, record

        try:
            inferred = infer(kept(), type_name(name))
        except OSError as problem:
            raise SampleUnreadable(file, problem.strerror or str(problem)) from problem
        except RecordUnreadable as problem:
            raise SampleUnreadable(file, str(problem)) from problem
        if not inferred.records:
            raise SampleUnreadable(file, "holds no record")
        return cls(file, inferred, tuple(first))

    def findings(self, stream: str) -> list[Finding]:
        """Return the places that no type fits."""
        return [
            Finding(
                RuleId("SAMPLE_TYPES_CLEAR"),
                Severity.ERROR,
                stream,
                one.problem,
                one.hint,
                self.file,
                path=one.path,
            )
            for one in self.inferred.unclear
        ]

    def value(self, stream: str) -> Schema:
        """Return the schema that all records have in common."""
        definition = {
            "type": "record",
            "name": type_name(stream),
            "namespace": f"{NAMESPACE}.{stream}",
            "doc": f"One record of {stream}.",
            "fields": list(self.inferred.fields),
        }
        return Schema.parse(json.dumps(definition), str(self.file))


def schema_of(file: Path) -> Schema:
    """Return the schema of a file, with a doc wherever it has none.

    Raises:
        SchemaInvalid: the file can't be read or holds no schema.
    """
    schema = Schema.read(file)
    return Schema.parse(json.dumps(_documented(schema.definition)), str(file))


def blueprint(
    stream: str, value: Schema, key: Sequence[str], *, owner: str, database: str, origin: str
) -> Blueprint:
    """Return the contract of a stream that an application writes.

    Args:
        stream: its name, which is also that of the topic and the table.
        value: the schema of its records.
        key: the fields that tell one record from another.
        owner: who answers for it.
        database: where its table is.
        origin: what the schema was made from.

    Raises:
        KeyUnusable: a field can't be part of a key.
    """
    return Blueprint(
        name=stream,
        owner=owner,
        purpose=f"The records of {stream}, as {origin} describes them.",
        source_words="Documented field by field in value.avsc.",
        physical_name=stream,
        topic={
            "name": stream,
            "partitions": KEYED_PARTITIONS if key else 1,
            "cleanup": "compact" if key else "delete",
        },
        source={"kind": "producer"},
        clickhouse={"current": f"{database}.{stream}"},
        values=[value],
        key=_key(stream, value, key) if key else None,
    )


def _key(stream: str, value: Schema, names: Sequence[str]) -> Schema:
    by_name = {field["name"]: field for field in value.fields}
    usable = [name for name, field in by_name.items() if _is_key(field["type"])]
    for name in names:
        if name not in by_name:
            raise KeyUnusable(name, "is not a field of the record", usable)
        if name not in usable:
            words = f"is {type_words(by_name[name]['type'])}, which can't be a key"
            raise KeyUnusable(name, words, usable)
    definition = {
        "type": "record",
        "name": f"{type_name(stream)}Key",
        "namespace": f"{NAMESPACE}.{stream}",
        "doc": f"What makes a record of {stream} unique.",
        "fields": [
            {part: by_name[name][part] for part in ("name", "type", "doc")} for name in names
        ],
    }
    return Schema.parse(json.dumps(definition), f"the key of {stream}")


def _is_key(kind: Any) -> bool:
    plain = kind["type"] if isinstance(kind, Mapping) else kind
    return isinstance(plain, str) and plain in _KEYS


def _documented(node: Any) -> Any:
    """Return a type with a doc for each record and field that lacks one."""
    if isinstance(node, list):
        return [_documented(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    out = dict(node)
    if member := MEMBER.get(out["type"]):
        out[member] = _documented(out[member])
    if out["type"] == "record":
        out["doc"] = out.get("doc") or f"{words_of(out['name'])}."
        out["fields"] = [_documented_field(field) for field in out["fields"]]
    return out


def _documented_field(field: Mapping[str, Any]) -> dict[str, Any]:
    words = f"{words_of(field['name'])}: {type_words(field['type'])}."
    return {**field, "type": _documented(field["type"]), "doc": field.get("doc") or words}
