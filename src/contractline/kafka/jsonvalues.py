"""From JSON to the values that a schema's types are written from: times, dates, decimals, bytes.

What does not fit stays as it is, so that the encoder refuses it with its place and its value.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from contractline.kafka.checking import Names


def from_json(schema: Any, names: Names, value: Any) -> Any:
    """Return a value of JSON as the encoder takes it.

    Times with their zone, dates and UUIDs are written as ISO 8601 and RFC 4122 have them, bytes in
    base64, decimals as numbers or texts; a number may also stand for the time that Avro counts.

    Args:
        schema: the type, parsed by fastavro.
        names: the named types that it refers to.
        value: what ``json`` made of the text, with numbers that have a fraction as decimals.
    """
    if isinstance(schema, list):
        others = [branch for branch in schema if branch != "null"]
        only = others[0] if len(others) == 1 else None
        return _plain(value) if value is None or only is None else from_json(only, names, value)
    if isinstance(schema, str):
        schema = names.get(schema, schema)
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if isinstance(kind, list | Mapping):
        return from_json(kind, names, value)
    match kind, value:
        case (("record" | "error"), Mapping()):
            types = {field["name"]: field["type"] for field in schema["fields"]}
            return {
                name: from_json(types[name], names, one) if name in types else _plain(one)
                for name, one in value.items()
            }
        case "array", list():
            return [from_json(schema["items"], names, one) for one in value]
        case "map", Mapping():
            return {name: from_json(schema["values"], names, one) for name, one in value.items()}
    logical = schema.get("logicalType", "") if isinstance(schema, Mapping) else ""
    return _scalar(kind, logical, value)


def _scalar(kind: str, logical: str, value: Any) -> Any:
    read = _READ.get(logical) or _READ.get(kind)
    if isinstance(value, str) and read:
        try:
            return read(value)
        except (ValueError, ArithmeticError, binascii.Error):
            return value
    if logical == "decimal" and isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value if logical == "decimal" else _plain(value)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


_READ: Mapping[str, Callable[[str], Any]] = {
    "timestamp-millis": datetime.fromisoformat,
    "timestamp-micros": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time-millis": time.fromisoformat,
    "time-micros": time.fromisoformat,
    "uuid": UUID,
    "decimal": Decimal,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "fixed": lambda text: base64.b64decode(text, validate=True),
}
