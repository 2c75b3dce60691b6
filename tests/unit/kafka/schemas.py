"""Schemas and registries for the tests of this folder."""

from __future__ import annotations

from typing import Any

from contractline.avro.schema import Schema
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId
from contractline.contracts.model import Subject

MICROS = {"type": "long", "logicalType": "timestamp-micros"}
STRINGS = {"type": "array", "items": "string"}


def record(**fields: Any) -> Schema:
    """Return a record schema; a field is a type, or a type and a default in a tuple."""
    definition = {"type": "record", "name": "Thing", "namespace": "test", "fields": []}
    for name, kind in fields.items():
        field = {"name": name, "type": kind}
        if isinstance(kind, tuple):
            field = {"name": name, "type": kind[0], "default": kind[1]}
        definition["fields"].append(field)  # type: ignore[attr-defined]
    return Schema(definition)


class KnownRegistry(Registry):
    """A registry that knows what it is given, and asks nobody."""

    def __init__(self) -> None:
        super().__init__("http://registry.test")
        self.ids: dict[tuple[str, str], int] = {}

    def register(self, subject: str, schema: Schema) -> None:
        self.ids[subject, schema.meaning] = len(self.ids) + 1

    def id_of(self, subject: Subject, schema: Schema) -> SchemaId | None:
        found = self.ids.get((subject, schema.meaning))
        return None if found is None else SchemaId(found)
