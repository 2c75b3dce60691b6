"""Equality by meaning against what Apache Avro and fastavro make of the same texts."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import fastavro.utils
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contractline.avro.schema import Schema
from tests.property.avro_schemas import changed, records, respelt

pytestmark = pytest.mark.property


def parse(definition: Any) -> Schema:
    return Schema.parse(json.dumps(definition))


def encoded(definition: Any, datum: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(definition), datum)
    return stream.getvalue()


def resolved(writer: Any, reader: Any, content: bytes) -> str:
    """What a reader gets, or what keeps it from getting anything."""
    parsed = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    try:
        return repr(fastavro.schemaless_reader(io.BytesIO(content), *parsed))
    except UnicodeDecodeError as problem:
        return repr(problem)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_another_spelling_means_the_same(data):
    definition = data.draw(records())
    other = data.draw(respelt(definition))
    first, second = parse(definition), parse(other)
    assert first == second
    assert hash(first) == hash(second)
    assert first.apache.canonical_form == second.apache.canonical_form


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equal_schemas_resolve_data_identically(data):
    definition = data.draw(records())
    other = data.draw(respelt(definition))
    datum = fastavro.utils.generate_one(fastavro.parse_schema(definition))
    content = encoded(definition, datum)
    assert encoded(other, datum) == content
    # The doc keeps fastavro from taking the two for one, so that it resolves them in both cases.
    itself = definition | {"doc": "the same"}
    assert resolved(definition, other, content) == resolved(definition, itself, content)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_schemas_that_mean_the_same_have_one_canonical_form(data):
    definition = data.draw(records())
    first, second = parse(definition), parse(data.draw(changed(definition)))
    if first == second:
        assert first.apache.canonical_form == second.apache.canonical_form
    if first.apache.canonical_form != second.apache.canonical_form:
        assert first != second


@settings(max_examples=100, deadline=None)
@given(records())
def test_texts_come_back_as_they_were_written(definition):
    schema = parse(definition)
    assert json.loads(schema.text) == json.loads(schema.formatted) == definition
    assert parse(json.loads(schema.formatted)).formatted == schema.formatted


@settings(max_examples=100, deadline=None)
@given(records())
def test_drawn_schemas_have_no_problems(definition):
    assert parse(definition).problems == ()
