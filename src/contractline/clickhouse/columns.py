"""From Avro to ClickHouse: the columns that hold every released version of a schema. Pure.

The types are those that stay right when a schema changes in a way that Avro allows: 64 bits for
every integer, text for enums, the exact scale for times and decimals, and NULL in the queue
wherever Avro has a default, since ClickHouse would put its own default there and not Avro's.
What ClickHouse can't read without breaking on such a change is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from open_data_contract_standard.model import SchemaProperty

from contractline.avro.decimals import scaled
from contractline.avro.node import Node
from contractline.avro.schema import Schema
from contractline.avro.text import default_words
from contractline.clickhouse.flatten import (
    ABSENT,
    MOST_DIGITS,
    Leaf,
    Leaves,
    column_meant,
    is_list,
    leaves_of,
    nullable,
    scalar,
    type_place,
)
from contractline.clickhouse.sql import identifier, literal
from contractline.clickhouse.types import Type, parse
from contractline.clickhouse.unmappable import Refusal, Unmappable
from contractline.clickhouse.unmappable import SchemaUnmappable as SchemaUnmappable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = -25_567, 120_529
"""The days that Date32 knows, 1900-01-01 to 2299-12-31; ClickHouse shows the nearest of any other."""

_BYTE = 255
_KINDS_OF_DEFAULTS: Mapping[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "int": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "bytes": str,
    "fixed": str,
    "string": str,
    "enum": str,
}
"""How JSON holds the defaults of types of one value."""

_SCALE = {"millis": 3, "micros": 6, "nanos": 9}
ISO_TIME = "DateTime64(6, 'UTC')"
"""What a text becomes that the contract calls a timestamp."""

TextOf = Literal["", "timestamp", "uuid", "numeric"]
"""Which type of the source a text is a value of, so that it has a type of its own in ClickHouse."""

_NUMERIC = re.compile(r"(?:numeric|decimal)\((\d+)(?:, ?(\d+))?\)\Z")

_DECIMAL = re.compile(r"(?:Nullable\()?Decimal\((\d+), (\d+)\)+\Z")

_BEYOND = "^([+-]?[0-9]{5,}|-[0-9]{4}|[03-9][0-9]{3}|1[0-8][0-9]{2}|2[3-9][0-9]{2})-"
"""Texts of years that ClickHouse would read as 1900 or 2299; they become NULL."""


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a record, from the queue to the tables.

    Attributes:
        field: the names of the field, outermost first.
        path: the column of the queue, by which AvroConfluent finds the value.
        queue_type: its type there.
        type: its type in the tables.
        default: the SQL of Avro's default; empty where there is none to apply.
        text_of: what it is that arrives as text; empty for what stays as it arrives.
        is_everywhere: whether every version holds it.
        is_own: whether the contract gives the type.
        is_read_again: whether records that lack it are read again from the captured table, so that
            they need not be read as the default.
        comment: what it means.
    """

    field: tuple[str, ...]
    path: str
    queue_type: str
    type: str
    default: str = ""
    text_of: TextOf = ""
    is_everywhere: bool = True
    is_own: bool = False
    is_read_again: bool = False
    comment: str = ""

    @property
    def name(self) -> str:
        """The column's name everywhere but in the queue.

        Not dotted: MergeTree takes dotted arrays for one Nested structure and refuses rows where
        their lengths differ, which would stop the stream.
        """
        return "_".join(self.field)

    @property
    def expression(self) -> str:
        """The SQL that makes the tables' value from the record's; never fails."""
        value = identifier(self.name)
        return self._parsed(f"ifNull({value}, {self.default})" if self.default else value)

    @property
    def stored_default(self) -> str:
        """The SQL of what a row holds that was stored before the column was there."""
        return self._parsed(self.default) if self.default and not self.is_everywhere else ""

    @property
    def digits(self) -> tuple[int, int]:
        """Precision and scale of a Decimal; zeros for any other type."""
        return _digits(self.type) or (0, 0)

    def _parsed(self, value: str) -> str:
        if self.text_of == "timestamp":
            parsed = f"parseDateTime64BestEffortOrNull({value}, 6, 'UTC')"
            return f"if(match({value}, '{_BEYOND}'), NULL, {parsed})"
        if self.text_of == "uuid":
            return f"toUUIDOrNull({value})"
        if self.text_of == "numeric":
            # ClickHouse would cut digits off, and refuse the block of a number that is too large.
            return f"CAST(if(match({value}, '{self._number}'), {value}, NULL), '{self.type}')"
        return value

    @property
    def _number(self) -> str:
        """Return the pattern of the texts whose numbers the column holds exactly."""
        precision, scale = self.digits
        whole = f"[0-9]{{1,{max(precision - scale, 1)}}}" if precision > scale else "0"
        return f"^-?{whole}{f'([.][0-9]{{1,{scale}}})?' if scale else ''}$"


@dataclass(frozen=True, slots=True)
class Mapped:
    """The columns of every version of a record, and the fields that get none.

    Attributes:
        columns: those of the newest version come first, in its order; then those that only
            earlier versions hold.
        refusals: the fields that can't be held.
        leaves: what each version holds, oldest first.
    """

    columns: tuple[Column, ...]
    refusals: tuple[Refusal, ...]
    leaves: tuple[Mapping[tuple[str, ...], Leaf], ...]


def columns_of(
    contract: str,
    versions: Sequence[Schema],
    described: Mapping[str, SchemaProperty],
    types: Mapping[str, str],
    *,
    is_captured: bool = False,
) -> tuple[Column, ...]:
    """Return the columns that hold every version of a record (:class:`Mapped`).

    Args:
        contract: whose they are, for messages.
        versions: the schemas of the value, oldest first.
        described: what the ODCS file says of single fields.
        types: column types of the contract's own, by field.
        is_captured: whether the records are the rows of a table, see :func:`map_versions`.

    Raises:
        SchemaUnmappable: ClickHouse can't hold them all in one table.
    """
    mapped = map_versions(versions, described, types, is_captured=is_captured)
    for refusal in mapped.refusals:
        raise SchemaUnmappable(contract, refusal)
    return mapped.columns


def map_versions(
    versions: Sequence[Schema],
    described: Mapping[str, SchemaProperty],
    types: Mapping[str, str],
    *,
    is_captured: bool = False,
) -> Mapped:
    """Return the columns that hold every version of a record, and what can't be held.

    The rows of a captured table are read again once a version holds a new column. So it matters
    little what a record that lacks the column is read as, and its default may be any.
    """
    each = [leaves_of(schema, types) for schema in versions]
    refusals = {r.field: replace(r, version=n) for n, one in enumerate(each) for r in one.refusals}
    newest_first = [leaves.of for leaves in reversed(each)]
    columns: list[Column] = []
    for field in dict.fromkeys(field for leaves in newest_first for field in leaves):
        held = [(n, leaves.of[field]) for n, leaves in enumerate(each) if field in leaves.of][::-1]
        lacking = [leaves.root for leaves in reversed(each) if field not in leaves.of]
        default = _default([leaf for _, leaf in held], lacking)
        hidden = _hidden_default(held, default, is_everywhere=not lacking)
        refusal = _change(held, each) or (None if is_captured else hidden)
        if refusal is None:
            column = _column(field, newest_first, default, described, is_captured=is_captured)
            columns.append(replace(column, is_read_again=hidden is not None))
        else:
            refusals.setdefault(field, refusal)
    refusals |= {refusal.field: refusal for refusal in _twins(columns, newest_first)}
    return Mapped(tuple(columns), tuple(refusals.values()), tuple(one.of for one in each))


def _column(
    field: tuple[str, ...],
    versions: Sequence[Mapping[tuple[str, ...], Leaf]],
    default: Any,
    described: Mapping[str, SchemaProperty],
    *,
    is_captured: bool,
) -> Column:
    """Join what the versions, newest first, say of one value."""
    leaves = [version[field] for version in versions if field in version]
    leaf, is_everywhere = leaves[0], len(leaves) == len(versions)
    is_nullable = any(one.is_nullable for one in leaves)
    has_default = _is_value(leaf.node, default) and not is_list(leaf.type) and not is_nullable
    may_lack = is_nullable or default is not ABSENT or not is_everywhere
    as_written = leaf.is_own or is_list(leaf.type) or not may_lack
    # A later version may give the elements of a Tuple in another order, and the column keeps its own.
    type_ = leaves[-1].type if "Tuple(" in leaf.type else leaf.type
    queue_type = type_ if as_written else nullable(type_)
    column = Column(
        field=leaf.field,
        path=".".join(leaf.path),
        queue_type=queue_type,
        type=type_ if has_default else queue_type,
        default=default_sql(leaf, default) if has_default else "",
        is_everywhere=is_everywhere,
        is_own=leaf.is_own,
        comment=_comment(leaf, described, is_removed=field not in versions[0]),
    )
    return column if leaf.is_own else _of_text(column, described, is_captured=is_captured)


def _default(leaves: Sequence[Leaf], lacking: Sequence[Node]) -> Any:
    """Return the newest default of a value.

    That of records that lack it, where it is the same for all: a record around it that is lacking
    too may have no default, or null.
    """
    meant = [_newest(leaf.default_in(root) for leaf in leaves) for root in lacking]
    if meant and all(one == meant[0] for one in meant):
        return meant[0]
    return _newest(leaf.default for leaf in leaves)


def _newest(defaults: Iterable[Any]) -> Any:
    return next((one for one in defaults if one is not ABSENT), ABSENT)


def _of_text(
    column: Column, described: Mapping[str, SchemaProperty], *, is_captured: bool
) -> Column:
    """Turn a text into what the contract says that it is; NULL where it is none.

    That is a timestamp, and in a captured table also a uuid and a numeric whose digits are limited.
    """
    said = described.get(column.field[0]) if len(column.field) == 1 else None
    if said is None or column.queue_type not in {"String", "Nullable(String)"}:
        return column
    if said.logicalType == "timestamp":
        return replace(column, type=nullable(ISO_TIME), text_of="timestamp")
    if not is_captured or not (type_ := value_type(said.physicalType or "")):
        return column
    return replace(column, type=nullable(type_), text_of="uuid" if type_ == "UUID" else "numeric")


def value_type(sql_type: str) -> str:
    """Return the type of a column that holds a text's value; empty for a text that stays one.

    Args:
        sql_type: the type of PostgreSQL with its precision, such as ``numeric(12,2)``.
    """
    if sql_type == "uuid":
        return "UUID"
    digits = digits_of(sql_type)
    return f"Decimal({digits[0]}, {digits[1]})" if digits else ""


def digits_of(sql_type: str) -> tuple[int, int] | None:
    """Return the precision and the scale of a numeric of PostgreSQL that a Decimal holds.

    Args:
        sql_type: the type with its precision, such as ``numeric(12,2)``.
    """
    found = _NUMERIC.match(sql_type)
    if found is None:
        return None
    precision, scale = int(found[1]), int(found[2] or 0)
    return (precision, scale) if scale <= precision <= MOST_DIGITS else None


def holds(described: str, sql_type: str) -> bool:
    """Tell whether a column made for one type of PostgreSQL holds every value of another.

    Args:
        described: the type that the contract names.
        sql_type: the other.
    """
    one, other = digits_of(described), digits_of(sql_type)
    return described == sql_type or (one is not None and other is not None and _holds(one, other))


def is_wider(type_: str, old: str) -> bool:
    """Tell whether a Decimal holds more than another one, and all its values: a column may become it."""
    one, other = _digits(type_), _digits(old)
    if one is None or other is None or one == other:
        return False
    return ("Nullable" in type_) == ("Nullable" in old) and _holds(one, other)


def _digits(type_: str) -> tuple[int, int] | None:
    """Return the precision and the scale of a Decimal column; None for any other type."""
    found = _DECIMAL.match(type_)
    return (int(found[1]), int(found[2])) if found else None


def _holds(one: tuple[int, int], other: tuple[int, int]) -> bool:
    (precision, scale), (least, behind) = one, other
    return scale >= behind and precision - scale >= least - behind


def _comment(leaf: Leaf, described: Mapping[str, SchemaProperty], *, is_removed: bool) -> str:
    said = described.get(leaf.field[0]) if len(leaf.field) == 1 else None
    parts = [leaf.doc or (said.description if said else None) or ""]
    if is_removed:
        parts.append("Only earlier versions of the contract hold it.")
    if leaf.is_nullable and is_list(leaf.type):
        parts.append("Empty also when it is null in the record.")
    if said and said.classification:
        parts.append(f"[{said.classification}]")
    return " ".join(" ".join(part.split()) for part in parts if part)


def _change(held: Sequence[tuple[int, Leaf]], versions: Sequence[Leaves]) -> Refusal | None:
    """Refuse a value that one column can't hold, from the versions that have it, newest first.

    A version that has the newer one's logical type beside the type holds the same value: what the
    column makes of it is told by the rules.
    """
    version, now = held[0]
    for number, before in held[1:]:
        if before.path == now.path and _unordered(before.type) == _unordered(now.type):
            continue
        meant = column_meant(versions[number].root, now.field)
        if (meant, before.path) != (now.type, now.path):
            kind = _kind_of_change(before, now)
            return Refusal(
                kind,
                now.field,
                f"is {_held(before, now)} in one version and {_held(now, before)} in a later one;"
                " one ClickHouse column can't read both",
                "keep the records as they were and add a list of the new ones beside them"
                if kind is Unmappable.RECORD_IN_LIST
                else "keep the field as it was and add another beside it",
                version,
                type_place(now.steps),
            )
    return None


def _unordered(type_: str) -> str | Type:
    """Return a type without the order of a Tuple's elements, in which ClickHouse reads any record."""
    return _in_order(parse(type_)) if "Tuple(" in type_ else type_


def _in_order(type_: Type) -> Type:
    inner = tuple(map(_in_order, type_.inner))
    if type_.name != "Tuple":
        return replace(type_, inner=inner)
    by_label = sorted(zip(type_.labels, inner, strict=True), key=lambda one: one[0])
    return replace(type_, labels=tuple(a for a, _ in by_label), inner=tuple(b for _, b in by_label))


def _held(leaf: Leaf, other: Leaf) -> str:
    """Return what holds a value in one version, with its place where that is another one."""
    return leaf.type if leaf.path == other.path else f"{leaf.type} at {'.'.join(leaf.path)}"


def _kind_of_change(before: Leaf, now: Leaf) -> Unmappable:
    if before.path != now.path:
        return Unmappable.FIELD_MOVED
    both = (before.type, now.type)
    if all("Tuple(" in type_ for type_ in both):
        return Unmappable.RECORD_IN_LIST
    if any(type_.startswith("DateTime64(") for type_ in both):
        return Unmappable.TIME_CHANGED
    if any(type_.startswith("Decimal(") for type_ in both):
        return Unmappable.DECIMAL_CHANGED
    return Unmappable.TYPE_CHANGED


def _hidden_default(
    held: Sequence[tuple[int, Leaf]], default: Any, *, is_everywhere: bool
) -> Refusal | None:
    """Refuse a default that can't be told from a value of the record's own."""
    version, leaf = held[0]
    of_list = is_list(leaf.type)
    if is_everywhere or default in (ABSENT, None) or (of_list and not default):
        return None
    if not (of_list or any(one.is_nullable for _, one in held)):
        return None
    own, empty = ("null", "null")
    if of_list:
        own, empty = ("an empty map", "{}") if leaf.type[0] == "M" else ("an empty list", "[]")
    return Refusal(
        Unmappable.DEFAULT_HIDDEN,
        leaf.field,
        f"has the default {default_words(default)} and some version lacks it; ClickHouse can't tell"
        f" a record that lacks the field from one that holds {own}",
        f"use the default {empty}",
        version,
        (*leaf.steps, "default"),
    )


def _twins(
    columns: Sequence[Column], versions: Sequence[Mapping[tuple[str, ...], Leaf]]
) -> Iterator[Refusal]:
    seen: dict[str, Column] = {}
    for column in columns:
        twin = seen.setdefault(column.name, column)
        if twin is not column:
            back = next(n for n, leaves in enumerate(versions) if column.field in leaves)
            yield Refusal(
                Unmappable.NAME_TAKEN,
                column.field,
                f"gives the column {column.name}, and {'.'.join(twin.field)} does so too",
                "a nested field's column joins the names with _; rename the newer field",
                len(versions) - 1 - back,
                versions[back][column.field].steps,
            )


def _is_value(node: Node, default: Any) -> bool:
    """Tell whether there is a default, and of its type: of one that is not, a rule speaks."""
    kinds = _KINDS_OF_DEFAULTS.get(node.kind)
    if kinds is None:
        return default not in (ABSENT, None)
    if not isinstance(default, kinds) or isinstance(default, bool) != (node.kind == "boolean"):
        return False
    if isinstance(default, str) and node.kind in {"bytes", "fixed"}:
        return all(ord(character) <= _BYTE for character in default)
    return True


def default_sql(leaf: Leaf, default: Any) -> str:
    """Return Avro's default as SQL of the column's type; empty where there is none to apply.

    Args:
        leaf: the value.
        default: its default.
    """
    if not (scalar(leaf.node) and _is_value(leaf.node, default)):
        return ""
    if not leaf.is_own:
        return _sql_value(leaf.node, leaf.type, default)
    plain = scalar(leaf.node)
    value = _sql_value(leaf.node, plain, default)
    return (
        value if leaf.type in (plain, nullable(plain)) else f"CAST({value}, {literal(leaf.type)})"
    )


def _sql_value(node: Node, type_: str, default: Any) -> str:
    if type_ == "Bool":
        return "true" if default else "false"
    if type_.startswith("Decimal("):
        unscaled = int.from_bytes(default.encode("latin-1"), "big", signed=True)
        number = scaled(unscaled, int(node.json.get("scale", 0)))
        return f"CAST('{number:f}', {literal(type_)})"
    if node.kind in {"bytes", "fixed"}:
        return f"unhex('{default.encode('latin-1').hex()}')"
    if type_ == "Date32":
        day = _EPOCH + timedelta(days=min(max(default, _FIRST_DAY), _LAST_DAY))
        return f"toDate32('{day.date().isoformat()}')"
    if type_.startswith("DateTime64("):
        scale = _SCALE[node.logical.rpartition("-")[2]]
        unit = {3: "Milli", 6: "Micro", 9: "Nano"}[scale]
        return f"fromUnixTimestamp64{unit}(toInt64({default}), 'UTC')"
    if type_ == "UUID":
        return f"toUUID({literal(default)})"
    if type_ == "Float64":
        return repr(float(default))
    return str(default) if isinstance(default, int) else literal(default)
