"""Checkouts of their own for the tests that start, break and stop stacks through the commands."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
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
# What stands for real installations: it takes connections, and nothing more is asked of it.
_LISTENER = socket.create_server(("127.0.0.1", 0))
ELSEWHERE = f"127.0.0.1:{_LISTENER.getsockname()[1]}"
# Enough to see how the supervisor works, and up within a second.
ONLY_POSTGRES = {
    "KAFKA_BOOTSTRAP_SERVERS": ELSEWHERE,
    "SCHEMA_REGISTRY_URL": f"http://user:secret@{ELSEWHERE}",
    "CONNECT_URL": f"http://{ELSEWHERE}",
    "CLICKHOUSE_URL": f"http://{ELSEWHERE}",
}


@pytest.fixture(scope="session", autouse=True)
def _installations_elsewhere() -> Iterator[None]:
    """Take the connections to what stands for real installations, and close them."""

    def accept() -> None:
        while True:
            try:
                connection, _ = _LISTENER.accept()
            except OSError:
                return
            connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield
    _LISTENER.shutdown(socket.SHUT_RDWR)
    _LISTENER.close()
    thread.join()


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
