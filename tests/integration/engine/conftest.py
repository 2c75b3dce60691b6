"""The endpoint as a process of its own, asked over HTTP."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from contractline.engine.config import render_config

PASSWORD = "a secret: pässwörd"
START_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """An endpoint that runs."""

    process: subprocess.Popen[str]
    url: str
    data: Path

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    def http(self) -> httpx.Client:
        account = ("default", PASSWORD.encode())
        return httpx.Client(base_url=self.url, auth=account, timeout=60)

    def rss(self) -> int:
        """Return its memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) >> 10

    def leftovers(self) -> list[Path]:
        """Return the temporary files that are there."""
        return list((self.data / "contractline-tmp").iterdir())

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=30), time.monotonic() - began


def command(data: Path, *more: str, beside: Path | None = None) -> list[str]:
    """Return the command line; its files lie beside the data folder or in another one."""
    folder = beside or data.parent
    secret, config = folder / "password", folder / "config.xml"
    secret.write_text(PASSWORD + "\n")
    config.write_text(render_config())
    options = ["--data", data, "--config", config, "--port", 0, "--password-file", secret]
    return [sys.executable, "-m", "contractline.engine", *map(str, options), *more]


def start(data: Path) -> Running:
    process = subprocess.Popen(command(data), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], START_SECONDS)[0], "not ready"
    word, _, url, *_ = process.stdout.readline().split()
    assert word == "ready"
    return Running(process, url, data)


@pytest.fixture
def run(tmp_path) -> Iterator[Callable[..., Running]]:
    """Start endpoints on a folder of the test's own."""
    started: list[Running] = []

    def starting(name: str = "data") -> Running:
        started.append(start(tmp_path / name))
        return started[-1]

    yield starting
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()
        assert running.process.stdout is not None
        running.process.stdout.close()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("endpoint") / "data")
    yield running
    code, seconds = running.end()
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert code == 0
    assert seconds < 3
    assert running.leftovers() == []


@pytest.fixture(scope="session")
def http(endpoint) -> Iterator[httpx.Client]:
    with endpoint.http() as client:
        yield client


@pytest.fixture(scope="session")
def client(endpoint) -> Iterator[Client]:
    connected = clickhouse_connect.get_client(
        host="127.0.0.1", port=endpoint.port, username="default", password=PASSWORD, tz_mode="aware"
    )
    yield connected
    connected.close()


@pytest.fixture
def ask(http) -> Callable[..., str]:
    """Ask for an answer that must be right."""

    def asking(sql: str | bytes, **options: str) -> str:
        answer = http.post("/", content=sql, params=options)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    return asking
