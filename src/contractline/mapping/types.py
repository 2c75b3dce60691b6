"""From Avro to ClickHouse: the columns that hold every released version of a schema. Pure.

The types are those that stay right when a schema changes in a way that Avro allows: 64 bits for
every integer, text for enums, the exact scale for times and decimals, and NULL in the queue
wherever Avro has a default, since ClickHouse would put its own default there and not Avro's.
What ClickHouse can't read without breaking on such a change is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from open_data_contract_standard.model import SchemaProperty

from contractline.avro.schema import Schema
from contractline.errors import ContractlineError
from contractline.mapping.sql import identifier, literal

ABSENT = object()
"""The default of a field that has none; None would be Avro's null."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
_SCALE = {"millis": 3, "micros": 6, "nanos": 9}
ISO_TIME = "DateTime64(6, 'UTC')"
"""What a text becomes that the contract calls a timestamp."""


class SchemaUnmappable(ContractlineError):
    """When ClickHouse can't hold what a schema describes.

    Attributes:
        contract: the contract.
        field: the field, with dots between nested names.
        problem: why.
    """

    def __init__(self, contract: str, field: str, problem: str, *, hint: str = "") -> None:
        self.contract = contract
        self.field = field
        self.problem = problem
        super().__init__(f"{contract}: field {field}: {problem}", hint=hint)


@dataclass(frozen=True, slots=True)
class Column:
    """One value of a record, from the queue to the tables.

    Attributes:
        field: the names of the field, outermost first.
        path: the column of the queue, by which AvroConfluent finds the value.
        queue_type: its type there.
        type: its type in the tables.
        default: the SQL of Avro's default; empty where there is none to apply.
        is_time_text: whether it is a timestamp that arrives as text.
        is_everywhere: whether every version holds it.
        comment: what it means.
    """

    field: tuple[str, ...]
    path: str
    queue_type: str
    type: str
    default: str = ""
    is_time_text: bool = False
    is_everywhere: bool = True
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
        return self._as_time(f"ifNull({value}, {self.default})" if self.default else value)

    @property
    def stored_default(self) -> str:
        """The SQL of what a row holds that was stored before the column was there."""
        return self._as_time(self.default) if self.default and not self.is_everywhere else ""

    def _as_time(self, value: str) -> str:
        if not self.is_time_text:
            return value
        return f"parseDateTime64BestEffortOrNull({value}, 6, 'UTC')"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value of one version's schema that has no parts.

    One with a type of the contract's own may have parts: they are left to the engine.
    """

    field: tuple[str, ...]
    path: tuple[str, ...]
    node: Any
    type: str
    is_nullable: bool
    default: Any
    is_null_with_record: bool
    doc: str
    is_own: bool = False


def columns_of(
    contract: str,
    versions: Sequence[Schema],
    described: Mapping[str, SchemaProperty],
    types: Mapping[str, str],
) -> tuple[Column, ...]:
    """Return the columns that hold every version of a record.

    Those of the newest come first, in its order; then those that only earlier versions hold.

    Args:
        contract: whose they are, for messages.
        versions: the schemas of the value, oldest first.
        described: what the ODCS file says of single fields.
        types: column types of the contract's own, by field.

    Raises:
        SchemaUnmappable: ClickHouse can't hold them all in one table.
    """
    by_version = [
        {leaf.field: leaf for leaf in _Reading(contract, schema, types).leaves()}
        for schema in versions
    ]
    newest_first = by_version[::-1]
    fields = dict.fromkeys(field for leaves in newest_first for field in leaves)
    columns = [_column(contract, field, newest_first, described) for field in fields]
    _refuse_twins(contract, columns)
    return tuple(columns)


def field_names(schema: Schema) -> Iterator[tuple[str, ...]]:
    """Yield every field of a record and of the records inside it, each with the names above it."""
    return _Reading(schema.where, schema, {}).names()


def _column(
    contract: str,
    field: tuple[str, ...],
    versions: Sequence[Mapping[tuple[str, ...], _Leaf]],
    described: Mapping[str, SchemaProperty],
) -> Column:
    """Join what the versions, newest first, say of one value."""
    leaves = [version[field] for version in versions if field in version]
    leaf, is_everywhere = leaves[0], len(leaves) == len(versions)
    _refuse_change(contract, leaves)
    is_nullable = any(one.is_nullable for one in leaves)
    default = next((one.default for one in leaves if one.default is not ABSENT), ABSENT)
    is_list = leaf.type.startswith(("Array(", "Map("))
    if not (is_everywhere or (leaf.is_null_with_record and _comes_with_record(field, versions))):
        _refuse_default(contract, leaf, default, is_nullable=is_nullable, is_list=is_list)
    has_default = default is not ABSENT and default is not None and not is_list and not is_nullable
    may_lack = is_nullable or default is not ABSENT or not is_everywhere
    queue_type = leaf.type if leaf.is_own or is_list or not may_lack else nullable(leaf.type)
    column = Column(
        field=leaf.field,
        path=".".join(leaf.path),
        queue_type=queue_type,
        type=leaf.type if has_default else queue_type,
        default=_sql_default(leaf, default) if has_default and _scalar(leaf.node) else "",
        is_everywhere=is_everywhere,
        comment=_comment(leaf, described, is_removed=field not in versions[0]),
    )
    return column if leaf.is_own else _with_time(column, described)


def _comes_with_record(
    field: tuple[str, ...], versions: Sequence[Mapping[tuple[str, ...], _Leaf]]
) -> bool:
    """Tell whether every version that lacks a nested field lacks the whole record around it."""
    lacking = [version for version in versions if field not in version]
    return not any(other[:-1] == field[:-1] for version in lacking for other in version)


def _with_time(column: Column, described: Mapping[str, SchemaProperty]) -> Column:
    """Turn a text into a time where the contract calls it a timestamp; NULL where it is none."""
    said = described.get(column.field[0]) if len(column.field) == 1 else None
    is_text = column.queue_type in {"String", "Nullable(String)"}
    if said is None or said.logicalType != "timestamp" or not is_text:
        return column
    return replace(column, type=nullable(ISO_TIME), is_time_text=True)


def nullable(type_: str) -> str:
    """Return a ClickHouse type that also takes NULL."""
    if type_.startswith("LowCardinality("):
        inner = type_.removeprefix("LowCardinality(").removesuffix(")")
        return f"LowCardinality({nullable(inner)})"
    return type_ if type_.startswith("Nullable(") else f"Nullable({type_})"


def _comment(leaf: _Leaf, described: Mapping[str, SchemaProperty], *, is_removed: bool) -> str:
    said = described.get(leaf.field[0]) if len(leaf.field) == 1 else None
    parts = [leaf.doc or (said.description if said else None) or ""]
    if is_removed:
        parts.append("Only earlier versions of the contract hold it.")
    if leaf.is_nullable and leaf.type.startswith(("Array(", "Map(")):
        parts.append("Empty also when it is null in the record.")
    if said and said.classification:
        parts.append(f"[{said.classification}]")
    return " ".join(" ".join(part.split()) for part in parts if part)


def _refuse_change(contract: str, leaves: Sequence[_Leaf]) -> None:
    for other in leaves[1:]:
        if (other.type, other.path) != (leaves[0].type, leaves[0].path):
            now, before = leaves[0], other
            raise SchemaUnmappable(
                contract,
                ".".join(now.field),
                f"one version says {before.type} ({'.'.join(before.path)}) and a later one"
                f" {now.type} ({'.'.join(now.path)}); one ClickHouse column can't read both",
                hint="keep the field as it was and add another beside it",
            )


def _refuse_default(
    contract: str, leaf: _Leaf, default: Any, *, is_nullable: bool, is_list: bool
) -> None:
    """Refuse a default that can't be told from a value of the record's own."""
    is_empty = default is ABSENT or default is None or (is_list and not default)
    if is_empty or not (is_nullable or is_list):
        return
    own = "an empty list" if is_list else "null"
    raise SchemaUnmappable(
        contract,
        ".".join(leaf.field),
        f"has the default {default!r} and some version lacks it; ClickHouse can't tell a record"
        f" that lacks the field from one that holds {own}",
        hint=f"use the default {'[] or {}' if is_list else 'null'}",
    )


def _refuse_twins(contract: str, columns: Sequence[Column]) -> None:
    seen: dict[str, Column] = {}
    for column in columns:
        twin = seen.setdefault(column.name, column)
        if twin is not column:
            raise SchemaUnmappable(
                contract,
                ".".join(column.field),
                f"gives the column {column.name}, and {'.'.join(twin.field)} does so too",
                hint="a nested field's column joins the names with _; rename the newer field",
            )


class _Reading:
    """A walk through one schema."""

    def __init__(self, contract: str, schema: Schema, types: Mapping[str, str]) -> None:
        self._contract = contract
        self._schema = schema
        self._types = types
        self._named: dict[str, Any] = {}

    def leaves(self) -> Iterator[_Leaf]:
        for field in self._schema.fields:
            yield from self._field(field, (), (), self._schema.definition.get("namespace", ""))

    def names(self) -> Iterator[tuple[str, ...]]:
        space = self._schema.definition.get("namespace", "")
        return self._names(self._schema.fields, (), space, ())

    def _names(
        self,
        fields: Sequence[Mapping[str, Any]],
        outer: tuple[str, ...],
        namespace: str,
        inside: tuple[str, ...],
    ) -> Iterator[tuple[str, ...]]:
        for field in fields:
            name = (*outer, field["name"])
            yield name
            branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
            for node in (self._resolved(branch, namespace) for branch in branches):
                if _kind(node) == "record" and (full := _full_name(node, namespace)) not in inside:
                    space = full.rpartition(".")[0]
                    yield from self._names(node["fields"], name, space, (*inside, full))

    def _field(
        self,
        field: Mapping[str, Any],
        outer: tuple[str, ...],
        path: tuple[str, ...],
        namespace: str,
        *,
        parent_nullable: bool = False,
        parent_default: Any = ABSENT,
        inside: tuple[str, ...] = (),
    ) -> Iterator[_Leaf]:
        name = (*outer, field["name"])
        own = self._types.get(".".join(name))
        choose = self._branch if own is None else self._own_branch
        node, is_null = choose(field["type"], name, namespace)
        default = field.get("default", ABSENT)
        if isinstance(parent_default, Mapping):
            default = parent_default.get(field["name"], default)
        kind = _kind(node)
        here = (*path, field["name"])
        if kind != "record" or own is not None:
            yield _Leaf(
                name,
                here,
                node,
                self._type(node, name, namespace) if own is None else own,
                is_null or parent_nullable,
                default,
                parent_default is None,
                field.get("doc", ""),
                own is not None,
            )
            return
        full = _full_name(node, namespace)
        if full in inside:
            raise self._refusal(name, "a record inside itself has no end in a table")
        for part in node["fields"]:
            yield from self._field(
                part,
                name,
                (*here, node["name"].rpartition(".")[2]) if is_null else here,
                full.rpartition(".")[0],
                parent_nullable=is_null or parent_nullable,
                parent_default=default,
                inside=(*inside, full),
            )

    def _branch(self, node: Any, name: tuple[str, ...], namespace: str) -> tuple[Any, bool]:
        """Return the type that is not null, and whether null is the other."""
        if not isinstance(node, list):
            return self._resolved(node, namespace), False
        branches = [branch for branch in node if _kind(branch) != "null"]
        if len(branches) != 1:
            raise self._refusal(
                name,
                f"is a union of {len(branches)} types besides null; ClickHouse reads a union only"
                " with exactly the types it has now",
                "use one type, or a field for each",
            )
        return self._resolved(branches[0], namespace), len(branches) < len(node)

    def _own_branch(self, node: Any, name: tuple[str, ...], namespace: str) -> tuple[Any, bool]:
        """Return the same of a field with a type of its own: a union of several as it is."""
        branches = (
            [branch for branch in node if _kind(branch) != "null"]
            if isinstance(node, list)
            else [node]
        )
        if len(branches) != 1:
            return branches, len(branches) < len(node)
        return self._branch(node, name, namespace)

    def _resolved(self, node: Any, namespace: str) -> Any:
        """Look a named type up, and remember the one that is defined here."""
        if isinstance(node, str):
            full = node if "." in node or not namespace else f"{namespace}.{node}"
            return self._named.get(full, self._named.get(node, node))
        if isinstance(node["type"], dict):
            return self._resolved(node["type"], namespace)
        if "name" in node:
            self._named[_full_name(node, namespace)] = node
        return node

    def _type(self, node: Any, name: tuple[str, ...], namespace: str) -> str:
        """Return the ClickHouse type of a value without parts."""
        kind = _kind(node)
        if kind == "array":
            return f"Array({self._item(node['items'], name, namespace)})"
        if kind == "map":
            return f"Map(String, {self._item(node['values'], name, namespace)})"
        plain = _scalar(node)
        if not plain:
            raise self._refusal(name, f"is of type {kind}, which is nothing to keep")
        return plain

    def _item(self, node: Any, name: tuple[str, ...], namespace: str) -> str:
        item, is_null = self._branch(node, name, namespace)
        if _kind(item) == "record":
            raise self._refusal(
                name,
                "is a list of records, and ClickHouse refuses every message once such a record"
                " gains a field",
                "use one list for each of the record's fields, or a stream of its own",
            )
        inner = self._type(item, name, namespace)
        is_list = inner.startswith(("Array(", "Map("))
        return nullable(inner) if is_null and not is_list else inner

    def _refusal(self, name: tuple[str, ...], problem: str, hint: str = "") -> SchemaUnmappable:
        return SchemaUnmappable(self._contract, ".".join(name), problem, hint=hint)


def _kind(node: Any) -> str:
    return node if isinstance(node, str) else "union" if isinstance(node, list) else node["type"]


def _scalar(node: Any) -> str:
    """Return the ClickHouse type of a value that is one value; empty for any other."""
    kind = _kind(node)
    logical = node.get("logicalType", "") if isinstance(node, dict) else ""
    if logical == "decimal":
        return f"Decimal({node['precision']}, {node.get('scale', 0)})"
    return _LOGICAL.get((kind, logical)) or _PLAIN.get(kind, "")


def _full_name(node: Mapping[str, Any], namespace: str) -> str:
    name: str = node["name"]
    space = node.get("namespace", namespace)
    return name if "." in name or not space else f"{space}.{name}"


def _sql_default(leaf: _Leaf, default: Any) -> str:
    """Return Avro's default as SQL of the column's type."""
    if not leaf.is_own:
        return _sql_value(leaf.node, leaf.type, default)
    plain = _scalar(leaf.node)
    value = _sql_value(leaf.node, plain, default)
    return (
        value if leaf.type in (plain, nullable(plain)) else f"CAST({value}, {literal(leaf.type)})"
    )


def _sql_value(node: Any, type_: str, default: Any) -> str:
    kind = _kind(node)
    if type_ == "Bool":
        return "true" if default else "false"
    if type_.startswith("Decimal("):
        unscaled = int.from_bytes(default.encode("latin-1"), "big", signed=True)
        number = Decimal(unscaled).scaleb(-int(node.get("scale", 0)))
        return f"CAST('{number:f}', {literal(type_)})"
    if kind in {"bytes", "fixed"}:
        return f"unhex('{default.encode('latin-1').hex()}')"
    if type_ == "Date32":
        return f"toDate32('{(_EPOCH + timedelta(days=default)).date().isoformat()}')"
    if type_.startswith("DateTime64("):
        scale = _SCALE[node["logicalType"].rpartition("-")[2]]
        unit = {3: "Milli", 6: "Micro", 9: "Nano"}[scale]
        return f"fromUnixTimestamp64{unit}(toInt64({default}), 'UTC')"
    if type_ == "UUID":
        return f"toUUID({literal(default)})"
    if type_ == "Float64":
        return repr(float(default))
    return str(default) if isinstance(default, int) else literal(default)
