"""From JSON to the values that a schema's types are written from: times, dates, decimals, bytes.

What does not fit stays as it is, so that the encoder refuses it with its place and its value.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from contractline.kafka.validate import Names

Convert = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def converter(schema: Any, names: Names) -> Convert:
    """Return what makes values of JSON into those that the encoder takes.

    Times with their zone, dates and UUIDs are written as ISO 8601 and RFC 4122 have them, bytes in
    base64, decimals as numbers or texts; a number may also stand for the time that Avro counts.

    Args:
        schema: the type, parsed by fastavro; numbers with a fraction come as decimals.
        names: the named types that it refers to.
    """
    return _ValueMaker(names, {}).of(schema)


@dataclass(frozen=True, slots=True)
class _ValueMaker:
    """One walk through a schema, and what was made for its named types."""

    names: Names
    made: dict[str, Convert]

    def of(self, schema: Any) -> Convert:
        if isinstance(schema, list):
            others = [branch for branch in schema if branch != "null"]
            return _unless_null(self.of(others[0])) if len(others) == 1 else _plain
        if isinstance(schema, str) and schema in self.names:
            # It may stand inside of itself.
            return lambda value: self.made[schema](value)
        kind = schema["type"] if isinstance(schema, Mapping) else schema
        if isinstance(kind, list | Mapping):
            return self.of(kind)
        if kind in ("record", "error"):
            fields = {field["name"]: self.of(field["type"]) for field in schema["fields"]}
            self.made[schema["name"]] = made = _of_record(fields)
            return made
        if kind == "array":
            return _of_list(self.of(schema["items"]))
        if kind == "map":
            return _of_map(self.of(schema["values"]))
        logical = schema.get("logicalType", "") if isinstance(schema, Mapping) else ""
        read = _READ.get(logical) or _READ.get(kind)
        made = _read_by(read, as_decimal=logical == "decimal") if read else _plain
        if isinstance(schema, Mapping) and "name" in schema:
            self.made[schema["name"]] = made
        return made


def _unless_null(inner: Convert) -> Convert:
    return lambda value: None if value is None else inner(value)


def _of_record(fields: Mapping[str, Convert]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return _plain(value)
        return {
            name: fields[name](one) if name in fields else _plain(one)
            for name, one in value.items()
        }

    return convert


def _of_list(inner: Convert) -> Convert:
    return lambda value: [inner(one) for one in value] if isinstance(value, list) else _plain(value)


def _of_map(inner: Convert) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return _plain(value)
        return {name: inner(one) for name, one in value.items()}

    return convert


def _read_by(read: Convert, *, as_decimal: bool) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, str):
            try:
                return read(value)
            except (ValueError, ArithmeticError):
                return value
        if not as_decimal:
            return _plain(value)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return Decimal(value) if is_number else value

    return convert


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _since_1970(unit: timedelta) -> Convert:
    """Return what counts the units of a time; one without a zone stays a time, and is refused."""

    def count(text: str) -> Any:
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is None else (time - _EPOCH) // unit

    return count


_READ: Mapping[str, Convert] = {
    # As numbers, since the encoder looks closer at a record that holds anything else.
    "timestamp-millis": _since_1970(timedelta(milliseconds=1)),
    "timestamp-micros": _since_1970(timedelta(microseconds=1)),
    "date": date.fromisoformat,
    "time-millis": time.fromisoformat,
    "time-micros": time.fromisoformat,
    "uuid": UUID,
    "decimal": Decimal,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "fixed": lambda text: base64.b64decode(text, validate=True),
}
