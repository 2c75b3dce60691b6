"""What is read of ODCS agrees with the JSON Schema of the standard, which its package carries."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import open_data_contract_standard
import pytest
from open_data_contract_standard import model as standard
from open_data_contract_standard.model import OpenDataContractStandard

from contractline.contracts.odcs import REQUIRED, VALUES, mistakes, pipeline_part, standard_part

SCHEMA = json.loads(
    resources.files(open_data_contract_standard).joinpath("schema.json").read_text("utf-8")
)
DEFINITIONS = SCHEMA["$defs"]
NAMES: dict[type, Any] = {
    standard.AuthoritativeDefinition: DEFINITIONS["AuthoritativeDefinitions"]["items"],
    standard.Support: DEFINITIONS["SupportItem"],
    OpenDataContractStandard: SCHEMA,
}


def defined(part: type) -> dict[str, Any]:
    """Return the names and requirements of a part as the JSON Schema has them."""
    return merged(NAMES.get(part) or DEFINITIONS[part.__name__])


def merged(node: dict[str, Any]) -> dict[str, Any]:
    found = {
        "properties": dict(node.get("properties", {})),
        "required": {*node.get("required", [])},
    }
    for inner in node.get("allOf", []):
        name = inner.get("$ref", "").rpartition("/")[2]
        more = merged(DEFINITIONS[name] if name else inner)
        found["properties"] |= more["properties"]
        found["required"] |= more["required"]
    return found


@pytest.mark.parametrize("part", REQUIRED, ids=lambda part: part.__name__)
def test_what_is_required(part):
    assert set(REQUIRED[part]) == defined(part)["required"]


@pytest.mark.parametrize(
    ("part", "name"), VALUES, ids=[f"{part.__name__}.{name}" for part, name in VALUES]
)
def test_what_may_stand_there(part, name):
    node = DEFINITIONS["SchemaBaseProperty"] if part is standard.SchemaProperty else None
    allowed = merged(node)["properties"] if node else defined(part)["properties"]
    versions = [value for value in allowed[name]["enum"] if not value.startswith("v2.")]
    assert list(VALUES[part, name]) == versions


def texts(document: Any) -> list[str]:
    return [f"{'.'.join(map(str, one.steps))}: {one.text}" for one in mistakes(document)]


GOOD = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "x", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"servers": [{"server": "a", "type": "kafka", "anything": {"x": 1}}]}, []),
        ({"servers": [{"server": "a"}]}, ["servers.0: `type` is missing"]),
        (
            {"team": [{"username": "a", "rule": "owner"}]},
            ["team.0.rule: `rule` is not a name that"],
        ),
        ({"team": {"members": [{"name": "a"}]}}, ["team.members.0: `username` is missing"]),
        ({"schema": [{"name": "s", "properties": [{}]}]}, ["schema.0.properties.0: `name` is"]),
        (
            {"schema": [{"name": "s", "properties": [{"name": "a", "items": {"logicalType": 1}}]}]},
            ["schema.0.properties.0.items.logicalType: `1` is none of string, date"],
        ),
        ({"kind": "contract"}, ["kind: `contract` is none of DataContract"]),
        ({"customProperties": [{"property": "a"}]}, ["customProperties.0: `value` is missing"]),
        ({5: 6}, ["5: `5` is not a name that"]),
        ({"team": "a", "schema": 5, "servers": [1]}, []),
    ],
)
def test_names_and_values(more, expected):
    found = texts(GOOD | more)
    assert len(found) == len(expected)
    assert all(text.startswith(begin) for text, begin in zip(found, expected, strict=True))


def test_types_are_the_packages_to_check():
    odcs = standard_part(GOOD | {"team": "a"})
    assert isinstance(odcs, list)
    assert {one.steps[0] for one in odcs} == {"team"}


def custom(**sections: Any) -> OpenDataContractStandard:
    properties = [{"property": name, "value": value} for name, value in sections.items()]
    odcs = standard_part(GOOD | {"customProperties": properties})
    assert isinstance(odcs, OpenDataContractStandard)
    return odcs


TOPIC = {"name": "t", "partitions": 1, "cleanup": "delete"}


def test_a_place_in_the_pipeline_is_one_in_the_document():
    source = {"kind": "postgres", "connector": "../x", "table": "t", "epoch": 0}
    found = pipeline_part(custom(cost=5, topic=TOPIC, source=source))
    assert isinstance(found, list)
    assert [one.steps for one in found] == [
        ("customProperties", 2, "value", name) for name in ("connector", "table", "epoch")
    ]


def test_nothing_of_ours():
    found = pipeline_part(custom(cost=5))
    assert isinstance(found, list)
    assert [one.text for one in found] == [
        "the custom property `topic` is missing",
        "the custom property `source` is missing",
    ]


def test_the_names_of_others_are_left_alone():
    pipeline = pipeline_part(custom(cost=5, topic=TOPIC, source={"kind": "producer"}))
    assert not isinstance(pipeline, list)
    assert pipeline.topic.name == "t"
