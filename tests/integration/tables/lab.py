"""Streams of a test's own on the running stack: contracts, topics, tables and consumer groups.

Names carry a prefix, so that tests don't meet each other or the streams of the repository.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import fastavro
import yaml
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from contractline.cli import Invocation
from contractline.clickhouse.ddl import machinery
from contractline.clients.clickhouse import Warehouse
from contractline.clients.registry import Registry
from contractline.clients.wire import header
from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract, Subject
from contractline.plan import Plan
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets import apply_all, open_target

REPOSITORY = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
MICROS = 1_000_000

Row = tuple[Any, ...]


class Lab:
    """One test's streams."""

    def __init__(self, root: Path, endpoints: Endpoints, prefix: str) -> None:
        self.endpoints = endpoints
        self.prefix = prefix
        self.project = Project(root)
        (root / "contracts").mkdir(parents=True)
        (root / "clickhouse_ddl").mkdir()
        shutil.copy(REPOSITORY / "clickhouse_ddl" / "databases.sql", root / "clickhouse_ddl")
        self.warehouse = Warehouse(endpoints)
        self.producer = Producer(
            {
                "bootstrap.servers": endpoints.need("kafka_bootstrap_servers"),
                "acks": "all",
                "log_level": 0,
            }
        )
        self._encoders: dict[tuple[str, int], tuple[bytes, Any]] = {}

    # Contracts

    def stream(self, name: str, source: Path = REPOSITORY / "contracts") -> Contract:
        """Copy a contract under this lab's names."""
        folder = self.project.contracts / f"{self.prefix}_{name}"
        shutil.copytree(source / name, folder)
        for part in ("value", "key"):
            released = folder / "versions" / f"{part}.v1.avsc"
            if (folder / f"{part}.avsc").exists() and not released.exists():
                released.parent.mkdir(exist_ok=True)
                shutil.copy(folder / f"{part}.avsc", released)
        with self.edited(folder) as sections:
            sections["topic"]["name"] = f"{self.prefix}.{sections['topic']['name']}"
            sections["topic"]["partitions"] = 1
            place = sections["clickhouse"]
            for role in ("current", "history"):
                if role in place:
                    place[role] = f"{self.prefix}.{place[role].partition('.')[2]}"
        return self.contract(name)

    def edited(self, folder: Path) -> _Edit:
        return _Edit(folder / "contract.odcs.yaml")

    def release(self, name: str, fields: Sequence[Mapping[str, Any]]) -> int:
        """Add fields in a next version, and return its number."""
        folder = self.project.contracts / f"{self.prefix}_{name}"
        number = len(list((folder / "versions").glob("value.v*.avsc"))) + 1
        schema = json.loads((folder / "versions" / f"value.v{number - 1}.avsc").read_text())
        schema["fields"] += fields
        text = json.dumps(schema, indent=2)
        (folder / "value.avsc").write_text(text)
        (folder / "versions" / f"value.v{number}.avsc").write_text(text)
        return number

    def release_own(self, name: str) -> int:
        """Release a version with a schema that nobody has seen: its field has this lab's name."""
        doc = "Makes a schema of its own."
        return self.release(
            name, [{"name": self.prefix, "type": "string", "default": "", "doc": doc}]
        )

    @property
    def contracts(self) -> list[Contract]:
        return load_contracts(self.project)

    def contract(self, name: str) -> Contract:
        return next(c for c in self.contracts if c.name == f"{self.prefix}_{name}")

    # Targets

    def apply(self, *names: str) -> None:
        for outcome in apply_all(
            self.project, self.contracts, self.endpoints, names or ("topics", "tables", "schemas")
        ):
            assert outcome.error is None, outcome.error
            assert outcome.exit_code == 0, (outcome.plan, outcome.left)

    def plan(self) -> Plan:
        return open_target("tables", self.project, self.contracts, self.endpoints).plan()

    # Kafka

    def frame(self, name: str, record: Mapping[str, Any], *, version: int = 1) -> bytes:
        """Encode a record with a released version, by the registry's id."""
        head, schema = self._encoders.get((name, version)) or self._encoder(name, version)
        out = io.BytesIO()
        out.write(head)
        fastavro.schemaless_writer(out, schema, record)
        return out.getvalue()

    def _encoder(self, name: str, version: int) -> tuple[bytes, Any]:
        contract = self.contract(name)
        schema = contract.values[version - 1].schema
        with Registry(self.endpoints.need("schema_registry_url")) as registry:
            found = registry.id_of(Subject(f"{contract.topic.name}-value"), schema)
        assert found is not None
        encoder = header(found), fastavro.parse_schema(schema.definition)
        self._encoders[name, version] = encoder
        return encoder

    def send(self, name: str, values: Iterable[bytes | None], key: bytes = b"key") -> None:
        topic = self.contract(name).topic.name
        for value in values:
            self.producer.produce(topic, value, key)
            self.producer.poll(0)
        assert self.producer.flush(30) == 0

    # ClickHouse

    def remove_topic(self, name: str) -> None:
        """Delete the topic of a stream, and wait until it is gone."""
        topic = self.contract(name).topic.name
        admin = AdminClient({"bootstrap.servers": self.endpoints.need("kafka_bootstrap_servers")})
        admin.delete_topics([topic])[topic].result()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while topic in admin.list_topics(timeout=10).topics:
            assert time.monotonic() < deadline, f"{topic} is still there"
            time.sleep(0.1)

    def rows(self, sql: str) -> list[Row]:
        return [tuple(row) for row in self.warehouse.rows(sql)]

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def invoke(self, command: click.Command, *arguments: str) -> Result:
        """Run a command in the project, on its services."""
        environment = {name.upper(): v for name, v in self.endpoints.model_dump().items() if v}
        return CliRunner().invoke(
            command,
            arguments,
            obj=Invocation(self.project.root, debug=False),
            env=environment,
            standalone_mode=False,
        )

    def wait_for(self, sql: str, expected: object, seconds: float = PATIENCE_SECONDS) -> None:
        end = time.monotonic() + seconds
        while (found := self.one(sql)) != expected:
            assert time.monotonic() < end, f"{sql}: {found!r}, and not {expected!r}"
            time.sleep(0.05)

    def wait_for_rows(self, sql: str, expected: object) -> None:
        """Wait until a query gives rows: the views of one block fill their tables one by one."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := self.rows(sql)) != expected:
            assert time.monotonic() < end, f"{sql}: {found!r}, and not {expected!r}"
            time.sleep(0.05)

    def errors(self, name: str, *, resolved: bool = False) -> list[Row]:
        """Offset, class, reason, bytes and key of a stream's open, or else resolved, errors."""
        rows = self.rows(
            "SELECT offset, class, reason, hex(raw), hex(key) FROM ingestion.errors FINAL"
            f" WHERE topic = '{self.contract(name).topic.name}'"
            f" AND isNull(resolved_at) = {int(not resolved)} ORDER BY partition, offset"
        )
        return [(*row[:3], bytes.fromhex(row[3]), bytes.fromhex(row[4])) for row in rows]

    def remove(self) -> None:
        for contract in self.contracts:
            for name in reversed(machinery(contract.name)):
                self.warehouse.run(f"DROP TABLE IF EXISTS {name}")
        self.warehouse.run(f"DROP DATABASE IF EXISTS {self.prefix}")
        self.warehouse.run(
            f"ALTER TABLE ingestion.errors DELETE WHERE startsWith(topic, '{self.prefix}.')"
        )
        self.warehouse.run(
            f"ALTER TABLE ingestion.arrivals DELETE WHERE startsWith(stream, '{self.prefix}_')"
        )
        self.warehouse.close()
        admin = AdminClient({"bootstrap.servers": self.endpoints.need("kafka_bootstrap_servers")})
        if topics := [contract.topic.name for contract in self.contracts]:
            for future in admin.delete_topics(topics).values():
                future.exception()


class _Edit:
    """A contract's sections, written back at the end of a ``with``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._document = yaml.safe_load(file.read_text())

    def __enter__(self) -> dict[str, Any]:
        return {p["property"]: p["value"] for p in self._document["customProperties"]}

    def __exit__(self, *_: object) -> None:
        self._file.write_text(yaml.safe_dump(self._document))


def commit(number: int, **fields: Any) -> dict[str, Any]:
    """A commit as the first version describes it; poor, unless fields say otherwise."""
    at = 1_700_000_000 * MICROS + number * MICROS
    return {
        "repository": f"org/repo{number % 7}",
        "commit_id": f"{number:040x}",
        "author": "Ann",
        "author_email": "ann@example.org",
        "author_login": None,
        "committer": "Ann",
        "committer_email": "ann@example.org",
        "committer_login": None,
        "commit_message": f"change {number}\n\nwith 'quotes', a \\ and \t\0 and ы",
        "authored_at": at,
        "committed_at": at,
        "parents": [f"{number - 1:040x}"] if number else [],
        "additions": None,
        "deletions": None,
        "changed_files": None,
        "source": "fake",
        "produced_at": at,
    } | fields


def user(name: str, team: str, lsn: int, op: str = "u", **fields: Any) -> dict[str, Any]:
    """A change of public.github_users as Debezium writes it."""
    return {
        "user_name": name,
        "position": "Developer",
        "team": team,
        "birth_date": None,
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "__deleted": "true" if op == "d" else "false",
        "__op": op,
        "__lsn": lsn,
        "__source_ts_ms": 1_767_323_045_000 + lsn,
    } | fields
