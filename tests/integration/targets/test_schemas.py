"""The target schemas on a real registry: versions, levels, drift, pruning, and refusals."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml

from contractline.avro.schema import Schema
from contractline.clients.registry import Registry
from contractline.contracts.model import Subject
from contractline.errors import ServiceUnavailable
from contractline.plan import Change
from tests.fixtures.stack import RunningStack
from tests.integration.targets.lab import METADATA, Lab, messages

NAME = {"name": "name", "type": "string"}
TEAM = {"name": "team", "type": ["null", "string"], "default": None}
LEVEL = {"name": "level", "type": ["null", "int"], "default": None}


@pytest.fixture
def people(lab: Lab) -> Lab:
    """A lab with two released versions, and nothing registered."""
    lab.contract("people", [NAME], [NAME])
    lab.release("people", 2, [NAME, TEAM])
    return lab


def value(lab: Lab) -> Subject:
    return Subject(f"{lab.topic('people')}-value")


def schema(lab: Lab, *fields: dict[str, Any], **extra: Any) -> Schema:
    namespace = lab.topic("people")
    record = {"type": "record", "name": "Value", "namespace": namespace, **extra}
    return Schema.parse(json.dumps(record | {"fields": [*fields, *METADATA]}))


def registry(lab: Lab) -> Registry:
    return Registry.of(lab.endpoints)


def test_versions_are_registered_in_order_and_applying_again_changes_nothing(people: Lab) -> None:
    (first,) = people.apply("schemas")
    with registry(people) as live:
        ids = [version.id for version in live.versions(value(people))]
    (second,) = people.apply("schemas")

    assert first.exit_code == second.exit_code == 0
    assert second.done == ()
    with registry(people) as live:
        versions = live.versions(value(people))
        assert [version.schema for version in versions] == [
            schema(people, NAME),
            schema(people, NAME, TEAM),
        ]
        assert [version.id for version in versions] == ids
        assert live.level(value(people)) == "FULL_TRANSITIVE"


def test_another_level_is_drift_and_set_again(people: Lab) -> None:
    people.apply("schemas")
    with registry(people) as live:
        live.set_level(value(people), "NONE")

    (outcome,) = people.apply("schemas")

    assert [step.summary for step in outcome.done] == ["compatibility NONE -> FULL_TRANSITIVE"]
    with registry(people) as live:
        assert live.level(value(people)) == "FULL_TRANSITIVE"


def test_documentation_alone_is_no_drift(people: Lab) -> None:
    with registry(people) as live:
        live.register(value(people), schema(people, NAME | {"doc": "Who."}, doc="People."))

    plan = people.plan("schemas")

    assert "register people v1" not in messages(plan).partition("-value")[2]
    assert "SUBJECT_VERSION_CONTRACTED" not in messages(plan)


def test_an_uncontracted_version_is_reported_and_only_pruned_when_asked(people: Lab) -> None:
    people.apply("schemas")
    foreign = Subject(f"{people.prefix}.foreign-value")
    with registry(people) as live:
        live.register(value(people), schema(people, NAME, TEAM, LEVEL))
        live.register(foreign, schema(people, NAME, LEVEL))

    (reported,) = people.apply("schemas")
    assert reported.exit_code == 1
    assert "version 3 (id" in messages(people.plan("schemas"))
    assert "`contractline apply schemas --prune`" in messages(people.plan("schemas"))
    with registry(people) as live:
        assert len(live.versions(value(people))) == 3

    (pruned,) = people.apply("schemas", prune=True)
    assert pruned.exit_code == 0
    assert [step.change for step in pruned.done] == [Change.REMOVE]
    with registry(people) as live:
        assert [version.number for version in live.versions(value(people))] == [1, 2]
        assert len(live.versions(foreign)) == 1


def test_a_version_that_was_skipped_is_not_registered_behind_a_later_one(people: Lab) -> None:
    with registry(people) as live:
        live.register(value(people), schema(people, NAME, TEAM))

    plan = people.plan("schemas")

    assert "people v1 is missing, and a later version is already registered" in messages(plan)
    (outcome,) = people.apply("schemas")
    assert outcome.exit_code == 0
    with registry(people) as live:
        assert len(live.versions(value(people))) == 1


def test_versions_in_another_order_are_reported(people: Lab) -> None:
    with registry(people) as live:
        live.register(value(people), schema(people, NAME, TEAM))
        live.register(value(people), schema(people, NAME))

    assert "SUBJECT_VERSIONS_IN_ORDER" in messages(people.plan("schemas"))


def test_an_incompatible_version_is_refused_with_the_reason(people: Lab) -> None:
    people.apply("schemas")
    people.release("people", 3, [NAME, TEAM, {"name": "salary", "type": "long"}])

    (outcome,) = people.apply("schemas")

    assert outcome.exit_code == 1
    said = messages(people.plan("schemas"))
    assert "people v3 does not fit FULL_TRANSITIVE with what is registered" in said
    assert "`salary`: the record lacks it and the reader has no default" in said


def test_a_waiver_names_the_level_at_which_the_registry_takes_a_version(people: Lab) -> None:
    people.apply("schemas")
    people.release("people", 3, [NAME, TEAM, {"name": "salary", "type": "long"}])
    (refused,) = people.apply("schemas")
    assert refused.exit_code == 1
    assert "`migration: {level: FORWARD_TRANSITIVE}`" in messages(people.plan("schemas"))
    waiver = people.root / "contracts" / "people" / "waivers" / "VERSIONS_COMPATIBLE.yaml"
    waiver.parent.mkdir()
    agreed = {
        "path": "salary",
        "reason": "Nobody reads old records any more.",
        "approver": "web",
        "expires": "2999-01-31",
        "migration": {"level": "FORWARD_TRANSITIVE"},
    }
    waiver.write_text(yaml.safe_dump(agreed))

    (outcome,) = people.apply("schemas")

    assert outcome.exit_code == 0
    assert [step.summary for step in outcome.done] == [
        "compatibility FULL_TRANSITIVE -> FORWARD_TRANSITIVE, as a waiver agrees to",
        "register people v3",
    ]
    assert people.plan("schemas").is_clean
    # Once the waiver is over the contract's level holds again, and what is registered stays.
    waiver.write_text(yaml.safe_dump(agreed | {"expires": "2020-01-31"}))
    (outcome,) = people.apply("schemas")
    assert outcome.exit_code == 0
    assert [step.summary for step in outcome.done] == [
        "compatibility FORWARD_TRANSITIVE -> FULL_TRANSITIVE"
    ]


def test_the_registry_s_own_refusal_is_told(people: Lab) -> None:
    people.apply("schemas")
    salary = schema(people, {"name": "salary", "type": "long"})
    with registry(people) as live, pytest.raises(ServiceUnavailable, match="Incompatible artifact"):
        live.register(value(people), salary)


def test_a_key_subject_of_a_stream_without_keys_is_drift(lab: Lab) -> None:
    lab.contract("log", [NAME])
    subject = Subject(f"{lab.topic('log')}-key")
    with registry(lab) as live:
        live.register(subject, schema(lab, NAME))

    assert "SUBJECT_VERSION_CONTRACTED" in messages(lab.plan("schemas"))
    lab.apply("schemas", prune=True)
    with registry(lab) as live:
        assert live.versions(subject) == ()


def test_the_lookup_is_the_converter_s(people: Lab) -> None:
    people.apply("schemas")
    with registry(people) as live:
        assert live.holds(value(people), schema(people, NAME, TEAM))
        assert not live.holds(value(people), schema(people, TEAM, NAME))
        assert not live.holds(Subject("nobody-value"), schema(people, NAME))


def test_a_wrong_base_address_says_so(people: Lab, stack: RunningStack) -> None:
    root = httpx.URL(stack.endpoints.need("schema_registry_url")).copy_with(path="/")
    mine = people.endpoints
    people.endpoints = mine.model_copy(update={"schema_registry_url": str(root)})
    (outcome,) = people.apply("schemas")
    people.endpoints = mine

    assert outcome.exit_code == 2
    assert "/apis/ccompat/v7" in (outcome.error.hint if outcome.error else "")


def test_a_registry_that_is_down_says_so(people: Lab) -> None:
    mine = people.endpoints
    url = "http://user:hidden@127.0.0.1:1"
    people.endpoints = mine.model_copy(update={"schema_registry_url": url})
    (outcome,) = people.apply("schemas")
    people.endpoints = mine

    assert outcome.exit_code == 2
    assert "Schema Registry at http://user:***@127.0.0.1:1: did not answer" in str(outcome.error)
    assert "hidden" not in str(outcome.error)
