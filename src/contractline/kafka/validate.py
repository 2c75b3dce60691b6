"""What a record says that its schema does not allow.

fastavro raises at most mistakes, but without the place, and it lets some pass: it cuts a float to a
long, takes the letters of a string for an array, and any object for a boolean. :func:`loose_fields`
names those places, so that an encoder looks at them alone; :func:`mistake` finds the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from contractline.avro.paths import Steps, json_path

Names = Mapping[str, Any]
"""The named types of a schema as ``fastavro.parse_schema`` collects them."""

LONGEST_VALUE = 200
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True, slots=True)
class ValueMistake:
    """A place of a record that its schema does not allow.

    Attributes:
        path: the place, such as ``$.parents[1]``.
        value: what stands there; None for a missing field.
        problem: what is wrong, in words.
    """

    path: str
    value: object
    problem: str

    def __str__(self) -> str:
        value = repr(self.value)
        if len(value) > LONGEST_VALUE:
            value = f"{value[:LONGEST_VALUE]}…"
        return f"{self.path}: {self.problem}; got {value}"


class LooseField(NamedTuple):
    """A field at which fastavro is less strict than Avro, and the Python types that are right.

    Attributes:
        name: the field.
        types: the exact types that need no further look.
    """

    name: str
    types: frozenset[type]


def loose_fields(schema: Mapping[str, Any]) -> tuple[LooseField, ...]:
    """Return the fields of a parsed record schema whose values need a look.

    What lies deeper than a field's own value is looked at always: no type is right beforehand.
    """
    return tuple(
        LooseField(field["name"], _right_types(field["type"]))
        for field in schema["fields"]
        if not _is_strict(field["type"])
    )


def _right_types(kind: Any) -> frozenset[type]:
    plain = kind["type"] if isinstance(kind, Mapping) else kind
    if plain == "array" and kind["items"] == "string":
        return frozenset({list})
    return _LOOSE.get(plain, frozenset()) if isinstance(plain, str) else frozenset()


_LOOSE: dict[str, frozenset[type]] = {
    "long": frozenset({int}),
    "boolean": frozenset({bool}),
    "float": frozenset({float, int}),
    "double": frozenset({float, int}),
}
_STRICT = frozenset({"null", "string", "bytes"})
_SCALAR = _STRICT | _LOOSE.keys() | {"int"}


def _is_strict(kind: Any) -> bool:
    """Whether fastavro itself refuses every wrong value: it validates the branches of unions."""
    if isinstance(kind, list):
        plain = (branch["type"] if isinstance(branch, Mapping) else branch for branch in kind)
        return all(isinstance(branch, str) and branch in _SCALAR for branch in plain)
    return isinstance(kind, str) and kind in _STRICT


def mistake(schema: Any, names: Names, value: object, steps: Steps = ()) -> ValueMistake | None:
    """Return the first place at which a value breaks a parsed schema; None when it keeps it."""
    if isinstance(schema, list):
        return _union(schema, names, value, steps)
    if isinstance(schema, str) and schema in names:
        schema = names[schema]
    kind = schema["type"] if isinstance(schema, Mapping) else schema
    if isinstance(kind, (list, Mapping)):
        return mistake(kind, names, value, steps)
    if kind in {"record", "error"}:
        return _record(schema, names, value, steps)
    if kind == "array":
        return _array(schema, names, value, steps)
    if kind == "map":
        return _map(schema, names, value, steps)
    problem = _scalar(kind, schema, value)
    return ValueMistake(json_path(steps), value, problem) if problem else None


def _union(branches: list[Any], names: Names, value: object, steps: Steps) -> ValueMistake | None:
    found = [mistake(branch, names, value, steps) for branch in branches]
    if None in found:
        return None
    others = [one for one, branch in zip(found, branches, strict=True) if branch != "null"]
    if len(others) == 1 and value is not None:
        return others[0]
    known = ", ".join(_name(branch) for branch in branches)
    return ValueMistake(json_path(steps), value, f"must be one of {known}")


def _record(
    schema: Mapping[str, Any], names: Names, value: object, steps: Steps
) -> ValueMistake | None:
    if not isinstance(value, Mapping):
        return ValueMistake(json_path(steps), value, "must be a record")
    for field in schema["fields"]:
        name = field["name"]
        here = (*steps, name)
        if name not in value:
            if "default" not in field:
                problem = "is required and missing"
                return ValueMistake(json_path(here), None, problem)
        elif found := mistake(field["type"], names, value[name], here):
            return found
    extra = value.keys() - {field["name"] for field in schema["fields"]}
    for name in sorted(extra, key=str):
        return ValueMistake(
            json_path((*steps, str(name))),
            value[name],
            "is a field that the contract does not hold",
        )
    return None


def _array(
    schema: Mapping[str, Any], names: Names, value: object, steps: Steps
) -> ValueMistake | None:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
        return ValueMistake(json_path(steps), value, "must be an array")
    for position, item in enumerate(value):
        if found := mistake(schema["items"], names, item, (*steps, position)):
            return found
    return None


def _map(
    schema: Mapping[str, Any], names: Names, value: object, steps: Steps
) -> ValueMistake | None:
    if not isinstance(value, Mapping):
        return ValueMistake(json_path(steps), value, "must be a map")
    for key, item in value.items():
        if not isinstance(key, str):
            return ValueMistake(json_path(steps), key, "must have strings as keys")
        if found := mistake(schema["values"], names, item, (*steps, key)):
            return found
    return None


def _scalar(kind: str, schema: Any, value: object) -> str | None:
    """Return what is wrong with a value that holds no others."""
    logical = schema.get("logicalType") if isinstance(schema, Mapping) else None
    if isinstance(value, datetime) and logical in _LOGICAL and value.tzinfo is None:
        return "must name its time zone"
    if logical in _LOGICAL and isinstance(value, _LOGICAL[logical]):
        return None
    return _SCALARS[kind](value, schema)


def _null(value: object, _: Any) -> str | None:
    return None if value is None else "must be null"


def _boolean(value: object, _: Any) -> str | None:
    return None if isinstance(value, bool) else "must be a boolean"


def _integer(bits: int) -> Callable[[object, Any], str | None]:
    limit = 1 << (bits - 1)
    name = {32: "an int", 64: "a long"}[bits]

    def check(value: object, schema: Any) -> str | None:
        logical = schema.get("logicalType") if isinstance(schema, Mapping) else None
        meant = f"{name} ({logical})" if logical else name
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be {meant}"
        if not -limit <= value < limit:
            return f"is out of the range of {meant}: {-limit} to {limit - 1}"
        return None

    return check


def _number(value: object, _: Any) -> str | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if is_number else "must be a number"


def _string(value: object, schema: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if isinstance(schema, Mapping) and schema.get("logicalType") == "uuid":
        return None if _UUID.match(value) else "must be a UUID"
    try:
        value.encode()
    except UnicodeEncodeError as problem:
        return f"can't be written as UTF-8 at character {problem.start}"
    return None


def _bytes(value: object, _: Any) -> str | None:
    return None if isinstance(value, (bytes, bytearray)) else "must be bytes"


def _fixed(value: object, schema: Any) -> str | None:
    right = isinstance(value, (bytes, bytearray)) and len(value) == schema["size"]
    return None if right else f"must be {schema['size']} bytes"


def _enum(value: object, schema: Any) -> str | None:
    return None if value in schema["symbols"] else f"must be one of {', '.join(schema['symbols'])}"


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE | re.ASCII)

_SCALARS: dict[str, Callable[[object, Any], str | None]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _integer(32),
    "long": _integer(64),
    "float": _number,
    "double": _number,
    "string": _string,
    "bytes": _bytes,
    "fixed": _fixed,
    "enum": _enum,
}

_LOGICAL: dict[Any, type] = {
    "date": date,
    "decimal": Decimal,
    "time-micros": time,
    "time-millis": time,
    "timestamp-micros": datetime,
    "timestamp-millis": datetime,
    "uuid": UUID,
}


def _name(branch: Any) -> str:
    if isinstance(branch, Mapping):
        return str(branch.get("name") or branch.get("logicalType") or branch["type"])
    return str(branch)
