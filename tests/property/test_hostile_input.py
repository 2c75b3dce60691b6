"""Whatever lies in the checkout: an answer in words, never a traceback and never a hang."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contractline.avro.paths import JsonPlaces, Steps
from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.load import load_contract
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.rules.check import findings_of

pytestmark = pytest.mark.property

BASE = Path(__file__).parents[1] / "cases" / "contracts" / "base"
DOCUMENT = yaml.safe_load((BASE / "clicks" / "contract.odcs.yaml").read_text())

WORDS = st.sampled_from(
    [
        "type",
        "name",
        "namespace",
        "fields",
        "items",
        "values",
        "symbols",
        "size",
        "default",
        "doc",
        "aliases",
        "logicalType",
        "order",
        "precision",
        "record",
        "enum",
        "fixed",
        "array",
        "map",
        "null",
        "int",
        "long",
        "string",
        "bytes",
        "T",
        "x",
        "Root",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3) | WORDS
SCHEMA_LIKE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def use(schema: Schema) -> None:
    """Ask a schema everything that the rules ask."""
    assert schema == Schema.parse(schema.formatted)
    assert len(list(schema.types())) > len(list(schema.all_fields()))
    assert len(schema.plain_fields) in (0, len(schema.fields))
    assert isinstance(schema.full_name, str)
    assert schema.apache


@settings(max_examples=400, deadline=None)
@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_any_text_as_a_schema(text):
    with suppress(SchemaInvalid):
        use(Schema.parse(text))


@settings(max_examples=600, deadline=None)
@given(SCHEMA_LIKE)
def test_any_json_as_a_schema(definition):
    with suppress(SchemaInvalid):
        use(Schema.parse(json.dumps(definition)))


PLAIN = {
    "type": "record",
    "name": "Page",
    "namespace": "one.two",
    "doc": "A page.",
    "fields": [
        {"name": "path", "type": "string", "doc": "Path.", "default": "/", "order": "ignore"},
        {"name": "hits", "type": ["null", {"type": "map", "values": "long"}], "default": None},
        {"name": "seen", "type": {"type": "array", "items": ["int", "bytes"]}, "default": []},
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
    ],
}


@settings(max_examples=1_000, deadline=None)
@given(st.data())
def test_apache_takes_every_plain_record_that_the_grammar_takes(data):
    definition: Any = PLAIN
    for _ in range(data.draw(st.integers(1, 2))):
        definition = spoilt(definition, data.draw)
    with suppress(SchemaInvalid):
        use(Schema.parse(json.dumps(definition)))


def spoilt(value: Any, draw: Any) -> Any:
    """Return a value in which something stands that was not there, or nothing that was."""
    at = draw(st.sampled_from(places(value)))
    inner = value
    for step in at:
        inner = inner[step]
    new = draw(SCALARS | SCHEMA_LIKE)
    if isinstance(inner, dict) and draw(st.booleans()):
        new = {**inner, draw(WORDS): new}
    elif isinstance(inner, dict | list) and inner and draw(st.booleans()):
        gone = draw(st.sampled_from(list(inner)))
        new = [v for v in inner if v != gone]
        new = {n: inner[n] for n in new} if isinstance(inner, dict) else new
    return changed(value, at, new)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.binary().map(lambda content: content.decode("latin-1")))
def test_any_text_as_yaml(text):
    with suppress(YamlInvalid):
        YamlFile.parse(text)


def places(value: Any, steps: Steps = ()) -> list[Steps]:
    found = [steps]
    if isinstance(value, dict):
        found += [p for name, inner in value.items() for p in places(inner, (*steps, name))]
    elif isinstance(value, list):
        found += [p for at, inner in enumerate(value) for p in places(inner, (*steps, at))]
    return found


def changed(value: Any, steps: Steps, new: Any) -> Any:
    if not steps:
        return new
    first, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return {n: changed(v, rest, new) if n == first else v for n, v in value.items()}
    return [changed(v, rest, new) if at == first else v for at, v in enumerate(value)]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(places(DOCUMENT)), VALUES)
def test_any_value_anywhere_in_a_document(tmp_path, steps, new):
    folder = tmp_path / "clicks"
    if not folder.exists():
        shutil.copytree(BASE / "clicks", folder)
    text = yaml.safe_dump(changed(DOCUMENT, steps, new), allow_unicode=True)
    (folder / "contract.odcs.yaml").write_text(text, encoding="utf-8")
    for finding in findings_of([load_contract(folder)]):
        assert finding.message
        assert finding.hint
        assert finding.file


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a b", '"{[,:]}\\']),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from([None, 0, 2]))
def test_places_of_json_are_those_that_a_yaml_parser_finds(value, indent):
    text = json.dumps(value, indent=indent)
    found, oracle = JsonPlaces(text), YamlFile.parse(text)
    assert found.repeated is None
    for steps in places(value):
        assert found.position(steps) == oracle.position(steps)
    with_tabs = JsonPlaces(json.dumps(value, indent="\t" if indent else None))
    if indent != 0:
        for steps in places(value):
            assert with_tabs.position(steps).line == found.position(steps).line
