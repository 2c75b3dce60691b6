"""Keeps one service of the stack running: starts, probes, restarts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from contractline import events
from contractline.errors import ContractlineError
from contractline.events import Event, ServiceEvent
from contractline.stack import process
from contractline.stack.causes import likely_cause
from contractline.stack.eventlog import EventLog
from contractline.stack.history import deaths_in_a_row, pause_before_restart
from contractline.stack.layout import is_full
from contractline.stack.services import shown_url
from contractline.stack.services.base import Service, Site

START_SECONDS = 240.0
PROBE_PAUSE_SECONDS = 0.05
# Java writes its start-up cache when it ends.
RECORDING_GRACE_SECONDS = 90.0
TAIL_LINES = 30
TAIL_BYTES = 64_000
# Another stack that starts at the same moment may take a port between our look and our start.
PORT_TRIES = 3


class ServiceFailed(Exception):
    """A service could not be started; the event log says why."""

    def __init__(self, service: str, cause: str) -> None:
        self.service = service
        self.cause = cause
        super().__init__(f"{service}: {cause}")


class Keeper:
    """Keeps one service running.

    Args:
        service: which.
        site: where.
        log: where its events go.
        when_ready: awaited whenever it has become ready; told whether a port of it moved.
    """

    def __init__(
        self,
        service: Service,
        site: Site,
        log: EventLog,
        when_ready: Callable[[str, bool], Awaitable[None]],
    ) -> None:
        self.service = service
        self._site = site
        self._log = log
        self._when_ready = when_ready
        self._process: subprocess.Popen[bytes] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._log_start = 0
        self._answering = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def _grace(self) -> float:
        recording = self._site.startup.recording
        return RECORDING_GRACE_SECONDS if recording else process.GRACE_SECONDS

    async def start(self, deadline: float) -> None:
        """Have the service running: start it, or wait for one that is on its way.

        Raises:
            ServiceFailed: it did not answer by the deadline, or ended before.
        """
        if self.is_running:
            await self._answering.wait()
            return
        await self.stop()
        await self._start(deadline)
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop the service, and everything that it started."""
        if self._watching:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        if self._process is None:
            return
        began = time.monotonic()
        self._answering.clear()
        self._write(events.Stopping(service=self.service.name))
        await self._end()
        seconds = time.monotonic() - began
        self._write(events.ServiceStopped(service=self.service.name, seconds=round(seconds, 3)))

    async def _start(self, deadline: float) -> None:
        began = time.monotonic()
        try:
            ended = await self._try_ports(began, deadline)
        except OSError as problem:
            ended = str(problem)
        if ended:
            await self._fail(ended)

    async def _try_ports(self, began: float, deadline: float) -> str:
        """Start the service; return nothing once it is ready, else in words how it ended."""
        moved = False
        ended = ""
        for _ in range(PORT_TRIES):
            moved = self._claim_ports() or moved
            await self._spawn()
            ended = await self._until_ready(deadline)
            if not ended:
                await self._is_ready(began, moved)
                return ""
            await self._end()
            if self._ports_are_ours() or time.monotonic() > deadline:
                return ended
        return ended

    def _claim_ports(self) -> bool:
        moves = self._site.ports.claim(self.service.default_ports)
        for move in moves:
            self._write(
                events.PortMoved(
                    service=self.service.name, port=move.port, wanted=move.wanted, given=move.given
                )
            )
        return bool(moves)

    def _ports_are_ours(self) -> bool:
        """Tell, after a failed start, that no other program has taken a port meanwhile."""
        ports = self._site.ports
        return all(ports.free(ports[name]) for name in self.service.default_ports)

    async def _spawn(self) -> None:
        starting = asyncio.ensure_future(asyncio.to_thread(self._prepare_and_start))
        try:
            self._process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on: what it starts must be known, or it could not be stopped.
            with contextlib.suppress(ContractlineError, OSError):
                self._process = await starting
            raise
        except (ContractlineError, OSError) as problem:
            await self._fail(str(problem))
        assert self._process is not None  # noqa: S101 - for the type checker
        self._write(events.Starting(service=self.service.name, pid=self._process.pid))

    def _prepare_and_start(self) -> subprocess.Popen[bytes]:
        process.end(self.service.leftovers(self._site), signal.SIGQUIT, grace=2.0)
        log = self._site.layout.log(self.service.name)
        self._log_start = _size(log)
        self.service.prepare(self._site)
        self._log_start = min(self._log_start, _size(log))
        return self.service.command(self._site).start(log)

    async def _until_ready(self, deadline: float) -> str:
        """Return nothing once the service answers, else in words how it ended."""
        assert self._process is not None  # noqa: S101 - for the type checker
        began = time.monotonic()
        while self._process.poll() is None:
            if await asyncio.to_thread(self._answers):
                return ""
            if time.monotonic() > deadline:
                return f"it gave no answer within {time.monotonic() - began:.0f} s"
            await asyncio.sleep(PROBE_PAUSE_SECONDS)
        return f"it ended by itself ({_status(self._process.returncode)})"

    def _answers(self) -> bool:
        assert self._process is not None  # noqa: S101 - for the type checker
        try:
            if not self.service.is_ready(self._site):
                return False
        except OSError:
            return False
        # The answer may come from another program that has taken the port meanwhile.
        ports = self.service.default_ports
        return all(process.listens(self._process.pid, self._site.ports[p]) for p in ports)

    async def _is_ready(self, began: float, moved: bool) -> None:
        assert self._process is not None  # noqa: S101 - for the type checker
        self._write(
            events.Ready(
                service=self.service.name,
                pid=self._process.pid,
                seconds=round(time.monotonic() - began, 3),
                url=shown_url(self.service, self._site),
                version=self.service.shown_version(self._site),
            )
        )
        self._answering.set()
        await self._when_ready(self.service.name, moved)

    async def _fail(self, ended: str) -> None:
        await self._end()
        log = self._site.layout.log(self.service.name)
        tail = await asyncio.to_thread(last_lines, log, self._log_start)
        full = [os.strerror(errno.ENOSPC)] if is_full(log.parent) else []
        cause = likely_cause([*tail, *full, ended], ended)
        if not tail and cause != ended:
            # A step before the start failed: its own words are all that there is.
            tail = ended.splitlines()[-TAIL_LINES:]
        self._write(
            events.ServiceFailed(
                service=self.service.name, cause=cause, log=str(log), tail=tuple(tail)
            )
        )
        raise ServiceFailed(self.service.name, cause)

    async def _end(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(_end, self._process, self.service.stop_signal, self._grace)
            self._process = None

    async def _watch(self) -> None:
        while self._process is not None:
            status = await asyncio.to_thread(self._process.wait)
            self._answering.clear()
            await asyncio.to_thread(_end, self._process, signal.SIGKILL, self._grace)
            self._process = None
            self._write(events.Died(service=self.service.name, status=_status(status)))
            await self._bring_back()

    async def _bring_back(self) -> None:
        cause = "it ends again and again"
        while (pause := pause_before_restart(self._own_history())) is not None:
            self._write(events.Restarting(service=self.service.name, pause=pause))
            await asyncio.sleep(pause)
            try:
                await self._start(time.monotonic() + START_SECONDS)
            except ServiceFailed as failed:
                cause = failed.cause
            else:
                return
        deaths = deaths_in_a_row(self._own_history())
        self._write(events.GaveUp(service=self.service.name, deaths=deaths, cause=cause))

    def _own_history(self) -> list[Event]:
        name = self.service.name
        return [e for e in self._log.history if isinstance(e, ServiceEvent) and e.service == name]

    def _write(self, event: Event) -> None:
        self._log.write(event)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _status(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _end(child: subprocess.Popen[bytes], number: signal.Signals, grace: float) -> None:
    """End a process by its own signal; what it leaves of its group and children is killed."""
    rest = process.family(child.pid)
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            rest = process.family(child.pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    process.end([p for p in rest if p.is_running()], signal.SIGKILL, grace=process.KILL_SECONDS)
    child.wait(process.KILL_SECONDS)


def last_lines(log: os.PathLike[str], start: int) -> list[str]:
    """Return the last lines of a log, of what was written from an offset on."""
    try:
        with open(log, "rb") as stream:  # noqa: PTH123 - any path
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(start, end - TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-TAIL_LINES:]
