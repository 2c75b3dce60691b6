"""ClickHouse's server as processes of the tests' own, started as the stack starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from contractline.server.config import (
    ServerUser,
    admin,
    forget_system_logs,
    reader,
    render_config,
    render_users,
    reports,
    starter,
    writer,
)
from contractline.server.library import Library
from contractline.settings import environment
from contractline.stack.ports import free_ports

PASSWORD = "a secret: pässwörd"
ACCOUNTS = (admin, writer, reader, reports)
START_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    port: int
    native_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def http(self, user: str = "admin", password: str = PASSWORD) -> httpx.Client:
        account = (user, password.encode())
        return httpx.Client(base_url=self.url, auth=account, timeout=60)

    def rss(self) -> int:
        """Return its memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) >> 10

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=30), time.monotonic() - began


def configure(
    folder: Path, ports: Mapping[str, int], accounts: Sequence[ServerUser] | None = None
) -> None:
    """Write the configuration of a server into its folder."""
    folder.mkdir(exist_ok=True)
    if accounts is None:
        accounts = [starter(), *(account(PASSWORD) for account in ACCOUNTS)]
    users = folder / "users.xml"
    users.write_text(render_users(accounts))
    config = render_config(folder / "data", users, ports["http"], ports["native"], "a-member")
    (folder / "config.xml").write_text(config)


def launch(folder: Path, variables: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the server of a folder."""
    library = Library.of(environment()).provide(lambda arrived: None, lambda: None)
    options = (f"--config={folder / 'config.xml'}", f"--data={folder / 'data'}")
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "contractline.server", str(library), *options],
            env={**environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def wait_until_ready(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/ping", timeout=1).raise_for_status()
            return
        except httpx.HTTPError:
            log = (folder / "log").read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"it ended with {process.returncode}: {log}"
            assert time.monotonic() < deadline, f"not ready: {log}"
            time.sleep(0.02)


@contextmanager
def serving(folder: Path) -> Iterator[Running]:
    """Run a server on a folder, with the configuration that the stack renders."""
    ports = free_ports(["http", "native"])
    configure(folder, ports)
    process = launch(folder)
    try:
        wait_until_ready(process, ports["http"], folder)
        yield Running(process, ports["http"], ports["native"], folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Start servers one after the other on one folder of the test's own."""
    started: list[subprocess.Popen[bytes]] = []

    def starting() -> Running:
        ports = free_ports(["http", "native"])
        folder = tmp_path / "server"
        configure(folder, ports)
        forget_system_logs(folder / "data")
        started.append(launch(folder))
        wait_until_ready(started[-1], ports["http"], folder)
        return Running(started[-1], ports["http"], ports["native"], folder)

    yield starting
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def http(server: Running) -> Iterator[httpx.Client]:
    with server.http() as client:
        yield client


@pytest.fixture(scope="session")
def client(server: Running) -> Iterator[Client]:
    connected = clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="admin", password=PASSWORD, tz_mode="aware"
    )
    yield connected
    connected.close()


@pytest.fixture
def ask(http: httpx.Client) -> Callable[..., str]:
    """Ask for an answer that must be right."""

    def asking(sql: str | bytes, **options: str) -> str:
        answer = http.post("/", content=sql, params=options)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    return asking
