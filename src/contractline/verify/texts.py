"""The text that both PostgreSQL and ClickHouse make of a column's value, so that equal means equal. Pure.

A text is exact to what the stream's type can hold: a timestamp that travels in milliseconds is
compared in milliseconds, and a timestamptz beyond ClickHouse's years as NULL. For each value there is
one text, or NULL.
"""

# ruff: noqa: S608 - names are quoted, values are parameters or literals

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contractline.clickhouse.columns import Column
from contractline.debezium.types import PostgresColumn as SourceColumn

Text = Callable[[str], str]
"""Makes the SQL of a value's text from the SQL of the value."""

_ARRAY = re.compile(r"^Array\((.+)\)$")
_TEXT_TYPES = (
    *("text", "character varying", "name", "citext", "enum", "uuid", "json", "jsonb", "xml"),
    *("cidr", "macaddr", "int4range", "int8range", "numrange", "daterange", "ltree", "tsvector"),
    '"char"',
)
_FIRST, _LAST = "1900-01-01", "2299-12-31"
"""The days that ClickHouse's Date32 and DateTime64 know."""


@dataclass(frozen=True, slots=True)
class TextPair:
    """A column on both sides.

    Attributes:
        name: the field.
        source: the SQL of its text in PostgreSQL.
        sink: the SQL of its text in ClickHouse.
    """

    name: str
    source: str
    sink: str


def pair(column: Column, live: SourceColumn, source_name: str, sink_name: str) -> TextPair | None:
    """Return the texts of a column; None where the types can't be compared.

    Args:
        column: the column in ClickHouse.
        live: the column in PostgreSQL.
        source_name: its quoted name there.
        sink_name: its quoted name in ClickHouse.
    """
    kind = live.type
    if column.is_own:
        return None
    if kind.endswith("[]"):
        return _list_pair(column, kind.removesuffix("[]"), source_name, sink_name)
    texts = _texts(kind, _plain(column.type))
    if texts is None:
        return None
    return TextPair(column.name, texts[0](source_name), texts[1](sink_name))


def row_text(values: Sequence[str], *, is_sink: bool) -> str:
    """Return the SQL of one text for several that may be NULL, from which each can be told."""
    if is_sink:
        parts = [f"ifNull(concat(toString(length({v})), ':', {v}), '~')" for v in values]
        return parts[0] if len(parts) == 1 else f"concat({', '.join(parts)})"
    return " || ".join(f"coalesce(octet_length({v}) || ':' || {v}, '~')" for v in values)


def _list_pair(column: Column, kind: str, source_name: str, sink_name: str) -> TextPair | None:
    items = _ARRAY.match(column.type)
    texts = _texts(kind, _plain(items.group(1))) if items else None
    if texts is None:
        return None
    source = (
        f"(SELECT coalesce(string_agg({row_text([texts[0]('e')], is_sink=False)}, '' ORDER BY n), '')"
        f" FROM unnest({source_name}) WITH ORDINALITY AS items (e, n))"
    )
    item = row_text([texts[1]("e")], is_sink=True)
    return TextPair(column.name, source, f"arrayStringConcat(arrayMap(e -> {item}, {sink_name}))")


def _plain(type_: str) -> str:
    """Return a ClickHouse type without Nullable and LowCardinality."""
    for wrapper in ("LowCardinality(", "Nullable("):
        if type_.startswith(wrapper):
            type_ = type_.removeprefix(wrapper).removesuffix(")")
    return type_


def _texts(kind: str, type_: str) -> tuple[Text, Text] | None:
    if kind in {"real", "double precision"} and type_ == "Float64":
        return _FLOAT
    if type_ == "Date32" and kind == "date":
        return _DATE
    if type_.startswith("DateTime64("):
        return _moment(kind, int(type_[len("DateTime64(")]))
    if type_ == "Int64":
        return _INTEGERS.get(kind)
    if type_ == "Bool" and kind in {"boolean", "bit"}:
        return (lambda v: f"({v})::int::boolean::text"), (lambda v: f"toString({v})")
    if type_ == "UUID" and kind == "uuid":
        return (lambda v: f"{v}::text"), (lambda v: f"toString({v})")
    if type_.startswith("Decimal(") and kind == "numeric":
        return _DECIMAL
    return _STRINGS.get(kind) if type_ == "String" else None


def _moment(kind: str, scale: int) -> tuple[Text, Text] | None:
    unit = {3: ("milliseconds", "Milli"), 6: ("microseconds", "Micro")}.get(scale)
    if unit is None or kind not in {"timestamp without time zone", "timestamp with time zone"}:
        return None

    def source(v: str) -> str:
        number = (
            f"(extract(epoch FROM date_trunc('{unit[0]}', {v})) * {10**scale})::numeric(38)::text"
        )
        if kind == "timestamp with time zone":
            # What ClickHouse parses from a text is NULL outside the years that it knows.
            inside = f"{v} >= '{_FIRST} 00:00Z' AND {v} < '2300-01-01 00:00Z'"
            return f"CASE WHEN {inside} THEN {number} END"
        # An infinite one is null in the topic, or not there (``unrepresentableValues``).
        return f"CASE WHEN isfinite({v}) THEN {number} END"

    return source, lambda v: f"toString(toUnixTimestamp64{unit[1]}({v}))"


def _zoned_source(v: str) -> str:
    """An ISO text as Debezium writes it, of a timestamptz that stays a text."""
    return f"to_char({v} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def _clock_source(v: str) -> str:
    clock = f"('2000-01-01'::date + ({v} AT TIME ZONE 'UTC')::time)"
    return f"to_char({clock}, 'HH24:MI:SS.US') || 'Z'"


def _whole_seconds(v: str) -> str:
    """Write the six digits behind the second out, where ClickHouse holds a text without them."""
    return f"replaceRegexpOne({v}, '(:[0-9]{{2}})Z$', '\\\\1.000000Z')"


def _number_sink(v: str) -> str:
    """Numbers that are none are spelled in several ways."""
    upper = f"upper({v})"
    return (
        f"multiIf({upper} = 'NAN', 'NaN',"
        f" {upper} IN ('INFINITY', 'POSITIVE_INFINITY'), 'Infinity',"
        f" {upper} IN ('-INFINITY', 'NEGATIVE_INFINITY'), '-Infinity', {v})"
    )


def _interval_source(v: str) -> str:
    """Microseconds as Debezium counts them: a month has 30.4375 days."""
    months = f"(extract(year FROM {v}) * 12 + extract(month FROM {v}))"
    days = f"({months} * 30.4375 + extract(day FROM {v}))"
    seconds = f"(extract(hour FROM {v}) * 3600 + extract(minute FROM {v}) * 60"
    return f"(({days} * 86400 + {seconds} + extract(second FROM {v}))) * 1000000)::bigint::text"


def _same(v: str) -> str:
    return v


def _as_text(v: str) -> str:
    return f"{v}::text"


def _to_string(v: str) -> str:
    return f"toString({v})"


_DATE: tuple[Text, Text] = (
    # As the number of days, which ClickHouse keeps beyond the years that it shows.
    lambda v: f"CASE WHEN isfinite({v}) THEN ({v} - date '1970-01-01')::text END",
    lambda v: f"toString(toInt32({v}))",
)
_DECIMAL: tuple[Text, Text] = (
    lambda v: f"CASE WHEN {v} <> 'NaN' THEN trim_scale({v})::text END",
    lambda v: f"toString({v})",
)
_FLOAT: tuple[Text, Text] = (
    lambda v: f"encode(float8send({v}::float8), 'hex')",
    # Not as a string: that would lose the zero bytes at the end.
    lambda v: f"lower(hex(reverse(reinterpretAsFixedString({v}))))",
)
_INTEGERS: Mapping[str, tuple[Text, Text]] = {
    **dict.fromkeys(("smallint", "integer", "bigint", "oid"), (_as_text, _to_string)),
    "time without time zone": (
        lambda v: f"(extract(epoch FROM date_trunc('milliseconds', {v})) * 1000)::bigint::text",
        _to_string,
    ),
    "interval": (_interval_source, _to_string),
}
_STRINGS: Mapping[str, tuple[Text, Text]] = {
    **dict.fromkeys(_TEXT_TYPES, (_as_text, _same)),
    "character": (_as_text, lambda v: f"trimRight({v})"),
    "bpchar": (_as_text, lambda v: f"trimRight({v})"),
    "bytea": (lambda v: f"encode({v}, 'hex')", lambda v: f"lower(hex({v}))"),
    "numeric": (_as_text, _number_sink),
    "money": (lambda v: f"{v}::numeric::text", _same),
    "inet": (lambda v: f"abbrev({v})", _same),
    "bit": (_as_text, _same),
    "bit varying": (_as_text, _same),
    "timestamp with time zone": (_zoned_source, _whole_seconds),
    "time with time zone": (_clock_source, _whole_seconds),
}
