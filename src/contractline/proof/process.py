"""The ClickHouse server of a proof: a process of its own on a temporary folder, gone afterwards.

It may crash or hang on what a proof gives it, and the command must go on and say so. The process
ends by itself when the command does, however that ends, and removes its folder.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from contractline.errors import ContractlineError
from contractline.server.config import admin, render_config, render_users, starter
from contractline.server.library import Library
from contractline.settings import environment
from contractline.signals import temporary_folder

LOOPBACK = "127.0.0.1"
READS = "GRANT SELECT ON *.*"
"""For the dictionaries of a checkout: a proof's tables hold nothing but what was made up."""

START_SECONDS = 60.0
PAUSE_SECONDS = 0.02
STOP_SECONDS = 10.0
CRASH_SECONDS = 5.0
"""How long a server that crashes may write down why."""

PREFIX = "contractline-proof-"
_LOG_LINES = 5


class EngineFailed(ContractlineError):
    """When the engine of a proof does not start, or ends before the proof does."""

    def __init__(self, problem: str, log: str = "", *, hint: str = "") -> None:
        self.problem = problem
        lines = "".join(f"\n    {line}" for line in log.splitlines()[-_LOG_LINES:])
        super().__init__(f"the ClickHouse engine of the proof {problem}{lines}", hint=hint)


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """A server that runs.

    Attributes:
        url: where it answers, with its credentials.
        folder: its temporary folder.
    """

    url: str
    folder: Path
    _child: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def failure(self) -> EngineFailed:
        """Return the error for an engine that does not answer any more."""
        try:
            code = self._child.wait(CRASH_SECONDS)
        except subprocess.TimeoutExpired:
            return EngineFailed("does not answer", _log(self.folder), hint=_REPORT)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return EngineFailed(f"ended {how} in the middle", _log(self.folder), hint=_REPORT)


_REPORT = "try again; if it ends each time, the contract makes this engine crash: report it"


@contextmanager
def engine_process() -> Iterator[EngineProcess]:
    """Run a server; its library is fetched first where it is missing.

    Raises:
        EngineFailed: it does not start.
        LibraryMissing: its library can't be fetched.
    """
    library = Library.of(environment()).provide(lambda arrived: None, lambda: None)
    with temporary_folder(PREFIX) as folder:
        port, password = _free_port(), secrets.token_urlsafe(16)
        _configure(folder, port, password)
        child = _start(folder, library)
        try:
            url = f"http://admin:{password}@{LOOPBACK}:{port}"
            _wait_until_ready(child, folder, url)
            yield EngineProcess(url, folder, child)
        finally:
            _stop(child)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as taken:
        return int(taken.getsockname()[1])


def _configure(folder: Path, port: int, password: str) -> None:
    users = folder / "users.xml"
    users.write_text(render_users([starter(READS), admin(password)]))
    (folder / "config.xml").write_text(render_config(folder / "data", users, port))


def _start(folder: Path, library: Path) -> subprocess.Popen[bytes]:
    paths = (f"--config={folder / 'config.xml'}", f"--data={folder / 'data'}")
    # What is refused is told by the proof; the log is for a crash.
    options = (*paths, f"--scratch={folder}", "--log-level=fatal")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - own command
            [sys.executable, "-m", "contractline.server", str(library), *options],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # The terminal's Ctrl-C is for the command, which ends the server in order.
            start_new_session=True,
        )


def _wait_until_ready(child: subprocess.Popen[bytes], folder: Path, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while child.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            # With its password: another program may have taken the port meanwhile.
            if httpx.get(url, params={"query": "SELECT 1"}, timeout=START_SECONDS).is_success:
                return
        if time.monotonic() > deadline:
            problem = f"did not start in {START_SECONDS:.0f} s"
            raise EngineFailed(problem, _log(folder), hint="`--debug` shows more")
        time.sleep(PAUSE_SECONDS)
    raise EngineFailed("does not start", _log(folder), hint="`--debug` shows more")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the process: it ends when its input does."""
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _log(folder: Path) -> str:
    try:
        return (folder / "log").read_text(errors="replace").strip()
    except OSError:
        return ""
