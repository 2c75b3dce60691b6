"""The values of one schema that become columns: its leaves, and what can't be one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from contractline.avro.misplaced import type_meant
from contractline.avro.node import Node, fields_along, types_along
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.clickhouse.sql import identifier
from contractline.clickhouse.types import DEEPEST
from contractline.clickhouse.unmappable import Refusal, Unmappable

ABSENT = object()
"""The default of a field that has none; None would be Avro's null."""

MOST_COLUMNS = 20_000

MOST_DIGITS = 76
"""The precision of ClickHouse's largest Decimal."""

_PLAIN = {
    "boolean": "Bool",
    "int": "Int64",
    "long": "Int64",
    "float": "Float64",
    "double": "Float64",
    "bytes": "String",
    "string": "String",
    "fixed": "String",
    "enum": "LowCardinality(String)",
}
_LOGICAL = {
    ("int", "date"): "Date32",
    ("long", "timestamp-millis"): "DateTime64(3, 'UTC')",
    ("long", "timestamp-micros"): "DateTime64(6, 'UTC')",
    ("long", "timestamp-nanos"): "DateTime64(9, 'UTC')",
    ("long", "local-timestamp-millis"): "DateTime64(3, 'UTC')",
    ("long", "local-timestamp-micros"): "DateTime64(6, 'UTC')",
    ("long", "local-timestamp-nanos"): "DateTime64(9, 'UTC')",
    ("string", "uuid"): "UUID",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a schema that has no parts, or whose parts the contract leaves to the engine.

    Attributes:
        field: the names of the field, outermost first.
        path: the names by which AvroConfluent finds it.
        node: its type; the one beside null in a union.
        type: the ClickHouse type that holds it.
        is_nullable: whether it, or a record around it, may be null.
        defaults: what Avro reads where a record lacks the outermost of its names, the next, and so
            on to its own: :data:`ABSENT` where that has no default.
        doc: what the schema says of it.
        steps: the place of the field.
        is_own: whether the contract gives the type.
    """

    field: tuple[str, ...]
    path: tuple[str, ...]
    node: Node
    type: str
    is_nullable: bool
    defaults: tuple[Any, ...]
    doc: str
    steps: Steps
    is_own: bool = False

    @property
    def default(self) -> Any:
        """Avro's default of it, or :data:`ABSENT`; what a record around it says comes first."""
        told = (one for one in self.defaults if one is not ABSENT and one is not None)
        return next(told, self.defaults[-1])

    def default_in(self, record: Node) -> Any:
        """Return what Avro reads where a version lacks it, or a record around it.

        Nothing where something else stands in the place of such a record.

        Args:
            record: that version.
        """
        if len(self.defaults) == 1:  # nearly always
            return self.defaults[0]
        along = list(types_along(record, self.field[:-1]))
        is_record = not along or any(one.kind == "record" for one in along[-1].branches)
        return self.defaults[len(along)] if is_record else ABSENT


@dataclass(frozen=True, slots=True)
class Leaves:
    """What one schema gives.

    Attributes:
        of: the leaves by field, in the order of the schema.
        refusals: the fields that can't be columns.
        root: the schema, ready to be walked through.
    """

    of: Mapping[tuple[str, ...], Leaf]
    refusals: tuple[Refusal, ...]
    root: Node


def leaves_of(schema: Schema, types: Mapping[str, str]) -> Leaves:
    """Return the leaves of a record.

    Args:
        schema: the record.
        types: column types of the contract's own, by field.
    """
    return _leaves(_Text(schema.text, schema), tuple(types.items()))


@dataclass(frozen=True, slots=True)
class _Text:
    """A schema told from another by its text: equal schemas may differ in what they document."""

    text: str
    schema: Schema = field(compare=False)


@lru_cache(maxsize=10_000)
def _leaves(text: _Text, types: tuple[tuple[str, str], ...]) -> Leaves:
    # Rules, proof and SQL all ask for the same schemas.
    reading = _LeafReader(dict(types), text.schema.plain_fields)
    root = Node.root(text.schema)
    found = reading.record(root, _Around())
    return Leaves({leaf.field: leaf for leaf in found}, tuple(reading.refusals), root)


def scalar(node: Node) -> str:
    """Return the ClickHouse type of a value that is one value; empty for any other."""
    if node.logical == "decimal":
        return f"Decimal({node.json['precision']}, {node.json.get('scale', 0)})"
    return _LOGICAL.get((node.kind, node.logical)) or _PLAIN.get(node.kind, "")


def column_meant(record: Node, field: Sequence[str]) -> str:
    """Return the column type that a field's logical type would give, were it not beside its type.

    Empty where no logical type stands beside it, or where no column holds it.

    Args:
        record: the version.
        field: the names of the field, outermost first.
    """
    along = list(fields_along(record, field))
    meant = type_meant(along[-1][1]) if len(along) == len(field) else None
    if meant is None:
        return ""
    try:
        return _shallow(_type(_branch(along[-1][0].of(meant))[0]))
    except _Refused:
        return ""


def type_place(steps: Steps) -> Steps:
    """Return the place of a field's type; that of the reference where the field is behind one."""
    return (*steps, "type") if steps[-2:-1] == ("fields",) else steps


def is_list(type_: str) -> bool:
    """Tell whether a type holds any number of values, so that it can't be null itself."""
    return type_.startswith(("Array(", "Map("))


def nullable(type_: str) -> str:
    """Return a ClickHouse type that also takes NULL."""
    if type_.startswith("LowCardinality("):
        inner = type_.removeprefix("LowCardinality(").removesuffix(")")
        return f"LowCardinality({nullable(inner)})"
    return type_ if type_.startswith("Nullable(") else f"Nullable({type_})"


@dataclass(frozen=True, slots=True)
class _Around:
    """What the records around a field say.

    Attributes:
        field: their names.
        path: the names by which AvroConfluent finds them.
        steps: the place of their fields; that of the reference where a type is used by its name.
        is_reference: whether ``steps`` is the place of such a reference.
        is_nullable: whether one of them may be null.
        defaults: the defaults of the innermost, as those of a :class:`Leaf`.
        inside: their types' full names.
    """

    field: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    steps: Steps = ()
    is_reference: bool = False
    is_nullable: bool = False
    defaults: tuple[Any, ...] = ()
    inside: tuple[str, ...] = ()

    def at(self, field: tuple[str, ...], steps: Steps) -> _Around:
        """Return the same at one of the fields."""
        return _Around(
            field,
            self.path,
            steps,
            self.is_reference,
            self.is_nullable,
            self.defaults,
            self.inside,
        )


_ENDLESS = (
    "is a record inside itself, which has no end in a table",
    "keep the parent's key in a field instead, or the inner records as JSON text",
)


class _Refused(Exception):
    """A field can't be a column."""

    def __init__(self, kind: Unmappable, problem: str, hint: str = "") -> None:
        self.kind, self.problem, self.hint = kind, problem, hint
        super().__init__(problem)


class _LeafReader:
    """A walk through one schema.

    Args:
        types: column types of the contract's own, by field.
        plain: what the types of a plain record mean (:attr:`Schema.plain_fields`).
    """

    def __init__(self, types: Mapping[str, str], plain: Mapping[str, str]) -> None:
        self._types = types
        self._plain = plain
        self._count = 0
        self.refusals: list[Refusal] = []

    def record(self, record: Node, around: _Around) -> Sequence[Leaf]:
        found: list[Leaf] = []
        for position, one in enumerate(record.fields):
            if self._count > MOST_COLUMNS:
                break
            name = (*around.field, one["name"])
            steps = around.steps if around.is_reference else (*around.steps, "fields", position)
            try:
                found += self._field(record, one, around.at(name, steps))
            except _Refused as no:
                place = type_place(steps)
                self.refusals.append(Refusal(no.kind, name, no.problem, no.hint, steps=place))
        return found

    def _field(self, record: Node, field: Mapping[str, Any], here: _Around) -> Sequence[Leaf]:
        """Return the leaves of a field; of ``here`` name and place are its own."""
        own = self._types.get(".".join(here.field))
        if meaning := self._plain.get(field["name"]):
            self._count_one()
            doc, default = field.get("doc", ""), repr(field.get("default", ABSENT))
            return [_plain_leaf(_Plain(here, meaning, default, doc, own, record, field))]
        whole = record.of(field["type"])
        node, is_null = _branch(whole) if own is None else _own_branch(whole)
        if own is not None or node.kind != "record":
            self._count_one()
            return [_leaf(here, node, field, own, is_null=is_null)]
        if node.full_name in here.inside:
            raise _Refused(Unmappable.RECURSION, *_ENDLESS)
        path = (*here.path, field["name"])
        around = _Around(
            here.field,
            (*path, node.short_name) if is_null else path,
            _inner_steps(here, whole, node),
            here.is_reference or node.is_reference,
            is_null or here.is_nullable,
            _defaults(here, field),
            (*here.inside, node.full_name),
        )
        return self.record(node, around)

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MOST_COLUMNS:
            words = f"is one of more than {MOST_COLUMNS:,} values in a record"
            raise _Refused(Unmappable.RECURSION, words, "split the record into several streams")


@dataclass(frozen=True, slots=True)
class _Plain:
    """A field of a plain record, told from another by all that its leaf is made of."""

    here: _Around
    meaning: str
    default: str
    doc: str
    own: str | None
    record: Node = field(compare=False)
    json: Mapping[str, Any] = field(compare=False)


@lru_cache(maxsize=1_000)
def _plain_leaf(field: _Plain) -> Leaf:
    # Most versions write most fields as the version before: few records have more.
    whole = field.record.of(field.json["type"])
    node, is_null = _branch(whole) if field.own is None else _own_branch(whole)
    return _leaf(field.here, node, field.json, field.own, is_null=is_null)


def _leaf(
    here: _Around, node: Node, field: Mapping[str, Any], own: str | None, *, is_null: bool
) -> Leaf:
    return Leaf(
        here.field,
        (*here.path, field["name"]),
        node,
        own or _shallow(_type(node, here.inside)),
        is_null or here.is_nullable,
        _defaults(here, field),
        field.get("doc", ""),
        here.steps,
        own is not None,
    )


def _defaults(here: _Around, field: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the defaults of a field: within that of each record around it, and its own."""
    name, own = field["name"], field.get("default", ABSENT)
    around = (one.get(name, own) if isinstance(one, Mapping) else one for one in here.defaults)
    return (*around, own)


def _inner_steps(here: _Around, whole: Node, node: Node) -> Steps:
    if here.is_reference:
        return here.steps
    steps: Steps = (*here.steps, "type")
    if whole.kind != "union" or whole.is_reference:
        return steps
    kinds = [branch.kind for branch in whole.branches]
    return (*steps, kinds.index(node.kind))


def _branch(whole: Node) -> tuple[Node, bool]:
    """Return the type that is not null, and whether null is the other."""
    if whole.kind != "union":
        return whole, False
    branches = _branches(whole)
    if len(branches) != 1:
        raise _Refused(
            Unmappable.UNION,
            f"is a union of {len(branches)} types besides null; ClickHouse reads a union only"
            " with exactly the types it has now",
            "use one type, or a field for each",
        )
    return branches[0], len(branches) < len(whole.branches)


def _own_branch(whole: Node) -> tuple[Node, bool]:
    """Return the same of a field with a type of its own: a union of several as it is."""
    branches = _branches(whole)
    if len(branches) == 1:
        return branches[0], whole.kind == "union" and len(whole.branches) > 1
    return whole, len(branches) < len(whole.branches)


def _branches(union: Node) -> list[Node]:
    """Return the types of a union besides null."""
    if not union.branches:
        problem = "is a union of no types, which is nothing to keep"
        raise _Refused(Unmappable.NOTHING, problem, "give it a type")
    return [branch for branch in union.branches if branch.kind != "null"]


def _type(node: Node, inside: tuple[str, ...] = ()) -> str:
    """Return the ClickHouse type of a value that is one column.

    Args:
        node: its Avro type.
        inside: the full names of the records around it.
    """
    if node.kind == "array":
        return f"Array({_part(node.items, inside, *_null_in('list'))})"
    if node.kind == "map":
        return f"Map(String, {_part(node.items, inside, *_null_in('map'))})"
    plain = scalar(node)
    if node.logical == "decimal" and node.json["precision"] > MOST_DIGITS:
        problem = f"is a decimal of more than {MOST_DIGITS} digits, and ClickHouse has none of them"
        raise _Refused(Unmappable.DIGITS, problem, "use a smaller precision, or a text")
    if not plain:
        problem = f"is of type {node.kind}, which is nothing to keep"
        raise _Refused(Unmappable.NOTHING, problem, "give it a type: null is only one branch of it")
    return plain


def _shallow(type_: str) -> str:
    """Refuse a type that ClickHouse would not even read."""
    if type_.count("(") > DEEPEST:
        words = f"is of a type of more than {DEEPEST} levels, and ClickHouse reads none of them"
        raise _Refused(Unmappable.DEPTH, words, "keep what lies deeper as text, or flat")
    return type_


def _null_in(holder: str) -> tuple[str, str]:
    """Return why records that may be null can't be held, and what to do."""
    words = f"is a {holder} of records that may be null, and a Tuple of ClickHouse can't be"
    return words, "leave out what would be null"


def _part(whole: Node, inside: tuple[str, ...], problem: str, hint: str) -> str:
    """Return the type of what a list, a map or a Tuple holds.

    Args:
        whole: its Avro type.
        inside: the full names of the records around it.
        problem: what is wrong where it is a record that may be null.
        hint: what to do about that.
    """
    node, is_null = _branch(whole)
    if node.kind != "record":
        inner = _type(node, inside)
        return nullable(inner) if is_null and not is_list(inner) else inner
    if is_null:
        raise _Refused(Unmappable.RECORD_IN_LIST, problem, hint)
    return _tuple(node, inside)


def _tuple(record: Node, inside: tuple[str, ...]) -> str:
    """Return the type of a record in a list or a map: a Tuple of exactly its fields.

    One field more makes another type, and ClickHouse refuses every message that has it.
    """
    if record.full_name in inside:
        raise _Refused(Unmappable.RECURSION, *_ENDLESS)
    inside = (*inside, record.full_name)
    parts = []
    for one in record.fields:
        problem = (
            f"holds records whose {one['name']} may be null, and a Tuple of ClickHouse can't be"
        )
        hint = "put its fields into the record itself"
        type_ = _part(record.of(one["type"]), inside, problem, hint)
        parts.append(f"{identifier(one['name'])} {type_}")
    if not parts:
        raise _Refused(Unmappable.NOTHING, "holds records without fields", "give them a field")
    return f"Tuple({', '.join(parts)})"
