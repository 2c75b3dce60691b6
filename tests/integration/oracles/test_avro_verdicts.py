"""Verdicts on pairs of schemas: ours, those of Apache Avro for Java, and of the real registry.

Java's is what Kafka Connect, Flink and most consumers run. No difference is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from contractline.avro.compatibility import can_read
from contractline.avro.schema import Schema
from contractline.clients.registry import Registry
from tests.fixtures.stack import RunningStack
from tests.integration.oracles.pairs import Pair, drawn
from tests.unit.avro.test_compatibility import UNIONS_OF_NO_TYPES

JAVA_PAIRS = 1500
REGISTRY_PAIRS = 150
ROOT = Path(__file__).parents[3]


def java_says(stack: RunningStack, pairs: Sequence[Pair]) -> list[bool]:
    runtime = stack.stack.artefacts.runtime
    asked = {
        "jars": [str(runtime / "plugins" / "avro" / "*"), str(runtime / "connect" / "*")],
        "pairs": [[reader.text, writer.text] for reader, writer in pairs],
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.oracles.compatibility_in_java"],
        cwd=ROOT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    verdicts: list[bool] = json.loads(done.stdout)
    return verdicts


def differences(pairs: Sequence[Pair], verdicts: Sequence[bool]) -> list[str]:
    return [
        f"they say {verdict}\n  reader {reader.text}\n  writer {writer.text}"
        for (reader, writer), verdict in zip(pairs, verdicts, strict=True)
        if can_read(reader, writer) != verdict
    ]


def test_java_judges_as_we_do(stack: RunningStack):
    pairs = drawn(JAVA_PAIRS)
    verdicts = java_says(stack, pairs)

    assert 0.2 < sum(verdicts) / len(verdicts) < 0.9
    assert not differences(pairs, verdicts)


def test_java_judges_unions_of_no_types_as_we_do(stack: RunningStack):
    pairs = [(reader, writer) for reader, writer, _ in UNIONS_OF_NO_TYPES]
    assert java_says(stack, pairs) == [is_readable for _, _, is_readable in UNIONS_OF_NO_TYPES]
    assert not differences(pairs, [is_readable for _, _, is_readable in UNIONS_OF_NO_TYPES])


def test_the_registry_judges_as_we_do(stack: RunningStack):
    url = stack.endpoints.need("schema_registry_url")
    pairs = drawn(REGISTRY_PAIRS)
    with Registry(url) as registry, httpx.Client(base_url=url, timeout=20) as client:
        verdicts = [
            registry_says(registry, client, f"oracle-{number}-value", *pair)
            for number, pair in enumerate(pairs)
        ]

    assert not differences(pairs, verdicts)


def registry_says(
    registry: Registry, client: httpx.Client, subject: str, reader: Schema, writer: Schema
) -> bool:
    """Ask whether the reader may follow the writer at BACKWARD."""
    registry.register(subject, writer)  # type: ignore[arg-type]
    registry.set_level(subject, "BACKWARD")  # type: ignore[arg-type]
    path = f"/compatibility/subjects/{subject}/versions/latest"
    answer = client.post(path, json={"schema": reader.text, "schemaType": "AVRO"})
    answer.raise_for_status()
    return bool(answer.json()["is_compatible"])
