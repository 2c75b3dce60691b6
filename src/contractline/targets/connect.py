"""Kafka Connect's REST API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from contractline.kafka.rest import Answer, Rest
from contractline.settings import Endpoints

_REBALANCING = 409
_REBALANCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Task:
    """A connector's task; a trace where it failed."""

    id: int
    state: str
    trace: str


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector as Connect holds it: with references in place of secrets."""

    name: str
    config: Mapping[str, str]
    state: str
    tasks: tuple[Task, ...]

    @property
    def slot(self) -> str:
        """The replication slot that it reads."""
        return self.config.get("slot.name", "debezium")


class Connect:
    """Kafka Connect, read and changed one request at a time."""

    def __init__(self, endpoints: Endpoints) -> None:
        url = endpoints.need("connect_url")
        self._rest = Rest("Kafka Connect", url, setting="CONNECT_URL")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._rest.close()

    def connectors(self) -> dict[str, Connector]:
        """Return every connector, by name."""
        answer = self._agreed("GET", "/connectors?expand=status&expand=info")
        return {name: _connector(name, body) for name, body in answer.body.items()}

    def failed(self) -> set[str]:
        """Return the names of the connectors that have failed, or a task of which has."""
        answer = self._agreed("GET", "/connectors?expand=status")
        return {name for name, body in answer.body.items() if "FAILED" in _states(body["status"])}

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector, or give it another configuration."""
        self._agreed("PUT", f"/connectors/{quote(name)}/config", dict(config))

    def restart(self, name: str) -> None:
        """Restart what of a connector has failed."""
        path = f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true"
        self._agreed("POST", path)

    def _agreed(self, method: str, path: str, json: Any = None) -> Answer:
        deadline = time.monotonic() + _REBALANCE_SECONDS
        while True:
            answer = self._rest.call(method, path, json)
            if answer.is_ok:
                return answer
            if answer.status != _REBALANCING or time.monotonic() > deadline:
                raise self._rest.failed(f"refused {method} {path}: {answer.message}")
            time.sleep(_PAUSE_SECONDS)


def _connector(name: str, body: Mapping[str, Any]) -> Connector:
    status = body["status"]
    failed = [Task(-1, "FAILED", status["connector"]["trace"])] if _failed(status) else []
    tasks = [Task(task["id"], task["state"], task.get("trace", "")) for task in status["tasks"]]
    config = {key: value for key, value in body["info"]["config"].items() if key != "name"}
    return Connector(name, config, status["connector"]["state"], (*failed, *tasks))


def _failed(status: Mapping[str, Any]) -> bool:
    return "trace" in status["connector"] and status["connector"]["state"] == "FAILED"


def _states(status: Mapping[str, Any]) -> set[str]:
    return {part["state"] for part in (status["connector"], *status["tasks"])}
