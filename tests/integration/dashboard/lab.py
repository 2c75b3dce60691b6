"""The page of a running stack, and commits to show on it."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from contractline.clients.registry import Registry
from contractline.contracts.load import contract_named, load_contracts
from contractline.kafka.encode import StreamEncoder
from contractline.kafka.produce import Channel, Delivery
from tests.fixtures.stack import RunningStack

_NUMBERS = itertools.count(1)


@dataclass
class Page:
    """A page that is served in a process of its own, and can be killed and come back."""

    stack: RunningStack
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = ("-m", "contractline", "--project", str(self.stack.project.root), "dashboard")
        self._process = subprocess.Popen(
            [sys.executable, *command, "--port", str(self.port), *self.arguments],
            env={**self.stack.environment, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("the page is at http://"), said
        self.port = int(said.rpartition(":")[2])

    def stop(self, *, kills: bool = False) -> int:
        assert self._process is not None
        if kills:
            self._process.kill()
        else:
            self._process.terminate()
        code = self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@contextmanager
def channel(stack: RunningStack) -> Iterator[tuple[Channel, Delivery]]:
    """Open the producer's own way of sending commits."""
    endpoints = stack.endpoints
    contract = contract_named(load_contracts(stack.project), "commits")
    with (
        Registry(endpoints.need("schema_registry_url")) as registry,
        Delivery(endpoints.need("kafka_bootstrap_servers"), lambda words: None) as delivery,
    ):
        yield delivery.channel(StreamEncoder(contract, registry)), delivery


def commit(repository: str, message: str, **more: Any) -> dict[str, Any]:
    """Return a commit of this moment."""
    now = time.time_ns() // 1000
    name = f"{repository} {next(_NUMBERS)} {now}"
    return {
        "repository": repository,
        "commit_id": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        "author": "Page Tester",
        "author_email": "page@example.org",
        "committer": "Page Tester",
        "committer_email": "page@example.org",
        "commit_message": message,
        "committed_at": now,
        "parents": [],
        "source": "fake",
        "produced_at": now,
        **more,
    }


def send(stack: RunningStack, *records: dict[str, Any]) -> None:
    """Send commits; all are acknowledged afterwards."""
    with channel(stack) as (way, delivery):
        for record in records:
            key = {name: record[name] for name in ("repository", "commit_id")}
            way.send(record, key)
        delivery.flush()
