"""The stack of a checkout as the commands and the tests use it: up, down, restart, status, reset."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType

from contractline import events
from contractline.cache import cache_folder
from contractline.errors import ContractlineError
from contractline.events import Event
from contractline.project import Project
from contractline.settings import own_variables
from contractline.stack import process, site
from contractline.stack.artefacts import Artefacts
from contractline.stack.causes import likely_cause
from contractline.stack.eventlog import EventReader
from contractline.stack.external import answers
from contractline.stack.history import Seen, ServiceState, fold
from contractline.stack.layout import Layout, is_full, write_private
from contractline.stack.process import MARKER, ProcessIdentity
from contractline.stack.services import own_exports, table
from contractline.stack.supervisor import end_orphans

STOP_SECONDS = 90.0
ANSWER_SECONDS = 300.0
"""How long a request may take: more than a service is given to start."""
Listener = Callable[[Event], None]


class StackNotStarted(ContractlineError):
    """When the stack, or a service of it, could not be started; nothing half started is left."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(
            f"the stack could not be started: {cause}",
            hint="`contractline logs SERVICE` shows a service's whole log",
        )


class StackNotRunning(ContractlineError):
    """When a command needs the running stack of this checkout."""

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"no stack is running in {project.root}", hint="`contractline up` starts it"
        )


class SupervisorSilent(ContractlineError):
    """When the supervisor lives and does not do what it is asked."""

    def __init__(self, log: Path) -> None:
        super().__init__(
            f"the stack's supervisor did not answer in {ANSWER_SECONDS:.0f} s; see {log}",
            hint="`contractline down`, then `contractline up`; the data stay",
        )


class NoSuchService(ContractlineError):
    """When a service is named that the stack does not have, or does not run itself."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the stack runs no service named {name!r}", hint=f"there are: {', '.join(table())}"
        )


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What ``status`` shows of a service."""

    name: str
    state: ServiceState
    url: str = ""
    version: str = ""
    pid: int | None = None
    memory_mb: int | None = None
    uptime_seconds: float | None = None
    cause: str = ""

    @property
    def is_up(self) -> bool:
        """Whether it runs, here or as a real installation."""
        return self.state in (ServiceState.RUNNING, ServiceState.EXTERNAL)

    @property
    def is_away(self) -> bool:
        """Whether it is a real installation that does not answer."""
        return self.state is ServiceState.UNREACHABLE

    def to_json(self) -> dict[str, object]:
        """Return what programs read."""
        values = asdict(self)
        del values["name"]
        return values


class Stack:
    """The local stack of a checkout.

    Args:
        project: the checkout.
        environment: the variables under which it runs; those that name a service of a real
            installation (``KAFKA_BOOTSTRAP_SERVERS`` and so on) keep the stack from starting its own.
    """

    def __init__(self, project: Project, environment: Mapping[str, str]) -> None:
        self.project = project
        self.layout = Layout(project.state)
        self._environment = environment

    @property
    def artefacts(self) -> Artefacts:
        """The files that the services are made of."""
        return Artefacts.of(cache_folder(self._environment))

    @property
    def is_supervised(self) -> bool:
        """Whether the supervisor of this checkout runs."""
        return self._supervisor() is not None

    def up(self, listen: Listener) -> bool:
        """Start the stack, or what is missing of it; the artefacts must be there.

        Returns:
            Whether anything had to be started.

        Raises:
            StackNotStarted: it could not be started; a fresh start leaves nothing running.
            KeyboardInterrupt: the reader gave up; what was started is stopped again.
        """
        self.layout.create()
        with self._one_starter():
            if not self.is_supervised:
                self._start_supervisor(listen)
                return True
            missing = [s.name for s in self.status() if not (s.is_up or s.is_away)]
            for name in missing:
                self._request("start", name, listen)
            return bool(missing)

    def down(self, listen: Listener) -> bool:
        """Stop the stack; nothing of it is left running. Tell whether anything ran."""
        supervisor = self._supervisor()
        reader = EventReader(self.layout.events)
        ran = supervisor is not None
        if supervisor is not None:
            list(reader.read())
            self._stop_supervisor(supervisor, reader, listen)
        orphans = process.marked(self.layout.state)
        if orphans:
            end_orphans(self.layout.state, listen)
        self.layout.endpoints.unlink(missing_ok=True)
        return ran or bool(orphans)

    def reset(self, listen: Listener) -> None:
        """Stop the stack and remove its data, logs and passwords; downloads and settings stay."""
        self.down(listen)
        if not self.layout.state.exists():
            return
        services = table()
        place = site.build(self.project, self._environment, services)
        for service in services.values():
            service.forget(place)
        shutil.rmtree(self.layout.state)

    def restart(self, name: str, listen: Listener) -> None:
        """Stop a service and start it again.

        Raises:
            StackNotRunning: no stack runs.
            NoSuchService: it is none of the stack's.
            StackNotStarted: it does not start.
        """
        self._request("restart", name, listen)

    def start(self, name: str, listen: Listener) -> None:
        """Start a stopped service; raises like ``restart``."""
        self._request("start", name, listen)

    def stop(self, name: str, listen: Listener) -> None:
        """Stop one service and leave it stopped; raises like ``restart``."""
        self._request("stop", name, listen)

    def status(self) -> list[ServiceStatus]:
        """Return how each service is; real installations are asked whether they answer."""
        seen = fold(EventReader(self.layout.events).read())
        supervised = self.is_supervised
        found = [_status(name, seen.get(name), supervised) for name in table()]
        with ThreadPoolExecutor() as asking:
            return list(asking.map(_asked, found))

    def exports(self) -> dict[str, str]:
        """Return the variables by which clients find the services, credentials included.

        With them comes what tells this stack's own variables from those of another installation.

        Raises:
            StackNotRunning: no stack runs, so nobody knows where its services will be.
        """
        services = table()
        if not self.is_supervised:
            raise StackNotRunning(self.project)
        place = site.build(self.project, self._environment, services)
        external = {services[name].variable: url for name, url in place.external.items()}
        own = own_exports(services, place)
        return {**own, **external, **own_variables(self.project, own)}

    def _supervisor(self) -> ProcessIdentity | None:
        identity = ProcessIdentity.read(self.layout.supervisor)
        return identity if identity and identity.process() else None

    @contextmanager
    def _one_starter(self) -> Iterator[None]:
        # Another `up` of this checkout ends first; then there is little left to do.
        with (self.layout.run / "up.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _start_supervisor(self, listen: Listener) -> None:
        self.layout.events.unlink(missing_ok=True)
        reader = EventReader(self.layout.events)
        failed = ""
        ready = False
        with _interruptions() as interruption:
            supervisor = self._spawn_supervisor()
            for event in reader.follow(lambda: _goes_on(supervisor, interruption)):
                if isinstance(event, events.StackFailed):
                    failed = event.cause
                    continue
                listen(event)
                if isinstance(event, events.StackStopped):
                    failed = "it was stopped meanwhile"
                ready = isinstance(event, events.StackReady)
                if ready and not interruption.noted:
                    break
        if interruption.noted:
            # It may have come after the last look at it.
            self.down(listen)
            raise KeyboardInterrupt
        if not ready:
            raise StackNotStarted(failed or self._silent_end())

    def _silent_end(self) -> str:
        if is_full(self.layout.state):
            return likely_cause([os.strerror(errno.ENOSPC)], "")
        return f"its supervisor ended; see {self.layout.log('supervisor')}"

    def _spawn_supervisor(self) -> ProcessIdentity:
        argv = (sys.executable, "-P", "-m", "contractline.stack.supervisor")
        environment = {**self._environment, MARKER: str(self.layout.state)}
        log = self.layout.log("supervisor")
        return process.start_detached((*argv, str(self.project.root)), environment, log)

    def _stop_supervisor(
        self, supervisor: ProcessIdentity, reader: EventReader, listen: Listener
    ) -> None:
        os.kill(supervisor.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        goes_on = lambda: supervisor.process() is not None and time.monotonic() < deadline  # noqa: E731
        for event in reader.follow(goes_on):
            listen(event)
        if (hanging := supervisor.process()) is not None:
            process.end([hanging], signal.SIGKILL, process.KILL_SECONDS)

    def _request(self, action: str, name: str, listen: Listener) -> None:
        """Ask the supervisor for something and follow its events until it is done."""
        supervisor = self._supervisor()
        if supervisor is None:
            raise StackNotRunning(self.project)
        if self._is_foreign(name):
            raise NoSuchService(name)
        reader = EventReader(self.layout.events)
        list(reader.read())
        request = str(time.time_ns())
        asked = json.dumps({"action": action, "service": name})
        write_private(self.layout.requests / f"{request}.json", asked)
        os.kill(supervisor.pid, signal.SIGHUP)
        deadline = time.monotonic() + ANSWER_SECONDS
        goes_on = lambda: supervisor.process() is not None and time.monotonic() < deadline  # noqa: E731
        for event in reader.follow(goes_on):
            if not isinstance(event, events.Answered):
                listen(event)
            elif event.request == request:
                if event.problem:
                    raise StackNotStarted(event.problem)
                return
        if supervisor.process() is not None:
            raise SupervisorSilent(self.layout.log("supervisor"))
        raise StackNotRunning(self.project)

    def _is_foreign(self, name: str) -> bool:
        states = {s.name: s.state for s in self.status()}
        return name not in states or states[name] in (
            ServiceState.EXTERNAL,
            ServiceState.UNREACHABLE,
        )


def _asked(status: ServiceStatus) -> ServiceStatus:
    if status.state is not ServiceState.EXTERNAL or answers(status.url):
        return status
    return replace(status, state=ServiceState.UNREACHABLE)


def _status(name: str, seen: Seen | None, supervised: bool) -> ServiceStatus:
    if seen is None or (not supervised and seen.state is not ServiceState.FAILED):
        return ServiceStatus(name, ServiceState.STOPPED)
    if seen.pid is None:
        return ServiceStatus(name, seen.state, seen.url, seen.version, cause=seen.cause)
    return ServiceStatus(
        name,
        seen.state,
        seen.url,
        seen.version,
        seen.pid,
        process.memory_mb(seen.pid),
        round(time.time() - seen.since, 1),
    )


def _goes_on(supervisor: ProcessIdentity, interruption: _Interruption) -> bool:
    if interruption.noted and not interruption.passed_on:
        interruption.passed_on = True
        os.kill(supervisor.pid, signal.SIGTERM)
    return supervisor.process() is not None


@dataclass(slots=True)
class _Interruption:
    """Whether the reader wants to give up, and whether the supervisor was told."""

    noted: bool = False
    passed_on: bool = False


@contextmanager
def _interruptions() -> Iterator[_Interruption]:
    """Note Ctrl-C, a closed terminal and SIGTERM for a while, instead of an exception anywhere."""
    interruption = _Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        interruption.noted = True

    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
