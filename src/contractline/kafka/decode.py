"""Decoding: from the bytes of a message to its values, by the schema that its header names."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple
from uuid import UUID

from fastavro import parse_schema, schemaless_reader

from contractline.clients.errors import FrameInvalid
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId, split

_Read = Callable[[BytesIO], Any]


class Decoded(NamedTuple):
    """What a message's bytes hold.

    Attributes:
        schema_id: the id of the schema that they were written with.
        value: the value, in the types that fastavro gives.
    """

    schema_id: SchemaId
    value: Any


class MessageDecoder:
    """Decodes messages; each schema is asked for and parsed once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._readers: dict[SchemaId, tuple[_Read, _Read]] = {}

    def decode(self, message: bytes) -> Decoded:
        """Decode the bytes of a key or a value.

        A time or date beyond the years of Python stays the number that Avro counts.

        Raises:
            FrameInvalid: the bytes are not in the wire format, or not of the schema that they name.
            SchemaUnknown: the registry does not know that schema.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        schema_id, datum = split(message)
        if schema_id not in self._readers:
            self._readers[schema_id] = self._reader(schema_id)
        read, read_plain = self._readers[schema_id]
        try:
            try:
                value = read(data := BytesIO(datum))
            except (OverflowError, ValueError, ArithmeticError):
                value = read_plain(data := BytesIO(datum))
        except (EOFError, LookupError, TypeError, ValueError, OverflowError) as problem:
            words = str(problem) or type(problem).__name__
            raise FrameInvalid(
                f"what follows is not a value of schema {schema_id}: {words}"
            ) from problem
        if left := len(datum) - data.tell():
            raise FrameInvalid(f"{left} bytes follow the value of schema {schema_id}")
        return Decoded(schema_id, value)

    def _reader(self, schema_id: SchemaId) -> tuple[_Read, _Read]:
        schema = self._registry.schema(schema_id)
        plain = json.loads(schema.text, object_hook=_without_logical_type)
        return _reader(schema.definition), _reader(plain)


def as_json(value: Any) -> Any:
    """Return a decoded value as JSON has it, in the form that ``contractline produce`` reads."""
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, Decimal | UUID) else value


def _reader(definition: Any) -> _Read:
    return partial(_read, parse_schema(definition, {}))


def _read(schema: Any, data: BytesIO) -> Any:
    return schemaless_reader(data, schema, None)


def _without_logical_type(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "logicalType"}
