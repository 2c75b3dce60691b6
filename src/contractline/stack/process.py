"""Processes of a stack: starting, recognising, measuring and ending them with all their children.

Every process of a stack carries a variable that names the stack's state folder, so that what an
earlier supervisor left behind is found even when all files are lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from contractline.settings import environment
from contractline.stack.layout import read_json

MARKER = "CONTRACTLINE_STACK"
GRACE_SECONDS = 15.0
KILL_SECONDS = 5.0
# Process start times come in clock ticks; two readings of one process may differ by that much.
SAME_START_SECONDS = 0.05
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class OsUser:
    """A system account that a command runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """How a process is started.

    Attributes:
        argv: the program and its arguments.
        environment: variables added to those of the supervisor.
        cwd: its working folder.
        account: the account it runs as, where not the own one.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    account: OsUser | None = None

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """Start the process in a session of its own, its output appended to a log."""
        as_account = self._as_account()
        with log.open("ab") as output:
            return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # noqa: S603 - own commands
                self.argv,
                cwd=self.cwd,
                env={**environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_account,
            )

    def run(self, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command to its end, in its account, with a text as its input."""
        as_account = self._as_account()
        return subprocess.run(  # type: ignore[call-overload, no-any-return]  # noqa: S603 - own commands
            self.argv,
            cwd=self.cwd,
            env={**environment(), **self.environment},
            input=text,
            text=True,
            capture_output=True,
            check=False,
            **as_account,
        )

    def _as_account(self) -> dict[str, object]:
        if self.account is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}


def start_detached(
    argv: tuple[str, ...], environment: Mapping[str, str], log: Path
) -> ProcessIdentity:
    """Start a process that outlives its starter, in a session of its own; its log starts anew."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    pid = os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
    )
    return ProcessIdentity.of(pid)


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that can't be mistaken for a later one with the same number.

    Attributes:
        pid: its number.
        started: when it started; on Linux in seconds since the machine's start, which stays the same
            when the clock is set.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a running process."""
        return cls(pid, _started(psutil.Process(pid)))

    @classmethod
    def read(cls, file: Path) -> ProcessIdentity | None:
        """Return the identity that a file keeps, where there is one."""
        kept = read_json(file)
        return cls(int(kept["pid"]), float(kept["started"])) if "started" in kept else None

    def process(self) -> psutil.Process | None:
        """Return the process, where it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(_started(process) - self.started) < SAME_START_SECONDS
            alive = same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if alive else None


def _started(process: psutil.Process) -> float:
    # On Linux psutil adds the time of the machine's start, which moves with the clock.
    return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0)


def marked(state: Path) -> list[psutil.Process]:
    """Return the running processes of the stack with this state folder, except the own one."""
    return [p for p in psutil.process_iter() if p.pid != os.getpid() and _is_marked(p, state)]


def _is_marked(process: psutil.Process, state: Path) -> bool:
    try:
        return process.environ().get(MARKER) == str(state)
    except (psutil.Error, OSError):
        return False


def in_folder(folder: Path) -> list[psutil.Process]:
    """Return the running processes that work in a folder.

    A PostgreSQL backend overwrites its environment with its title, but works in the data folder.
    """
    return [p for p in psutil.process_iter() if _works_in(p, folder)]


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except (psutil.Error, OSError):
        return False


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its children, as far as they still run."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def end(processes: Iterable[psutil.Process], number: signal.Signals, grace: float) -> None:
    """Ask processes to end, and kill those that still run after the grace."""
    processes = list(processes)
    for process in processes:
        _send(process, number)
    _, alive = psutil.wait_procs(processes, timeout=grace)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def listens(pid: int, port: int) -> bool:
    """Tell whether a process or one of its children listens on a port."""
    return any(listener == port for _, listener in listeners(pid))


def listeners(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the addresses on which a process and its children listen."""
    for process in family(pid):
        try:
            connections = process.net_connections("tcp")
        except (psutil.Error, OSError):
            continue
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN:
                yield connection.laddr.ip, connection.laddr.port


def memory_mb(pid: int) -> int:
    """Return the memory of a process and its children: PSS on Linux, RSS elsewhere."""
    return sum(_memory(process) for process in family(pid)) // (1 << 20)


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except psutil.Error:
        return 0


def wait_gone(identity: ProcessIdentity, seconds: float) -> bool:
    """Wait until a process has ended; tell whether it has."""
    deadline = time.monotonic() + seconds
    while identity.process() is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
