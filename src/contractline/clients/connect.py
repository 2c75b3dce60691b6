"""Kafka Connect's REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from contractline.clients.rest import Rest, RestAnswer
from contractline.errors import ServiceUnavailable
from contractline.settings import Endpoints

HELD = frozenset({"PAUSED", "STOPPED"})
"""The states in which somebody holds a connector back."""

_ALL = "/connectors"
_NOT_FOUND = 404
"""What a worker that starts answers to everything, and a little longer of each connector."""

_REBALANCING = 409
_START_SECONDS = 30.0
"""How long a worker that answers may take to find its connectors again."""

_BLOCKING = "BLOCKING"
"""What Debezium calls the snapshot that is taken at a signal, before it reads the log on."""

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


class ConnectAway(ServiceUnavailable):
    """When Kafka Connect did not answer: trying again can help."""


class _ConnectRest(Rest):
    """The REST API, whose errors tell whether trying again can help."""

    def away(self, problem: str) -> ConnectAway:
        return ConnectAway(self.service, self.where, problem)


class Connect:
    """Kafka Connect, read and changed one request at a time.

    Args:
        endpoints: where it is.
        patience_seconds: how long each request waits for a worker that is away.
        say: takes a line when that begins.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        patience_seconds: float = 0.0,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        url = endpoints.need("connect_url")
        self._rest = _ConnectRest("Kafka Connect", url, setting="CONNECT_URL")
        self._patience_seconds = patience_seconds
        self._say = say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._rest.close()

    def connectors(self) -> dict[str, Connector]:
        """Return every connector, by name."""
        answer = self._agreed("GET", f"{_ALL}?expand=status&expand=info")
        return {name: _connector(name, body) for name, body in answer.body.items()}

    def is_in_snapshot(self, name: str) -> bool:
        """Tell whether a connector takes the snapshot that comes before it reads the log."""
        places = self._places(name)
        return not places or any(
            _is_snapshot(place) and place["snapshot"] != _BLOCKING for place in places
        )

    def is_in_blocking_snapshot(self, name: str) -> bool:
        """Tell whether a connector takes a snapshot that interrupts its reading of the log."""
        return any(
            _is_snapshot(place) and place["snapshot"] == _BLOCKING for place in self._places(name)
        )

    def failed(self) -> set[str]:
        """Return the names of the connectors that have failed, or a task of which has."""
        answer = self._agreed("GET", f"{_ALL}?expand=status")
        return {name for name, body in answer.body.items() if "FAILED" in _states(body["status"])}

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Create a connector, or give it another configuration."""
        self._agreed("PUT", f"/connectors/{quote(name)}/config", dict(config))

    def restart(self, name: str) -> None:
        """Restart what of a connector has failed."""
        path = f"/connectors/{quote(name)}/restart?includeTasks=true&onlyFailed=true"
        self._agreed("POST", path)

    def remove(self, name: str) -> None:
        """Stop a connector, forget how far it had read, and delete it."""
        # One of the same name would go on there, in a slot that is gone.
        self.stop_and_forget(name)
        self._agreed("DELETE", f"{_ALL}/{quote(name)}")

    def resume(self, name: str) -> None:
        """Let a connector that was stopped run again.

        Raises:
            ServiceUnavailable: it stays as it is, or Connect did not answer.
        """
        self._agreed("PUT", f"{_ALL}/{quote(name)}/resume")
        self._wait(name, lambda live: live.state not in HELD, "did not resume")

    def stop_and_forget(self, name: str) -> None:
        """Stop a connector, and forget how far it had read.

        Raises:
            ServiceUnavailable: it did not stop, or Connect did not answer.
        """
        path = f"{_ALL}/{quote(name)}"
        self._agreed("PUT", f"{path}/stop")
        self._wait(name, lambda live: live.state == "STOPPED" and not live.tasks, "did not stop")
        self._agreed("DELETE", f"{path}/offsets")

    def _wait(self, name: str, is_so: Callable[[Connector], bool], problem: str) -> None:
        """Wait until a connector is in a state, or is gone."""
        deadline = time.monotonic() + _START_SECONDS
        while (live := self.connectors().get(name)) and not is_so(live):
            if time.monotonic() > deadline:
                raise self._rest.failed(f"{name} {problem} in {_START_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS)

    def _places(self, name: str) -> list[Mapping[str, Any]]:
        """Return a connector's places in the log as it noted them last."""
        answer = self._agreed("GET", f"{_ALL}/{quote(name)}/offsets")
        return [place["offset"] for place in answer.body["offsets"]]

    def _agreed(self, method: str, path: str, json: Any = None) -> RestAnswer:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            answer = self._answer(method, path, json)
            if answer.is_ok:
                return answer
            if answer.status not in {_NOT_FOUND, _REBALANCING} or time.monotonic() > deadline:
                raise self._rest.failed(f"refused {method} {path}: {answer.message}")
            time.sleep(_PAUSE_SECONDS)

    def _answer(self, method: str, path: str, json: Any) -> RestAnswer:
        """Send a request until Connect answers. All requests may be sent twice."""
        began, is_said = time.monotonic(), False
        while True:
            try:
                answer = self._rest.call(method, path, json)
                if answer.status == _NOT_FOUND and path.startswith(f"{_ALL}?"):
                    raise self._rest.away("is starting")
                return answer
            except ConnectAway as problem:
                if time.monotonic() >= began + self._patience_seconds:
                    raise
                if not is_said:
                    self._say(f"{problem}; waiting for it up to {self._patience_seconds:g} s")
                    is_said = True
            time.sleep(_PAUSE_SECONDS)


def _connector(name: str, body: Mapping[str, Any]) -> Connector:
    status = body["status"]
    failed = [Task(-1, "FAILED", status["connector"]["trace"])] if _failed(status) else []
    tasks = [Task(task["id"], task["state"], task.get("trace", "")) for task in status["tasks"]]
    config = {key: value for key, value in body["info"]["config"].items() if key != "name"}
    return Connector(name, config, status["connector"]["state"], (*failed, *tasks))


def _is_snapshot(place: Mapping[str, Any]) -> bool:
    return bool(place.get("snapshot")) and not place.get("snapshot_completed")


def _failed(status: Mapping[str, Any]) -> bool:
    return "trace" in status["connector"] and status["connector"]["state"] == "FAILED"


def _states(status: Mapping[str, Any]) -> set[str]:
    return {part["state"] for part in (status["connector"], *status["tasks"])}
