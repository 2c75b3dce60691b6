"""Running the producer as a user does, and reading Kafka as a stranger would."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import httpx
from confluent_kafka import Consumer, KafkaError, TopicPartition

from contractline.settings import Endpoints
from tests.fixtures.stack import REPOSITORY

LIMIT_SECONDS = 90.0


@dataclass(frozen=True)
class Message:
    """A message as it lies in Kafka."""

    key: dict[str, Any]
    value: dict[str, Any]
    schema_id: int

    @property
    def identity(self) -> tuple[str, str]:
        return self.value["repository"], self.value["commit_id"]


class Log:
    """Reads whole topics, with a decoder that shares nothing with the product's."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._servers = endpoints.need("kafka_bootstrap_servers")
        self._registry = endpoints.need("schema_registry_url")
        self._schemas: dict[int, Any] = {}

    def messages(
        self, topic: str = "commits_topic", repository: str | None = None
    ) -> list[Message]:
        """Return every message of a topic, or those of one repository."""
        found = []
        for key, value in self._raw(topic):
            message = Message(self._decode(key)[1], *reversed(self._decode(value)))
            if repository is None or message.value["repository"] == repository:
                found.append(message)
        return found

    def ids(self, repository: str) -> list[str]:
        return [m.value["commit_id"] for m in self.messages(repository=repository)]

    def cursor(self, repository: str, ref: str = "refs/heads/main") -> str | None:
        """Return the newest position that was saved."""
        position = None
        for message in self.messages("contractline_cursors"):
            if message.key == {"source": "git", "repository": repository, "ref": ref}:
                position = message.value["position"]
        return position

    def _decode(self, frame: bytes) -> tuple[int, dict[str, Any]]:
        magic, schema_id = struct.unpack(">bI", frame[:5])
        assert magic == 0
        if schema_id not in self._schemas:
            answer = httpx.get(f"{self._registry}/schemas/ids/{schema_id}").raise_for_status()
            definition = json.loads(answer.json()["schema"])
            for field in definition["fields"]:  # times as numbers: some are beyond datetime
                _without_logical_types(field)
            self._schemas[schema_id] = fastavro.parse_schema(definition)
        value: Any = fastavro.schemaless_reader(BytesIO(frame[5:]), self._schemas[schema_id], None)
        return schema_id, value

    def written(self, topic: str = "commits_topic") -> int:
        """Return how many messages a topic was given."""
        consumer = self._consumer()
        parts = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, part), 20)[1] for part in parts
        ]
        consumer.close()
        return sum(ends)

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": str(uuid.uuid4()),
                "enable.partition.eof": True,
                "enable.auto.commit": False,
            }
        )

    def _raw(self, topic: str) -> list[tuple[bytes, bytes]]:
        consumer = self._consumer()
        parts = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, part, 0) for part in parts])
        found = []
        while parts:
            for message in consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    found.append((message.key() or b"", message.value() or b""))
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    parts.discard(message.partition() or 0)
        consumer.close()
        return found


def _without_logical_types(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("logicalType", None)
        for value in node.values():
            _without_logical_types(value)
    elif isinstance(node, list):
        for value in node:
            _without_logical_types(value)


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    account: dict[str, Any]
    said: str


class Run:
    """A producer that runs."""

    def __init__(self, environment: dict[str, str], project: Path, arguments: tuple[str, ...]):
        command = [sys.executable, "-m", "producer", *arguments, "--json"]
        self.process = subprocess.Popen(
            [*command, "--project", str(project)],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        with self.process.stderr as words:
            self.said.extend(words)

    def wait_for(self, what: Callable[[], object], limit: float = LIMIT_SECONDS) -> None:
        """Wait until something holds while the run goes on."""
        end = time.monotonic() + limit
        while not what():
            assert self.process.poll() is None, "".join(self.said)
            assert time.monotonic() < end, "".join(self.said)
            time.sleep(0.05)

    def wait_for_words(self, words: str, limit: float = LIMIT_SECONDS) -> None:
        self.wait_for(lambda: any(words in line for line in self.said), limit)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> Outcome:
        """Wait for the end; a run that was killed has no account."""
        assert self.process.stdout
        out = self.process.stdout.read()
        code = self.process.wait(LIMIT_SECONDS)
        self._reader.join()
        self.process.stdout.close()
        return Outcome(code, json.loads(out) if out else {}, "".join(self.said))

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.finish()
