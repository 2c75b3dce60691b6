"""The model of ClickHouse's AvroConfluent against the engine: every Avro type in every column.

For each pair the boundary values of the type are read by the real engine, in a process of its own
and without a stack; what it stores, or that it refuses, is what the model says.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import fastavro
import httpx
import pytest

from contractline.avro.node import Node
from contractline.avro.schema import Schema, without_logical_types
from contractline.clickhouse.avroconfluent import LINES, Refuses, ValueRefused, decoder, empty
from contractline.clickhouse.ddl import DECODING
from contractline.clickhouse.samples import Chosen, samples
from contractline.clickhouse.sql import literal
from contractline.clickhouse.types import Type, parse
from contractline.clients.wire import header
from contractline.proof.ids import Ids
from contractline.proof.meaning import MeantMoment
from contractline.proof.process import engine_process
from contractline.proof.rowbinary import FORMAT, read_rows


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def record(name: str, **fields: Any) -> dict[str, Any]:
    parts = [{"name": field, "type": type_} for field, type_ in fields.items()]
    return {"type": "record", "name": name, "fields": parts}


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": f"Fixed{size}", "size": size, **more}


COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}
PLACE = record("Place", city="string", floor="long")
TYPES: Mapping[str, Any] = {
    **{name: name for name in ("null", "boolean", "int", "long", "float", "double")},
    **{name: name for name in ("string", "bytes")},
    "date": logical("int", "date"),
    "millis": logical("long", "timestamp-millis"),
    "micros": logical("long", "timestamp-micros"),
    "nanos": logical("long", "timestamp-nanos"),
    "local millis": logical("long", "local-timestamp-millis"),
    "time-millis": logical("int", "time-millis"),
    "uuid": logical("string", "uuid"),
    "enum": COLOUR,
    "fixed(1)": fixed(1),
    "fixed(2)": fixed(2),
    "fixed(4)": fixed(4),
    "fixed(8)": fixed(8),
    "fixed(16)": fixed(16),
    "fixed(32)": fixed(32),
    "decimal(9, 2)": logical("bytes", "decimal", precision=9, scale=2),
    "decimal(18, 3)": logical("bytes", "decimal", precision=18, scale=3),
    "decimal(38, 2)": logical("bytes", "decimal", precision=38, scale=2),
    "decimal(9, 2) in fixed(4)": fixed(4, logicalType="decimal", precision=9, scale=2),
    "decimal(9, 2) in fixed(16)": fixed(16, logicalType="decimal", precision=9, scale=2),
    "array of long": array("long"),
    "array of null or long": array(["null", "long"]),
    "array of enum": array(COLOUR),
    "array of array of int": array(array("int")),
    "array of record": array(PLACE),
    "array of record of three": array(record("Three", a="int", b="int", c="int")),
    "array of record of numbers": array(record("Two", a="int", b="null")),
    "map of long": {"type": "map", "values": "long"},
    "map of null or string": {"type": "map", "values": ["null", "string"]},
    "record": PLACE,
    "record in record": record("Home", place=PLACE, at="int"),
    "null or long": ["null", "long"],
    "long or null": ["long", "null"],
    "null or string": ["null", "string"],
    "null or enum": ["null", COLOUR],
    "null or array": ["null", array("long")],
    "null or record": ["null", PLACE],
    "null or uuid": ["null", logical("string", "uuid")],
    "only null in a union": ["null"],
    "long or string": ["long", "string"],
    "null, long or string": ["null", "long", "string"],
    "string or date": ["string", logical("int", "date")],
    "boolean or enum": ["boolean", COLOUR],
    "millis or boolean": [logical("long", "timestamp-millis"), "boolean"],
    "double or record": ["double", PLACE],
}
COLUMNS = (
    "Bool",
    *("Int8", "Int16", "Int32", "Int64", "Int128", "Int256"),
    *("UInt8", "UInt16", "UInt32", "UInt64", "UInt128", "UInt256"),
    *("Float32", "Float64", "Date", "Date32", "DateTime('UTC')"),
    *("DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')", "DateTime64(9, 'UTC')"),
    *("Decimal(9, 2)", "Decimal(9, 3)", "Decimal(18, 2)", "Decimal(18, 3)", "Decimal(38, 2)"),
    *("String", "FixedString(4)", "FixedString(16)", "UUID", "IPv4", "IPv6"),
    *("Enum8('RED' = 1, 'GREEN' = 2)", "Enum16('GREEN' = 1000, 'BLUE' = 3, 'RED' = 0)"),
    *("Enum8('RED' = 1)", "LowCardinality(String)", "LowCardinality(Nullable(String))"),
    *("Nullable(Int64)", "Nullable(Int32)", "Nullable(String)", "Nullable(UUID)"),
    *("Nullable(Enum8('RED' = 1, 'GREEN' = 2))", "Nullable(DateTime64(3, 'UTC'))"),
    *("Array(Int64)", "Array(Int8)", "Array(Nullable(Int64))", "Array(LowCardinality(String))"),
    *("Array(Array(Int64))", "Array(Tuple(city String, floor Int64))"),
    *("Array(Tuple(city String))", "Map(String, Int64)", "Map(String, Int8)"),
    *("Map(String, Nullable(String))", "Map(LowCardinality(String), Int64)"),
    *("Tuple(city String, floor Int64)", "Tuple(floor Int8, city LowCardinality(String))"),
    *("Tuple(city String)", "Tuple(city String, floor Int64, door Int64)"),
    "Tuple(place Tuple(city String, floor Int64), at Int64)",
    *("Variant(Int64, String)", "Variant(Bool, Int64, String)", "Variant(Int32, String)"),
    *("Variant(Date32, String)", "Variant(Bool, Enum8('RED' = 0, 'GREEN' = 1))"),
    *("Variant(Bool, DateTime64(3))", "Variant(Float64, Tuple(city String, floor Int64))"),
)

SHOWN = {"IPv4": "toUInt32(x)", "IPv6": "reinterpretAsFixedString(x)"}
"""How a column is shown that the reader of the answers does not know."""


@dataclass(frozen=True)
class Engine:
    """The engine, and the registry that it asks."""

    http: httpx.Client
    ids: Ids

    def read(self, messages: Messages, values: Sequence[Any], column: str) -> list[Any] | str:
        """Return what a column shows of the field x, or why the engine reads none."""
        frames = b"".join(messages.frame(value) for value in values)
        settings = {"format_avro_schema_registry_url": literal(self.ids.url), **DECODING}
        sql = (
            f"SELECT {SHOWN.get(column, 'x')} FROM format('AvroConfluent', {literal(f'x {column}, y Int64')},"
            f" unhex('{frames.hex()}')) SETTINGS "
            + ", ".join(f"{name} = {value}" for name, value in settings.items())
            + f" FORMAT {FORMAT}"
        )
        answer = self.http.post("/", content=sql)
        if answer.status_code != 200:
            return answer.text
        return [row[0] for row in read_rows(answer.content).rows]

    def messages(self, schema: Schema) -> Messages:
        plain = fastavro.parse_schema(without_logical_types(schema.definition))
        return Messages(header(self.ids.register(schema)), plain)


@dataclass(frozen=True)
class Messages:
    """Records of one schema, framed."""

    head: bytes
    plain: Any

    def frame(self, value: Any) -> bytes:
        out = io.BytesIO(self.head)
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, self.plain, {"x": value, "y": 1})
        return out.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with (
        engine_process() as process,
        httpx.Client(base_url=process.url, timeout=30) as http,
        Ids() as ids,
    ):
        yield Engine(http, ids)


def on_the_wire(node: Node, value: Any) -> Any:
    """Return a sample as fastavro takes it: a value of a union of several names its branch."""
    if isinstance(value, Chosen):
        branch = [one for one in node.branches if one.kind != "null"][value.branch]
        return (branch.short_name or branch.kind, value.value)
    return value


def shown(column: Type, stored: Any) -> Any:
    """Return what the model says is stored, in the words of the test's reader of the answers."""
    column = column.bare
    if stored is None:
        return None
    match column.name:
        case "Date" | "Date32":
            return MeantMoment(stored * 86_400 * 10**9)
        case "DateTime":
            return MeantMoment(stored * 10**9)
        case "DateTime64":
            return MeantMoment(stored * 10 ** (9 - column.numbers[0]))
        case "Decimal":
            return Decimal(stored).scaleb(-column.numbers[1], Context(prec=80))
        case "Enum8" | "Enum16":
            return stored.encode() if stored in column.labels else 0
        case "Array":
            return [shown(column.inner[0], one) for one in stored]
        case "Map":
            pairs = stored if isinstance(stored, list) else stored.items()
            return [(key, shown(column.inner[1], one)) for key, one in pairs]
        case "Tuple":
            types = zip(column.labels, column.inner, strict=True)
            return {label: shown(type_, stored[label]) for label, type_ in types}
    return stored


def in_variant(column: Type, stored: Any) -> Any:
    """Return a value of a Variant, found by what it is: its type stands for itself."""
    if column.name != "Variant" or stored is None:
        return shown(column, stored)
    for inner in column.inner:
        is_time = inner.name in ("Date32", "DateTime64") and type(stored) is int
        is_named = inner.name in ("Enum8", "Tuple") and isinstance(stored, (str, dict))
        if is_time or is_named:
            return shown(inner, stored)
    return stored


def node_of(type_: Any) -> tuple[Schema, Node]:
    schema = Schema(record("Record", x=type_, y="long"))
    root = Node.root(schema)
    return schema, root.of(root.fields[0]["type"])


def wrong(engine: Engine, messages: Messages, node: Node, column: str) -> str:
    """Return where the engine does something else than the model says; nothing when nowhere."""
    kind = parse(column)
    found, values = decoder(node, kind), samples(node)
    if isinstance(found, Refuses):
        answer = engine.read(messages, [on_the_wire(node, values[-1])], column)
        return "" if isinstance(answer, str) else f"{found.words}; the engine gives {answer}"
    told: list[Any] = []
    kept: list[Any] = []
    for value in values:
        wire = on_the_wire(node, value)
        try:
            told.append(in_variant(kind, found.value(value)))
            kept.append(wire)
        except ValueRefused as refused:
            answer = engine.read(messages, [wire], column)
            if not isinstance(answer, str):
                return f"{value!r}: {refused}; the engine gives {answer}"
    answer = engine.read(messages, kept, column) if kept else []
    if isinstance(answer, str):
        return answer
    pairs = zip(kept, answer, told, strict=True)
    return "; ".join(
        f"{one!r} is {got!r}, and not {want!r}" for one, got, want in pairs if got != want
    )


@pytest.mark.parametrize("name", TYPES)
def test_the_engine_does_what_the_model_says(engine: Engine, name: str) -> None:
    schema, node = node_of(TYPES[name])
    messages = engine.messages(schema)
    found = {column: wrong(engine, messages, node, column) for column in COLUMNS}
    assert {column: words for column, words in found.items() if words} == {}


def test_what_a_column_holds_where_the_record_has_nothing(engine: Engine) -> None:
    messages = engine.messages(Schema(record("Record", y="long")))
    for column in COLUMNS:
        kind = parse(column)
        assert engine.read(messages, [1], column) == [in_variant(kind, empty(kind))], column


def test_every_line_of_the_table_is_tried() -> None:
    kinds = {node_of(type_)[1].kind for type_ in TYPES.values()}
    columns = {parse(column).bare.name for column in COLUMNS}
    assert {kind for line in LINES for kind in line.avro} <= kinds
    assert {name for line in LINES for name in line.columns} <= columns
