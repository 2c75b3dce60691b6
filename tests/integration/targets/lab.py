"""A project of a test's own on the running stack: contracts, tables, a connector and its topics.

Each has a topic prefix, a slot and a publication of its own, so that tests don't meet.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
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

from contractline.clickhouse.ddl import machinery, stream_files
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.plan import Plan
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets import Outcome, apply_all, open_target, targets_of

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
    is_raw: bool = False
    """Whether records hold Avro's plain values: Python's dates end where PostgreSQL's go on."""
    _decoders: dict[int, Any] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("contracts/system", "clickhouse_ddl", "connect/connectors"):
            (self.root / folder).mkdir(parents=True)
        for folder in ("postgres", "plugin"):
            shutil.copytree(REPOSITORY / "connect" / folder, self.root / "connect" / folder)
        for file in (self.root / "connect" / "postgres").glob("*github*.sql"):
            file.unlink()
        shutil.copy(REPOSITORY / "clickhouse_ddl/databases.sql", self.root / "clickhouse_ddl")
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

    def every_column(self) -> None:
        """Let the converter register what it makes of whole tables (policy ``stop``)."""
        self.configure(
            **{
                "key.converter.auto.register.schemas": "true",
                "value.converter.auto.register.schemas": "true",
            }
        )

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
        properties: Sequence[Mapping[str, Any]] = (),
        has_sink: bool = False,
        latency_ms: int = 300,
    ) -> None:
        """Write the contract of a table of this lab's schema, with a released first version.

        With a sink it lands in ClickHouse, in the database that is called like the lab; the latency
        that it promises says how long ClickHouse gathers records.
        """
        name = f"{self.prefix}_{table}" if has_sink else table
        self._names[table] = name
        folder = self._folder(table)
        (folder / "versions").mkdir(parents=True)
        source = REPOSITORY / "contracts" / "github_users" / "contract.odcs.yaml"
        document = yaml.safe_load(source.read_text())
        document |= {"id": name, "name": name}
        document["slaProperties"][0]["value"] = latency_ms
        document["schema"][0] |= {"name": table, "properties": list(properties)}
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
        if has_sink:
            database = f"{self.prefix}.{table}"
            sections["clickhouse"] |= {"current": database, "history": f"{database}_history"}
        else:
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
        self.source(table, uncontractedColumns=policy)

    def source(self, table: str, **values: str) -> None:
        """Change what a contract says of its source."""
        file = self._folder(table) / "contract.odcs.yaml"
        document = yaml.safe_load(file.read_text())
        _sections(document)["source"] |= values
        file.write_text(yaml.safe_dump(document))

    def topic(self, table: str) -> str:
        return f"{self.prefix}.{self.prefix}.{table}"

    def plan(self, target: str, *, prune: bool = False) -> Plan:
        contracts = load_contracts(self.project)
        return open_target(target, self.project, contracts, self.endpoints, prune=prune).plan()

    def apply(self, *names: str, prune: bool = False) -> list[Outcome]:
        contracts = load_contracts(self.project)
        names = names or CDC_TARGETS
        for file, text in stream_files(self.project, contracts).items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return list(apply_all(self.project, contracts, self.endpoints, names, prune=prune))

    def bring_up(self) -> None:
        """Apply everything, and expect that nothing is left to do."""
        for outcome in self.apply():
            assert outcome.error is None, outcome.error
            assert outcome.exit_code == 0, (outcome.target, outcome.left or outcome.plan)

    def bring_up_with_tables(self) -> None:
        """Apply everything, the tables in ClickHouse too, and expect that nothing is left to do."""
        for outcome in self.apply(*targets_of(self.endpoints)):
            assert outcome.error is None, outcome.error
            assert outcome.exit_code == 0, (outcome.target, outcome.left or outcome.plan)

    def query(self, text: str) -> Sequence[Sequence[Any]]:
        """Ask ClickHouse."""
        with closing(Warehouse(self.endpoints)) as warehouse:
            return warehouse.rows(text)

    def run(self, text: str) -> None:
        """Run a statement in ClickHouse."""
        with closing(Warehouse(self.endpoints)) as warehouse:
            warehouse.run(text)

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
        """Return what state the task is in; NONE too while a new worker does not know of it yet."""
        url = f"{self.endpoints.connect_url}/connectors/{self.prefix}/status"
        answer = httpx.get(url, timeout=30)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return "NONE"
        tasks = answer.raise_for_status().json()["tasks"]
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
        if self.sql("SELECT FROM pg_tables WHERE tablename = 'debezium_signal'"):
            signals = "DELETE FROM public.debezium_signal WHERE starts_with(id, %s)"
            self.sql(signals, f"{self.prefix} ")
        self.sql(f"DROP SCHEMA IF EXISTS {self.prefix} CASCADE")
        if any(name != table for table, name in self._names.items()):
            self._remove_tables()
        admin = AdminClient({"bootstrap.servers": self.endpoints.need("kafka_bootstrap_servers")})
        topics = [t for t in admin.list_topics(timeout=10).topics if self.prefix in t]
        for future in admin.delete_topics(topics).values() if topics else ():
            future.result()

    def _remove_tables(self) -> None:
        for name in self._names.values():
            # What reads goes first, so that nothing fails meanwhile.
            for table in reversed(machinery(name)):
                self.run(f"DROP TABLE IF EXISTS {table}")
        self.run(f"DROP DATABASE IF EXISTS {self.prefix}")

    def _folder(self, table: str) -> Path:
        return self.root / "contracts" / self._names[table]

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
        folder = self._folder(table)
        for file in (f"{part}.avsc", f"versions/{part}.v{number}.avsc"):
            (folder / file).write_text(json.dumps(schema, indent=2) + "\n")

    def _decode(self, frame: bytes | None) -> dict[str, Any] | None:
        if frame is None:
            return None
        number = int.from_bytes(frame[1:5], "big")
        if number not in self._decoders:
            url = f"{self.endpoints.schema_registry_url}/schemas/ids/{number}"
            schema = json.loads(httpx.get(url).raise_for_status().json()["schema"])
            schema = _without_logical_types(schema) if self.is_raw else schema
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


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if name != "logicalType"}
    return {name: _without_logical_types(value) for name, value in kept.items()}


def _sections(document: Mapping[str, Any]) -> dict[str, Any]:
    return {section["property"]: section["value"] for section in document["customProperties"]}
