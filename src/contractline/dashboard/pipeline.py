"""The state of the pipeline itself: services, lag of each stream, errors, quality, contracts."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from contractline.clickhouse.ddl import consumer_group
from contractline.clients.clickhouse import Warehouse
from contractline.clients.connect import Connect
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract, PostgresSource
from contractline.dashboard.hub import Subject
from contractline.debezium.source import connected
from contractline.errors import ContractlineError
from contractline.kafka.lag import Lag, LagReader
from contractline.quality.kept import newest
from contractline.settings import Endpoints

REFRESH_SECONDS = 2.0
UPSTREAM_SECONDS = 5.0
"""How often every page asks whether what lies before ClickHouse answers."""

REGISTRY_SECONDS = 15.0
"""How often the registry is asked for the versions of the contracts."""

_ERRORS = "SELECT topic, class, count() FROM reporting.open_errors GROUP BY topic, class"
_SLOTS = """
    SELECT slot_name, active,
        pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::float8 AS bytes
    FROM pg_replication_slots ORDER BY slot_name"""


@dataclass(slots=True)
class _Service:
    """What a service said when it was asked.

    Attributes:
        content: what it said; None where it did not answer.
        problem: why it did not.
        milliseconds: how long it took.
    """

    content: Any = None
    problem: str = ""
    milliseconds: float = 0.0


@dataclass(slots=True)
class _Rates:
    """The end of each topic when it was last looked at, to tell how fast it grows."""

    at: float = 0.0
    messages: dict[str, int] = field(default_factory=dict)

    def per_second(self, lags: dict[str, Lag]) -> dict[str, float]:
        """Return how many messages a second each topic grew by since the last time."""
        now = time.monotonic()
        passed = now - self.at
        rates = {
            topic: max(0, lag.messages - self.messages[topic]) / passed
            for topic, lag in lags.items()
            if topic in self.messages and passed > 0
        }
        self.at = now
        self.messages = {topic: lag.messages for topic, lag in lags.items()}
        return rates


class PipelinePage:
    """Asks every service, all at once."""

    def __init__(self, contracts: Sequence[Contract], endpoints: Callable[[], Endpoints]) -> None:
        self._contracts = [contract for contract in contracts if contract.sink is not None]
        self._endpoints = endpoints
        self._rates = _Rates()
        self._lag_reader: LagReader | None = None
        self._lag_lock = threading.Lock()
        self._registered: tuple[float, dict[str, bool]] = (0.0, {})
        self._pool = ThreadPoolExecutor(5, thread_name_prefix="pipeline")

    def subject(self) -> Subject:
        """Return the state of the pipeline as something to look at."""

        async def run() -> dict[str, Any]:
            return await asyncio.to_thread(self.state)

        return Subject(("pipeline",), "pipeline", run, REFRESH_SECONDS, follows_data=False)

    def upstream(self) -> Subject:
        """Return what of the services before ClickHouse is away, as something to look at.

        While one is, what is on the screen is true and nothing new arrives.
        """

        async def run() -> dict[str, Any]:
            return await asyncio.to_thread(self._upstream)

        return Subject(("upstream",), "upstream", run, UPSTREAM_SECONDS, follows_data=False)

    def _upstream(self) -> dict[str, Any]:
        endpoints = self._endpoints()
        probes = {
            "PostgreSQL": (endpoints.postgres_dsn, self._postgres),
            "Kafka": (endpoints.kafka_bootstrap_servers, self._kafka),
            "Kafka Connect": (endpoints.connect_url, self._connect),
        }
        futures = {
            name: self._pool.submit(_asked, probe, endpoints)
            for name, (setting, probe) in probes.items()
            if setting
        }
        said = {name: future.result().problem for name, future in futures.items()}
        return {"away": {name: problem for name, problem in said.items() if problem}}

    def state(self) -> dict[str, Any]:
        """Return the state of the pipeline as JSON holds it."""
        endpoints = self._endpoints()
        probes: dict[str, Callable[[Endpoints], Any]] = {
            "PostgreSQL": self._postgres,
            "Kafka": self._kafka,
            "Schema Registry": self._registry,
            "Kafka Connect": self._connect,
            "ClickHouse": self._clickhouse,
        }
        futures = {
            name: self._pool.submit(_asked, probe, endpoints) for name, probe in probes.items()
        }
        said = {name: future.result() for name, future in futures.items()}
        lags: dict[str, Lag] = said["Kafka"].content or {}
        errors: dict[str, dict[str, int]] = (said["ClickHouse"].content or {}).get("errors", {})
        rates = self._rates.per_second(lags) if lags else {}
        return {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "services": [_service(name, service) for name, service in said.items()],
            "streams": [
                self._stream(contract, lags.get(contract.topic.name), rates, errors)
                for contract in self._contracts
            ],
            "quality": (said["ClickHouse"].content or {}).get("quality", []),
            "connectors": said["Kafka Connect"].content or [],
            "slots": said["PostgreSQL"].content or [],
            "contracts": [
                self._contract(contract, said["Schema Registry"].content or {})
                for contract in self._contracts
            ],
        }

    def close(self) -> None:
        """Let the connections go."""
        self._pool.shutdown(cancel_futures=True)
        if self._lag_reader is not None:
            self._lag_reader.close()

    def _postgres(self, endpoints: Endpoints) -> Any:
        with connected(endpoints) as database:
            return database.rows(_SLOTS)

    def _kafka(self, endpoints: Endpoints) -> dict[str, Lag]:
        servers = endpoints.need("kafka_bootstrap_servers")
        groups = {
            contract.topic.name: consumer_group(contract.name) for contract in self._contracts
        }
        with self._lag_lock:
            if self._lag_reader is None or self._lag_reader.servers != servers:
                self._lag_reader = LagReader(servers)
            return self._lag_reader.lags(groups)

    def _registry(self, endpoints: Endpoints) -> dict[str, bool]:
        """Return of each contract whether its newest version is registered."""
        at, registered = self._registered
        with Registry.of(endpoints) as registry:
            if time.monotonic() - at < REGISTRY_SECONDS and registered:
                registry.subjects()
                return registered
            registered = {
                contract.name: all(
                    registry.holds(subject, versions[-1].schema)
                    for subject, versions in contract.subjects.items()
                    if versions
                )
                for contract in self._contracts
            }
        self._registered = (time.monotonic(), registered)
        return registered

    def _connect(self, endpoints: Endpoints) -> list[dict[str, Any]]:
        with Connect(endpoints) as connect:
            return [
                {
                    "name": connector.name,
                    "state": connector.state,
                    "tasks": [task.state for task in connector.tasks if task.id >= 0],
                    "problem": next((_first_line(t.trace) for t in connector.tasks if t.trace), ""),
                }
                for connector in connect.connectors().values()
            ]

    def _clickhouse(self, endpoints: Endpoints) -> dict[str, Any]:
        with closing(Warehouse(endpoints)) as warehouse:
            ((version,),) = warehouse.rows("SELECT version()")
            errors: dict[str, dict[str, int]] = {}
            for topic, kind, count in warehouse.rows(_ERRORS):
                errors.setdefault(topic, {})[kind] = count
            quality = [
                asdict(result) | {"at": result.at.isoformat()} for result in newest(warehouse)
            ]
        return {"version": version, "errors": errors, "quality": quality}

    def _stream(
        self,
        contract: Contract,
        lag: Lag | None,
        rates: dict[str, float],
        errors: dict[str, dict[str, int]],
    ) -> dict[str, Any]:
        source = contract.source
        return {
            "name": contract.name,
            "topic": contract.topic.name,
            "source": source.table if isinstance(source, PostgresSource) else source.kind,
            "messages": lag.messages if lag else None,
            "per_second": rates.get(contract.topic.name),
            "waiting": lag.waiting if lag else None,
            "behind_seconds": lag.behind_seconds if lag else None,
            "promised_seconds": contract.latency.total_seconds(),
            "errors": errors.get(contract.topic.name, {}),
        }

    def _contract(self, contract: Contract, registered: dict[str, bool]) -> dict[str, Any]:
        return {
            "name": contract.name,
            "version": contract.values[-1].number if contract.values else None,
            "owner": contract.owner,
            "compatibility": str(contract.pipeline.compatibility),
            "fields": len(contract.value.fields),
            "is_registered": registered.get(contract.name),
        }


def _asked(probe: Callable[[Endpoints], Any], endpoints: Endpoints) -> _Service:
    began = time.perf_counter()
    try:
        service = _Service(probe(endpoints))
    except ContractlineError as problem:
        service = _Service(problem=str(problem))
    service.milliseconds = (time.perf_counter() - began) * 1000
    return service


def _service(name: str, service: _Service) -> dict[str, Any]:
    version = service.content.get("version", "") if name == "ClickHouse" and service.content else ""
    return {
        "name": name,
        "is_up": not service.problem,
        "version": version,
        "problem": service.problem,
        "milliseconds": round(service.milliseconds, 1),
    }


def _first_line(trace: str) -> str:
    return trace.strip().splitlines()[0] if trace.strip() else ""
