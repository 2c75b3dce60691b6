"""Rules about files that can't be read: the reading finds what breaks them."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.contracts.draft import Draft
from contractline.contracts.odcs import near_misses
from contractline.finding import Finding
from contractline.rules.rule import Violation


def contract_readable(draft: Draft) -> Iterator[Finding]:
    """Every contract has a contract.odcs.yaml, and it is YAML.

    Why: everything else follows from this file. A name that stands twice is refused too, since
    YAML readers silently take one of the two.

    Bad::

        topic:
          name: commits_topic
          name: commits

    Good::

        topic:
          name: commits_topic
    """
    return draft.found("CONTRACT_READABLE")


def contract_valid(draft: Draft) -> Iterator[Finding]:
    """contract.odcs.yaml follows the Open Data Contract Standard and says what the stream needs.

    What it needs are the custom properties topic, compatibility, source and clickhouse.

    Why: a misspelt name is read by nobody, and what it should have said is silently not so.
    Custom properties of other names belong to other tools and are left alone.

    Bad::

        customProperties:
          - property: topic
            value: {name: commits_topic, partition: 3, cleanup: compact}

    Good::

        customProperties:
          - property: topic
            value: {name: commits_topic, partitions: 3, cleanup: compact}
    """
    return draft.found("CONTRACT_VALID")


def latency_valid(draft: Draft) -> Iterator[Finding]:
    """The latency that a contract promises is a number with a unit, above zero and within a day.

    Why: Debezium's and ClickHouse's pace follow from it.

    Bad::

        slaProperties:
          - property: latency
            value: 600

    Good::

        slaProperties:
          - property: latency
            value: 600
            unit: ms
    """
    return draft.found("LATENCY_VALID")


def schema_valid(draft: Draft) -> Iterator[Violation | Finding]:
    """Every .avsc file holds an Avro schema, and each default fits its type.

    Why: a registry, the producer, Debezium and ClickHouse all parse it; the first to refuse it
    would be the one that runs in production.

    Bad::

        {"name": "parents", "type": ["null", "string"], "default": ""}

    Good::

        {"name": "parents", "type": ["null", "string"], "default": null}
    """
    yield from draft.found("SCHEMA_VALID")
    for part, schema in draft.working():
        for problem in schema.problems:
            hint = "a default is a value of the type; of a union, of its first branch"
            yield Violation(problem.text, hint, problem.steps, draft.file(part))


def custom_property_known(draft: Draft) -> Iterator[Violation]:
    """No custom property looks like a misspelt one of ours.

    Why: custom properties of unknown names belong to other tools, so a misspelt `compatibility`
    is not read and the default holds.

    Bad::

        - property: compatability
          value: BACKWARD

    Good::

        - property: compatibility
          value: BACKWARD
    """
    for mistake in near_misses(draft.odcs):
        yield Violation(mistake.text, mistake.hint, mistake.steps)
