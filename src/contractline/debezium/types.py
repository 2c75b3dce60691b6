"""The Avro field that Debezium and the converter make of a PostgreSQL column. Pure.

It holds for the settings of the connector templates (``time.precision.mode=connect``,
``decimal.handling.mode=string``) and serves explanations: the converter's own exact lookup decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["extra", "missing", "type", "null", "default", "order"]

_AVRO: Mapping[str, Any] = {
    "smallint": "int",
    "integer": "int",
    "bigint": "long",
    "oid": "long",
    "interval": "long",
    "real": "float",
    "double precision": "double",
    "boolean": "boolean",
    "bytea": "bytes",
    "date": {"type": "int", "logicalType": "date"},
    "time without time zone": {"type": "int", "logicalType": "time-millis"},
    "timestamp without time zone": {"type": "long", "logicalType": "timestamp-millis"},
} | dict.fromkeys(
    (
        "text",
        "character varying",
        "character",
        "bpchar",
        "name",
        "citext",
        "uuid",
        "json",
        "jsonb",
        "xml",
        "numeric",
        "timestamp with time zone",
        "time with time zone",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "money",
        "bit varying",
        "tsvector",
    ),
    "string",
)


_TEXT_IN_LISTS = frozenset({"bit", "interval"})
"""Types whose lists hold PostgreSQL's own text, although a single value is something else."""

_WITHOUT_AVRO_TYPE = frozenset(
    {
        *("bit", "char", "point", "citext", "hstore", "ltree", "isbn", "geometry", "geography"),
        *("vector", "halfvec", "sparsevec", "int4range", "int8range", "numrange"),
        *("daterange", "tsrange", "tstzrange"),
    }
)
"""Further types that Debezium writes; what it makes of them is not told here."""

_UNKNOWN_IN_LISTS = frozenset(
    {"money", "point", "xml", "isbn", "vector", "halfvec", "sparsevec", "char"}
)
"""Types of which Debezium writes no lists."""


_TO_THE_MILLISECOND = re.compile(r"(?:time|timestamp)(?:\([4-6]\))? without time zone(?:\[\])*\Z")
_WITH_ZONE = re.compile(r"time(?:\(\d\))? with time zone(?:\[\])*\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class PostgresColumn:
    """A column as PostgreSQL's catalogue describes it.

    Attributes:
        name: the column.
        type: its type without length or precision; ``enum`` for any enumeration, ``composite`` and
            ``multirange`` for any of these and for lists of them.
        nullable: whether it takes NULL.
        has_default: whether it has a default other than NULL.
        exactly: its type with length and precision, that of a domain's base.
    """

    name: str
    type: str
    nullable: bool
    has_default: bool
    exactly: str = ""


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """One way in which a table, or what Debezium made of it, departs from a contract's version."""

    kind: Kind
    column: str
    words: str


def avro_type(sql_type: str) -> Any:
    """Return the Avro type of a PostgreSQL type; None for a type that is not known here."""
    if sql_type.endswith("[]"):
        item = sql_type.removesuffix("[]")
        items = "string" if item in _TEXT_IN_LISTS else avro_type(item)
        return None if items is None else {"type": "array", "items": ["null", items]}
    return "string" if sql_type == "enum" else _AVRO.get(sql_type)


def is_known(sql_type: str) -> bool:
    """Whether Debezium writes columns of a type at all."""
    if sql_type.endswith("[]"):
        item = sql_type.removesuffix("[]")
        return item not in _UNKNOWN_IN_LISTS and is_known(item)
    # Types of extensions are known by their own names, wherever their schema is.
    plain = sql_type.rpartition(".")[2].strip('"')
    return sql_type == "enum" or sql_type in _AVRO or plain in _WITHOUT_AVRO_TYPE


def merges_values(sql_type: str) -> str:
    """Return which values of a type arrive as one, so that it can't be a key; empty for none.

    Args:
        sql_type: the type with its precision, a domain's as its base.
    """
    if sql_type.startswith("interval") and not sql_type.endswith("[]"):
        return "'1 mon' and '30.4375 days' arrive as one"
    if is_cut(sql_type):
        return "it arrives cut to the millisecond, so that several values become one"
    if is_with_zone(sql_type):
        return "'12:00+00' and '13:00+01' arrive as one"
    return "it is null in every change" if sql_type == "name" else ""


def exact_key(sql_type: str) -> str:
    """Return what to make of a key column of a type that merges values."""
    if not is_cut(sql_type):
        return "put a column of text beside it"
    if sql_type.startswith("timestamp"):
        return "make it timestamp(3), or timestamptz, which arrives to the microsecond"
    return "make it time(3)"


def is_cut(sql_type: str) -> bool:
    """Whether times of a type, or of its lists, arrive cut to the millisecond."""
    return bool(_TO_THE_MILLISECOND.match(sql_type))


def is_with_zone(sql_type: str) -> bool:
    """Whether a type is a time of day with its zone, or a list of them."""
    return bool(_WITH_ZONE.match(sql_type))


def is_name(column: str) -> bool:
    """Whether Avro takes the name of a column for a field's."""
    return bool(_NAME.match(column))


def alike(names: Iterable[str]) -> list[str]:
    """Return the names that differ from another one only by case: Debezium reads no such table."""
    found = list(names)
    lower = [name.lower() for name in found]
    return [name for name in found if lower.count(name.lower()) > 1]


def fields_of(columns: Iterable[PostgresColumn]) -> list[dict[str, Any]]:
    """Return the fields that columns become; True stands for a default of an unknown value."""
    return [_field(column) for column in columns]


def differences(
    table: str,
    found: Sequence[Mapping[str, Any]],
    version: str,
    contracted: Sequence[Mapping[str, Any]],
) -> tuple[ColumnDifference, ...]:
    """Compare the fields of a table with those that a contract's version holds.

    Args:
        table: the table's name, for the words.
        found: its fields, from :func:`fields_of` or from the converter.
        version: the version's name, for the words.
        contracted: the version's fields.
    """
    there = {field["name"]: field for field in found}
    wanted = {field["name"]: field for field in contracted}
    out = [
        ColumnDifference(
            "extra", name, f"{table} has a column `{name}` that {version} does not hold"
        )
        for name in there
        if name not in wanted
    ]
    out += [
        ColumnDifference("missing", name, f"{table} has no column `{name}`, which {version} holds")
        for name in wanted
        if name not in there
    ]
    for name in (name for name in wanted if name in there):
        for kind, words in _unlike(there[name], wanted[name]):
            out.append(
                ColumnDifference(kind, name, f"column `{name}` of {table} {words} in {version}")
            )
    if not out and list(there) != list(wanted):
        words = f"the columns of {table} come as {_names(there)}, in {version} as {_names(wanted)}"
        out.append(ColumnDifference("order", "", words))
    return tuple(out)


def _field(column: PostgresColumn) -> dict[str, Any]:
    avro = avro_type(column.type)
    # The converter has no defaults of lists.
    has_default = column.has_default and not column.type.endswith("[]")
    if not column.nullable:
        field = {"name": column.name, "type": avro}
        return field | {"default": True} if has_default else field
    if has_default:
        return {"name": column.name, "type": [avro, "null"], "default": True}
    return {"name": column.name, "type": ["null", avro], "default": None}


def _unlike(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    (found_type, found_null), (wanted_type, wanted_null) = _split(found), _split(wanted)
    if found_type is not None and found_type != wanted_type:
        yield "type", f"is {_spelled(found_type)}, but {_spelled(wanted_type)}"
    if found_null != wanted_null:
        yield "null", "takes NULL, but not" if found_null else "takes no NULL, but may be null"
    found_default, wanted_default = found.get("default"), wanted.get("default")
    if (found_default is None) != (wanted_default is None):
        yield (
            "default",
            "has no default, but one" if found_default is None else "has a default, but none",
        )
    elif True not in (found_default, wanted_default) and found_default != wanted_default:
        yield "default", f"has the default {found_default!r}, but {wanted_default!r}"


def _split(field: Mapping[str, Any]) -> tuple[Any, bool]:
    """A field's type without null, and whether it may be null."""
    kind = field["type"]
    if not isinstance(kind, list):
        return kind, False
    others = [branch for branch in kind if branch != "null"]
    return (others[0] if len(others) == 1 else others), "null" in kind


def _spelled(kind: Any) -> str:
    if isinstance(kind, dict):
        return str(kind.get("logicalType") or kind.get("name") or kind["type"])
    return " or ".join(map(_spelled, kind)) if isinstance(kind, list) else str(kind)


def _names(fields: Iterable[str]) -> str:
    return ", ".join(name for name in fields if not name.startswith("__"))
