"""The proof's oracle: fastavro resolves generated records as Apache Avro does."""

from __future__ import annotations

import json
import math
from io import BytesIO
from typing import Any

import avro.io
import avro.schema
import pytest
from avro.errors import AvroException
from fastavro import parse_schema, schemaless_reader
from hypothesis import given, settings

from contractline.avro.schema import Schema, without_logical_types
from contractline.proof.oracle import UNRESOLVED
from contractline.proof.records import Maker
from contractline.proof.shapes import Shape
from tests.property.avro_schemas import changed, records

REFUSED = object()


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(records())
def test_what_is_generated_is_what_apache_reads(definition: Any) -> None:
    schema = Schema.parse(json.dumps(definition))
    shape = Shape.of(schema)
    for made in Maker(shape, {}, 0).records(3):
        assert is_same(fastavro(made.datum, shape, shape.bare), apache(made.datum, schema, schema))


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(records().flatmap(lambda one: changed(one).map(lambda other: (one, other))))
def test_what_is_resolved_is_what_apache_resolves(pair: tuple[Any, Any]) -> None:
    # Apache's library for Python ignores the aliases of fields, which the one for Java does not.
    writer, reader = (Schema.parse(json.dumps(without_aliases(one))) for one in pair)
    shape, bare = Shape.of(writer), parse_schema(Shape.of(reader).bare)
    for made in Maker(shape, {}, 0).records(3):
        ours, theirs = fastavro(made.datum, shape, bare), apache(made.datum, writer, reader)
        if REFUSED not in (ours, theirs):
            assert is_same(ours, theirs)


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(records())
def test_a_part_of_a_schema_reads_what_the_whole_reads(definition: Any) -> None:
    shape = Shape.of(Schema.parse(json.dumps(definition)))
    names = [one["name"] for one in shape.root["fields"]]
    for made in Maker(shape, {}, 0).records(2):
        whole = fastavro(made.datum, shape, shape.bare)
        for name in names:
            part = fastavro(made.datum, shape, parse_schema(shape.only([(name,)])))
            # Bytes of a union with text, which are none, are read as text: the oracle says so too.
            assert part is REFUSED or is_same(part, {name: whole[name]})


def without_aliases(node: Any) -> Any:
    if isinstance(node, list):
        return [without_aliases(one) for one in node]
    if isinstance(node, dict):
        return {name: without_aliases(one) for name, one in node.items() if name != "aliases"}
    return node


def fastavro(datum: bytes, writer: Shape, reader: Any) -> Any:
    try:
        return schemaless_reader(BytesIO(datum), writer.bare, reader)
    except UNRESOLVED:
        return REFUSED


def apache(datum: bytes, writer: Schema, reader: Schema) -> Any:
    plain = [
        avro.schema.make_avsc_object(without_logical_types(s.definition)) for s in (writer, reader)
    ]
    try:
        return avro.io.DatumReader(*plain).read(avro.io.BinaryDecoder(BytesIO(datum)))
    except (AvroException, UnicodeDecodeError, ValueError, TypeError, AttributeError):
        return REFUSED


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, float) and isinstance(other, (int, float)):
        # Apache leaves a whole number that is read as a float as it is.
        return math.isnan(other) if math.isnan(one) else one == float(other)
    if isinstance(one, str) and isinstance(other, bytes):
        # Text in a union of bytes and string is either; the default of bytes is JSON's text.
        return other in (one.encode(), one.encode("latin-1", errors="ignore"))
    if isinstance(one, bytes) and isinstance(other, str):
        return is_same(other, one)
    return bool(one == other)
