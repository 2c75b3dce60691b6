"""The ClickHouse engine for a proof: a process of its own on a temporary folder, gone afterwards.

The engine may crash or hang on what a proof gives it, and the command must go on and say so. The
process ends by itself when the command does, however that ends, and removes its folder.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contractline.ending import temporary_folder
from contractline.errors import ContractlineError

START_SECONDS = 60.0
STOP_SECONDS = 10.0
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
    """An engine that runs.

    Attributes:
        url: where it answers, with its credentials.
        folder: its temporary folder.
    """

    url: str
    folder: Path
    _child: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def failure(self) -> EngineFailed:
        """Return the error for an engine that does not answer any more."""
        code = self._child.poll()
        if code is None:
            return EngineFailed("does not answer", _log(self.folder), hint=_REPORT)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return EngineFailed(f"ended {how} in the middle", _log(self.folder), hint=_REPORT)


_REPORT = "try again; if it ends each time, the contract makes this engine crash: report it"
_INSTALL = "pip install 'contractline[engine]', or prove on a server: --clickhouse URL"


@contextmanager
def engine_process() -> Iterator[EngineProcess]:
    """Run an engine.

    Raises:
        EngineFailed: it does not start.
    """
    if importlib.util.find_spec("chdb") is None:
        raise EngineFailed("is not installed", hint=_INSTALL)
    with temporary_folder(PREFIX) as folder:
        child = _start(folder)
        try:
            yield EngineProcess(_address(child, folder), folder, child)
        finally:
            _stop(child)


def _start(folder: Path) -> subprocess.Popen[str]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - own command
            [sys.executable, "-m", "contractline.gate.prove.process", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # The terminal's Ctrl-C is for the command, which ends the engine in order.
            start_new_session=True,
        )


def _address(child: subprocess.Popen[str], folder: Path) -> str:
    stdout = child.stdout
    is_said = bool(stdout and select.select([stdout], [], [], START_SECONDS)[0])
    url = stdout.readline().strip() if stdout and is_said else ""
    if url:
        return url
    problem = "does not start" if is_said else f"did not start in {START_SECONDS:.0f} s"
    raise EngineFailed(problem, _log(folder), hint="`--debug` shows more")


def _stop(child: subprocess.Popen[str]) -> None:
    """End the process: it ends when its input does."""
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()
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


# In the process


def main() -> int:
    """Serve until the input ends; return the exit code."""
    from contractline.engine.access import Access
    from contractline.engine.config import render_config
    from contractline.engine.server import Listen, serve

    folder, password = Path(sys.argv[1]), secrets.token_urlsafe(16)
    config = folder / "config.xml"
    config.write_text(render_config())
    threading.Thread(target=_end_with_input, daemon=True).start()

    def ready(url: str, _: float) -> None:
        sys.stdout.write(url.replace("://", f"://default:{password}@") + "\n")
        sys.stdout.flush()

    try:
        listen = Listen(folder / "data", config, "127.0.0.1", 0, Access("default", password))
        serve(listen, ready)
    except ContractlineError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The engine's threads outlive its sessions, and taking them down in Python's exit can hang.
    os._exit(code)
