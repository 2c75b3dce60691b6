"""Checkouts of their own for the tests that start, break and stop stacks through the commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from contractline.project import Project
from contractline.stack import process
from tests.fixtures.stack import clean_environment, copy_project, own_ports

UP_SECONDS = 120
# Enough to see how the supervisor works, and up within a second.
ONLY_POSTGRES = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.example.org:9092",
    "SCHEMA_REGISTRY_URL": "http://user:secret@registry.example.org",
    "CONNECT_URL": "http://connect.example.org",
    "CLICKHOUSE_URL": "http://clickhouse.example.org",
}


@dataclass
class Checkout:
    """A checkout and the commands in it."""

    project: Project
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "contractline", "--project", str(self.project.root)]
        return subprocess.Popen(
            [*argv, *arguments],
            env={**clean_environment(), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        with self.begin(*arguments) as child:
            output, _ = child.communicate(timeout=UP_SECONDS)
        assert child.returncode == code, output
        return output

    def status(self) -> dict[str, dict[str, object]]:
        with self.begin("status", "--json") as child:
            output, _ = child.communicate(timeout=UP_SECONDS)
        services: dict[str, dict[str, object]] = json.loads(output)["services"]
        return services

    def processes(self) -> list[psutil.Process]:
        return process.marked(self.project.state)

    @property
    def supervisor(self) -> int:
        return int(json.loads((self.project.state / "run" / "supervisor.json").read_text())["pid"])


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def make_checkout(tmp_path: Path) -> Iterator[Callable[..., Checkout]]:
    """Make checkouts; whatever is left of their stacks is removed at the end."""
    made: list[Checkout] = []

    def make(name: str = "checkout", *, ports: bool = True, **environment: str) -> Checkout:
        checkout = Checkout(copy_project(tmp_path / name), environment)
        if ports:
            own_ports(checkout.project)
        made.append(checkout)
        return checkout

    yield make
    for checkout in made:
        checkout.run("reset", "--yes")
        assert not checkout.processes()
