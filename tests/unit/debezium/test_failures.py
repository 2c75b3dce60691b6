"""Stack traces of failed tasks, as Kafka Connect gives them, in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contractline.avro.schema import Schema
from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.debezium.failures import read, subject_of, unknown_schema
from contractline.project import Project

TOPIC = "postgres.public.github_users"
TRACE = """org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler
\tat org.apache.kafka.connect.runtime.WorkerTask.doRun(WorkerTask.java:243)
Caused by: org.apache.kafka.connect.errors.DataException: Failed to serialize Avro data from topic {topic} :
\tat io.confluent.connect.avro.AvroConverter.fromConnectData(AvroConverter.java:100)
\t... 13 more
Caused by: org.apache.kafka.common.errors.SerializationException: Error retrieving Avro schema{schema}
\tat io.confluent.kafka.serializers.AbstractKafkaSchemaSerDe.toKafkaException(AbstractKafkaSchemaSerDe.java:272)
Caused by: {cause}
\tat io.confluent.kafka.schemaregistry.client.rest.RestService.sendHttpRequest(RestService.java:325)
"""
REST = "io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException"
UNKNOWN = f"{REST}: Schema not found; error code: 40403"


@pytest.fixture(scope="module")
def users() -> Contract:
    contracts = load_contracts(Project(Path(__file__).parents[3]))
    return next(one for one in contracts if one.name == "github_users")


def newest(contract: Contract) -> str:
    return f"{contract.name} v{contract.values[-1].number}"


def with_fields(schema: Schema, *more: dict[str, Any]) -> Schema:
    definition = json.loads(schema.text)
    definition["fields"][5:5] = more
    return Schema.parse(json.dumps(definition))


LEVEL = {"name": "level", "type": ["null", "int"], "default": None}


def trace(schema: Schema, cause: str = UNKNOWN) -> str:
    return TRACE.format(topic=TOPIC, schema=schema.text, cause=cause)


def test_the_topic_and_the_schema_are_read(users: Contract) -> None:
    produced = with_fields(users.value, LEVEL)
    failure = read(trace(produced))

    assert failure.topic == TOPIC
    assert failure.schema == produced
    assert failure.is_unknown_schema


def test_a_registry_that_was_away_is_no_unknown_schema(users: Contract) -> None:
    failure = read(trace(users.value, "java.net.ConnectException: Connection refused"))

    assert failure.schema == users.value
    assert not failure.is_unknown_schema
    assert failure.cause == "ConnectException: Connection refused"


def test_the_subject_is_told_by_the_record_s_name(users: Contract) -> None:
    assert users.key is not None
    assert subject_of(users, users.key) == f"{TOPIC}-key"
    assert subject_of(users, with_fields(users.value, LEVEL)) == f"{TOPIC}-value"


def test_a_column_that_no_version_holds(users: Contract) -> None:
    words, remedy = unknown_schema(users, with_fields(users.value, LEVEL), "public.github_users")

    held = f"that {newest(users)} does not hold"
    assert words == f"public.github_users has a column `level` {held}"
    assert remedy == "add it, `contractline release github_users`, `make register-schemas`"


def test_a_column_that_the_working_schema_holds(users: Contract) -> None:
    produced = with_fields(users.value, LEVEL)
    ahead = replace(users, value=produced)

    _, remedy = unknown_schema(ahead, produced, "public.github_users")

    assert remedy.startswith("the working value.avsc holds it: `contractline release")


def test_a_version_that_is_only_not_registered(users: Contract) -> None:
    words, remedy = unknown_schema(users, users.value, "public.github_users")

    assert words == f"{newest(users)} (value) is not registered"
    assert remedy == "`make register-schemas`"


def test_a_changed_column_has_two_ways_out(users: Contract) -> None:
    definition = json.loads(users.value.text)
    definition["fields"][2]["type"] = "int"
    produced = Schema.parse(json.dumps(definition))

    words, remedy = unknown_schema(users, produced, "public.github_users")

    team = "column `team` of public.github_users"
    assert words == f"{team} is int, but string in {newest(users)}"
    assert remedy.startswith("undo the change of the table, or bring value.avsc to it")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            'org.postgresql.util.PSQLException: FATAL: password authentication failed for user "d"',
            "PostgreSQL does not accept the replication password",
        ),
        (
            'org.postgresql.util.PSQLException: ERROR: publication "p" does not exist',
            "the publication does not exist",
        ),
        (
            "java.lang.IllegalStateException: something new",
            "IllegalStateException: something new",
        ),
    ],
)
def test_other_causes(line: str, cause: str) -> None:
    failure = read(
        f"org.apache.kafka.connect.errors.ConnectException: wrapped\nCaused by: {line}\n"
    )
    assert failure.cause == cause
    assert (failure.topic, failure.schema, failure.is_lasting) == (None, None, False)


def test_lost_log_lasts() -> None:
    failure = read(
        "io.debezium.DebeziumException: The connector is trying to read change stream starting at"
        " PostgresOffsetContext [], but this is no longer available on the server."
    )
    assert failure.is_lasting


@pytest.mark.parametrize("text", ["", "no Java at all", "Error retrieving Avro schema{broken"])
def test_what_is_no_trace_has_a_cause_all_the_same(text: str) -> None:
    failure = read(text)
    assert failure.schema is None
    assert isinstance(failure.cause, str)


UNCONVERTED = """io.debezium.DebeziumException: Failed to properly convert data value for 'public.t.d' of type {}
Caused by: org.apache.kafka.connect.errors.DataException: {}
"""


@pytest.mark.parametrize(
    ("trace", "cause", "value"),
    [
        (
            UNCONVERTED.format("date", "the column public.t.d holds `infinity`"),
            "public.t.d holds a value that the topic can't hold, `infinity`",
            "infinity",
        ),
        (
            UNCONVERTED.format("_mood", "Invalid value: null used for required field"),
            "public.t.d holds a value that the topic can't hold",
            "",
        ),
        (
            "org.apache.kafka.connect.errors.DataException: the column public.t.d holds `-infinity`",
            "public.t.d holds a value that the topic can't hold, `-infinity`",
            "-infinity",
        ),
    ],
    ids=["a value", "no value is told", "in a key"],
)
def test_a_value_that_could_not_be_converted(trace: str, cause: str, value: str) -> None:
    failure = read(trace)

    assert failure.cause == cause
    assert (failure.column, failure.value) == ("public.t.d", value)
