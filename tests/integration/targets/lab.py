"""A project of a test's own on the running stack: contracts, tables, a connector and its topics.

Each has a topic prefix, a slot and a publication of its own, so that tests don't meet.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import httpx
import psycopg
import yaml
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg.rows import dict_row

from contractline.contracts.load import load_contracts
from contractline.plan import Plan
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets import Outcome, apply_all, open_target

REPOSITORY = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
CDC_TARGETS = ("topics", "schemas", "postgres", "connectors")
METADATA = [
    {"name": "__deleted", "type": ["null", "string"], "default": None},
    {"name": "__op", "type": ["null", "string"], "default": None},
    {"name": "__lsn", "type": ["null", "long"], "default": None},
    {"name": "__source_ts_ms", "type": ["null", "long"], "default": None},
]


@dataclass(frozen=True)
class Record:
    """A record of a topic, decoded; a value of None is a tombstone."""

    key: dict[str, Any] | None
    value: dict[str, Any] | None

    @property
    def row(self) -> dict[str, Any] | None:
        """The value without what the unwrap transform added."""
        if self.value is None:
            return None
        return {k: v for k, v in self.value.items() if not k.startswith("__")}

    @property
    def is_delete(self) -> bool:
        return self.value is not None and self.value["__deleted"] == "true"


@dataclass
class Lab:
    """One test's project."""

    root: Path
    endpoints: Endpoints
    prefix: str
    _decoders: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("contracts/system", "clickhouse_ddl", "connect/connectors"):
            (self.root / folder).mkdir(parents=True)
        sources = REPOSITORY / "connect" / "postgres"
        shutil.copytree(sources, self.root / "connect" / "postgres")
        for file in (self.root / "connect" / "postgres").glob("*github*.sql"):
            file.unlink()
        self.configure()
        self.heartbeat()

    @property
    def project(self) -> Project:
        return Project(self.root)

    def configure(self, **properties: str) -> None:
        """Write the connector's template, the repository's own but for its names."""
        template = json.loads((REPOSITORY / "connect/connectors/postgres.json").read_text())
        template |= {
            "topic.prefix": self.prefix,
            "slot.name": self.prefix,
            "publication.name": self.prefix,
            "heartbeat.interval.ms": "1000",
        }
        template |= {name.replace("_", "."): value for name, value in properties.items()}
        file = self.root / "connect" / "connectors" / f"{self.prefix}.json"
        file.write_text(json.dumps(template, indent=2))

    def heartbeat(self) -> None:
        """Write the contract of the connector's heartbeats."""
        folder = self.root / "contracts" / "system" / "heartbeat"
        shutil.copytree(REPOSITORY / "contracts" / "system" / "heartbeat", folder)
        document = yaml.safe_load((folder / "contract.odcs.yaml").read_text())
        sections = _sections(document)
        sections["topic"]["name"] = f"__debezium-heartbeat.{self.prefix}"
        document["schema"][0]["physicalName"] = sections["topic"]["name"]
        sections["source"]["connector"] = self.prefix
        (folder / "contract.odcs.yaml").write_text(yaml.safe_dump(document))

    def contract(
        self,
        table: str,
        fields: Sequence[Mapping[str, Any]],
        key: Sequence[Mapping[str, Any]] = (),
        *,
        policy: str = "report",
        compatibility: str = "FULL_TRANSITIVE",
    ) -> None:
        """Write the contract of a table of this lab's schema, with a released first version."""
        folder = self.root / "contracts" / table
        (folder / "versions").mkdir(parents=True)
        source = REPOSITORY / "contracts" / "github_users" / "contract.odcs.yaml"
        document = yaml.safe_load(source.read_text())
        document |= {"id": table, "name": table}
        document["schema"][0] |= {"name": table, "properties": []}
        sections = _sections(document)
        cleanup = "compact" if key else "delete"
        sections["topic"] |= {"name": self.topic(table), "cleanup": cleanup}
        sections["source"] |= {
            "connector": self.prefix,
            "table": f"{self.prefix}.{table}",
            "uncontractedColumns": policy,
        }
        for section in document["customProperties"]:
            if section["property"] == "compatibility":
                section["value"] = compatibility
        document["customProperties"] = [
            section
            for section in document["customProperties"]
            if section["property"] != "clickhouse"
        ]
        (folder / "contract.odcs.yaml").write_text(yaml.safe_dump(document))
        if key:
            self._write(table, "key", 1, key, name="Key")
        self.release(table, 1, fields)

    def release(self, table: str, number: int, fields: Sequence[Mapping[str, Any]]) -> None:
        """Write a version of a table's value."""
        self._write(table, "value", number, [*fields, *METADATA], name="Value")

    def policy(self, table: str, policy: str) -> None:
        """Change what an uncontracted column of a table does."""
        file = self.root / "contracts" / table / "contract.odcs.yaml"
        document = yaml.safe_load(file.read_text())
        _sections(document)["source"]["uncontractedColumns"] = policy
        file.write_text(yaml.safe_dump(document))

    def topic(self, table: str) -> str:
        return f"{self.prefix}.{self.prefix}.{table}"

    def plan(self, target: str, *, prune: bool = False) -> Plan:
        contracts = load_contracts(self.project)
        return open_target(target, self.project, contracts, self.endpoints, prune=prune).plan()

    def apply(self, *names: str, prune: bool = False) -> list[Outcome]:
        contracts = load_contracts(self.project)
        names = names or CDC_TARGETS
        return list(apply_all(self.project, contracts, self.endpoints, names, prune=prune))

    def bring_up(self) -> None:
        """Apply everything, and expect that nothing is left to do."""
        for outcome in self.apply():
            assert outcome.error is None, outcome.error
            assert outcome.exit_code == 0, (outcome.target, outcome.left or outcome.plan)

    def sql(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Run statements in one transaction, with this lab's schema as the search path."""
        assert self.endpoints.postgres_dsn
        with psycopg.connect(self.endpoints.postgres_dsn, row_factory=dict_row) as connection:
            connection.execute(f"SET search_path TO {self.prefix}, public")
            cursor = connection.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    def connect(self, method: str, path: str) -> Any:
        answer = httpx.request(method, f"{self.endpoints.connect_url}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def task_state(self) -> str:
        tasks = self.connect("GET", f"/connectors/{self.prefix}/status")["tasks"]
        return str(tasks[0]["state"]) if tasks else "NONE"

    def records(self, table: str) -> list[Record]:
        """Return every record of a table's topic, in order."""
        return self.topic_records(self.topic(table))

    def topic_records(self, topic: str) -> list[Record]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.endpoints.need("kafka_bootstrap_servers"),
                "group.id": "nobody",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        out = []
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            while (message := consumer.poll(10)) is not None and message.error() is None:
                key, value = (self._decode(message.key()), self._decode(message.value()))
                out.append(Record(key, value))
        finally:
            consumer.close()
        return out

    def wait_for_records(self, table: str, count: int) -> list[Record]:
        """Wait until a topic holds at least so many records."""
        until(lambda: len(self.records(table)) >= count, f"{count} records of {table}")
        return self.records(table)

    def remove(self) -> None:
        """Remove what the lab left in the shared services."""
        url = f"{self.endpoints.connect_url}/connectors/{self.prefix}"
        httpx.delete(url, timeout=30)
        until(lambda: not self.slot_is_active(), "the slot to be free")
        self.sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s",
            self.prefix,
        )
        self.sql(f"DROP PUBLICATION IF EXISTS {self.prefix}")
        self.sql(f"DROP SCHEMA IF EXISTS {self.prefix} CASCADE")
        admin = AdminClient({"bootstrap.servers": self.endpoints.need("kafka_bootstrap_servers")})
        topics = [t for t in admin.list_topics(timeout=10).topics if self.prefix in t]
        for future in admin.delete_topics(topics).values() if topics else ():
            future.result()

    def slot_is_active(self) -> bool:
        """Tell whether somebody reads the lab's replication slot."""
        rows = self.sql("SELECT active FROM pg_replication_slots WHERE slot_name = %s", self.prefix)
        return any(row["active"] for row in rows)

    def _write(
        self,
        table: str,
        part: str,
        number: int,
        fields: Sequence[Mapping[str, Any]],
        *,
        name: str,
    ) -> None:
        namespace = f"{self.prefix}.{self.prefix}.{table}"
        schema = {"type": "record", "name": name, "namespace": namespace, "fields": list(fields)}
        folder = self.root / "contracts" / table
        for file in (f"{part}.avsc", f"versions/{part}.v{number}.avsc"):
            (folder / file).write_text(json.dumps(schema, indent=2) + "\n")

    def _decode(self, frame: bytes | None) -> dict[str, Any] | None:
        if frame is None:
            return None
        number = int.from_bytes(frame[1:5], "big")
        if number not in self._decoders:
            url = f"{self.endpoints.schema_registry_url}/schemas/ids/{number}"
            schema = json.loads(httpx.get(url).raise_for_status().json()["schema"])
            self._decoders[number] = fastavro.parse_schema(schema)
        decoded: dict[str, Any] = fastavro.schemaless_reader(  # type: ignore[assignment]
            io.BytesIO(frame[5:]), self._decoders[number], None
        )
        return decoded


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)


def messages(plan: Plan) -> str:
    """Return all that a plan has to say, for matching."""
    return "\n".join(str(one) for one in (*plan.steps, *plan.findings))


def _sections(document: Mapping[str, Any]) -> dict[str, Any]:
    return {section["property"]: section["value"] for section in document["customProperties"]}
