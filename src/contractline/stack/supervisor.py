"""The supervisor: the resident process of a checkout's stack, which starts, keeps and stops it.

``contractline up`` starts it in a session of its own and follows its events. SIGTERM makes it stop
everything; SIGHUP makes it look for requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contractline import events
from contractline.project import Project
from contractline.settings import environment
from contractline.stack import process, site
from contractline.stack.causes import likely_cause
from contractline.stack.eventlog import EventLog
from contractline.stack.external import answers
from contractline.stack.keeper import START_SECONDS, Keeper, ServiceFailed
from contractline.stack.layout import Layout, write_private
from contractline.stack.process import ProcessIdentity
from contractline.stack.services import dependents, own_exports, shown_url, table
from contractline.stack.services.base import Site

THREADS = 32
LOG_CHECK_SECONDS = 30.0
LOG_LIMIT_BYTES = 20_000_000


class Supervisor:
    """Runs all services of one site."""

    def __init__(self, place: Site, log: EventLog) -> None:
        self._site = place
        self._log = log
        self._services = table()
        self._ready: dict[str, asyncio.Event] = {}
        self._stop = asyncio.Event()
        self._started = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keepers = {
            name: Keeper(service, place, log, self._when_ready)
            for name, service in self._services.items()
            if name not in place.external
        }

    async def run(self) -> int:
        """Start all, keep all until asked to stop, stop all; return the exit code."""
        began = time.monotonic()
        self._listen()
        await self._say_external()
        starting = asyncio.create_task(self._start_all())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if self._stop.is_set():
            starting.cancel()
        cause = await _outcome(starting)
        if not self._stop.is_set() and not cause:
            self._log.write(events.StackReady(seconds=round(time.monotonic() - began, 3)))
            self._started.set()
            self._spawn(self._bound_logs())
            await self._stop.wait()
        stopping.cancel()
        await self._stop_all()
        self._log.write(events.StackFailed(cause=cause) if cause else events.StackStopped())
        return 2 if cause else 0

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="stack"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self._serve_requests()))

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_external(self) -> None:
        names = list(self._site.external)
        urls = [shown_url(self._services[name], self._site) for name in names]
        answering = await asyncio.gather(*(asyncio.to_thread(answers, url) for url in urls))
        for name, url, is_answering in zip(names, urls, answering, strict=True):
            variable = self._services[name].variable
            self._log.write(
                events.External(service=name, variable=variable, url=url, is_answering=is_answering)
            )

    async def _start_all(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        self._ready = {name: asyncio.Event() for name in self._keepers}
        async with asyncio.TaskGroup() as group:
            for name in self._keepers:
                group.create_task(self._start_one(name, deadline))

    async def _start_one(self, name: str, deadline: float) -> None:
        for needed in self._services[name].needs:
            if needed in self._ready:
                await self._ready[needed].wait()
        await self._keepers[name].start(deadline)

    async def _when_ready(self, name: str, moved: bool) -> None:
        """Publish where a service is; those that were told another port start again."""
        again = self._ready[name].is_set()
        self._ready[name].set()
        self._publish()
        if moved and again:
            self._spawn(self._restart_dependents(name))

    async def _restart_dependents(self, name: str) -> None:
        async with self._one_at_a_time:
            for other in dependents(self._services, name):
                if other in self._keepers and self._keepers[other].is_running:
                    with contextlib.suppress(ServiceFailed):
                        await self._restart(other)

    def _publish(self) -> None:
        ready = {n: s for n, s in self._services.items() if n in self._ready}
        ready = {n: s for n, s in ready.items() if self._ready[n].is_set()}
        write_private(self._site.layout.endpoints, json.dumps(own_exports(ready, self._site)))

    async def _stop_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._site.layout.endpoints.unlink(missing_ok=True)
        stopped = {name: asyncio.Event() for name in self._keepers}

        async def stop(name: str) -> None:
            for other in dependents(self._services, name):
                if other in stopped:
                    await stopped[other].wait()
            await self._keepers[name].stop()
            stopped[name].set()

        await asyncio.gather(*(stop(name) for name in self._keepers))

    async def _serve_requests(self) -> None:
        await self._started.wait()
        async with self._one_at_a_time:
            for file in sorted(self._site.layout.requests.glob("*.json")):
                request = json.loads(file.read_text())
                file.unlink()
                problem = await self._serve(request["action"], request["service"])
                self._log.write(events.Answered(request=file.stem, problem=problem))

    async def _serve(self, action: str, name: str) -> str:
        """Do what was asked; return why it could not be done."""
        if name not in self._keepers:
            return (
                f"the running supervisor has no service {name}, so it is of another version: "
                "`contractline down`, then `contractline up`; the data stay"
            )
        actions = {"start": self._start, "stop": self._halt, "restart": self._restart}
        try:
            await actions[action](name)
        except ServiceFailed as failed:
            return str(failed)
        return ""

    async def _start(self, name: str) -> None:
        await self._keepers[name].start(time.monotonic() + START_SECONDS)

    async def _halt(self, name: str) -> None:
        await self._keepers[name].stop()

    async def _restart(self, name: str) -> None:
        await self._keepers[name].stop()
        await self._keepers[name].start(time.monotonic() + START_SECONDS)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            await asyncio.to_thread(bound_logs, self._site.layout.logs, LOG_LIMIT_BYTES)


async def _outcome(starting: asyncio.Task[None]) -> str:
    """Return why the start failed; nothing where it did not."""
    try:
        await starting
    except asyncio.CancelledError:
        return ""
    except ExceptionGroup as problems:
        failed, others = problems.split(ServiceFailed)
        if others:
            raise others from problems
        return "; ".join(str(p) for p in failed.exceptions) if failed else ""
    return ""


def bound_logs(folder: Path, limit: int) -> None:
    """Move what a log holds aside when it has grown too large; its writer goes on in it."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def end_orphans(state: Path, say: Callable[[events.Event], None]) -> None:
    """End the processes that an earlier stack of a checkout has left behind."""
    orphans = process.marked(state)
    for orphan in orphans:
        with contextlib.suppress(Exception):
            say(events.OrphanEnded(pid=orphan.pid, command=orphan.name()))
    of_postgres = [p for p in orphans if p.is_running() and p.name() == "postgres"]
    others = [p for p in orphans if p not in of_postgres]
    process.end(others, signal.SIGTERM, process.GRACE_SECONDS)
    process.end(of_postgres, signal.SIGINT, process.GRACE_SECONDS)


def main(root: str) -> int:
    """Supervise the stack of the checkout in a folder until told to stop."""
    os.chdir(root)
    project = Project(Path(root))
    layout = Layout(project.state)
    layout.create()
    log = EventLog(layout.events)
    identity = ProcessIdentity.of(os.getpid())
    write_private(layout.supervisor, json.dumps({"pid": identity.pid, "started": identity.started}))
    log.write(events.SupervisorStarted(pid=identity.pid))
    try:
        end_orphans(layout.state, log.write)
        for request in layout.requests.glob("*"):
            request.unlink()
        place = site.build(
            project,
            environment(),
            table(),
            lambda s, t: log.write(events.ServiceTold(service=s, text=t)),
        )
        return asyncio.run(_supervise(place, log))
    except Exception as problem:
        ended = f"{type(problem).__name__}: {problem}"
        log.write(events.StackFailed(cause=likely_cause([ended], ended)))
        raise
    finally:
        layout.endpoints.unlink(missing_ok=True)
        layout.supervisor.unlink(missing_ok=True)


async def _supervise(place: Site, log: EventLog) -> int:
    return await Supervisor(place, log).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
