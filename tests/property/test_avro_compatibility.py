"""Verdicts and reasons against Apache Avro's checker, and against reading real data."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import fastavro
import fastavro.utils
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contractline.avro.compatibility import (
    Compatibility,
    Direction,
    breaks,
    can_read,
    incompatibilities,
)
from contractline.avro.diff import differences
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from tests.property.avro_schemas import changed, records, respelt

pytestmark = pytest.mark.property


def parse(definition: Any) -> Schema:
    return Schema.parse(json.dumps(definition))


def apache_says(reader: Schema, writer: Schema) -> bool:
    checker: Any = ReaderWriterCompatibilityChecker
    verdict = checker().get_compatibility(reader.apache, writer.apache)
    return verdict.compatibility is SchemaCompatibilityType.compatible


def holds(definition: Any, steps: Steps) -> bool:
    for step in steps:
        try:
            definition = definition[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def plain(node: dict[str, Any]) -> dict[str, Any]:
    """Without the logical type: resolution ignores it, and fastavro reads texts by it."""
    return {name: value for name, value in node.items() if name != "logicalType"}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Schema, Schema]:
    definition = draw(records())
    return parse(definition), parse(draw(changed(definition)))


@settings(max_examples=400, deadline=None)
@given(pairs())
def test_the_verdict_is_apaches(pair):
    reader, writer = pair
    assert can_read(reader, writer) == apache_says(reader, writer)


@settings(max_examples=400, deadline=None)
@given(pairs())
def test_there_are_reasons_exactly_when_it_is_incompatible(pair):
    reader, writer = pair
    reasons = incompatibilities(reader, writer)
    assert bool(reasons) != apache_says(reader, writer)
    for reason in reasons:
        assert holds(reader.definition, reason.reader_steps)
        assert holds(writer.definition, reason.writer_steps)
        assert reason.reason


@settings(max_examples=200, deadline=None)
@given(pairs())
def test_what_is_compatible_is_read(pair):
    reader, writer = pair
    assume(can_read(reader, writer))
    assume(all(type_ != [] for _, type_ in writer.types()))  # no value fits a union of no types
    writes = fastavro.parse_schema(json.loads(writer.text, object_hook=plain))
    reads = fastavro.parse_schema(json.loads(reader.text, object_hook=plain))
    for datum in fastavro.utils.generate_many(writes, 3):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, writes, datum)
        stream.seek(0)
        # Avro lets bytes be read as a text, whatever they are.
        with suppress(UnicodeDecodeError):
            fastavro.schemaless_reader(stream, writes, reads)


@settings(max_examples=200, deadline=None)
@given(pairs(), st.sampled_from(Compatibility))
def test_a_level_counts_its_directions_and_versions(pair, level):
    older, newer = pair
    versions = [(1, older), (2, newer)]
    broken = {(one.version, one.direction) for one in breaks(newer, versions, level)}
    expected = set()
    if level.is_transitive:
        if Direction.BACKWARD in level.directions and not apache_says(newer, older):
            expected.add((1, Direction.BACKWARD))
        if Direction.FORWARD in level.directions and not apache_says(older, newer):
            expected.add((1, Direction.FORWARD))
    assert broken == expected


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_another_spelling_is_no_difference_and_a_change_is_one(data):
    definition = data.draw(records())
    schema, near = parse(definition), parse(data.draw(changed(definition)))
    assert differences(schema, parse(data.draw(respelt(definition)))) == ()
    assert bool(differences(schema, near)) == (schema != near)
