"""Statements in the engine, each on a worker thread, and stopping one from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.session import Engine, Result


class Run:
    """A piece of work in the engine that can be stopped while a thread is at it.

    The engine gives its queries ids of its own, but says which threads a query runs on: so a query
    is found by the thread that waits for it.
    """

    def __init__(self, engine: Engine, work: Callable[[], Result]) -> None:
        self._engine = engine
        self._work = work
        self._thread: int | None = None
        self._stopped = False
        # Held while a kill is under way, so that it can't hit the thread's next piece of work.
        self._lock = threading.Lock()

    def __call__(self) -> Result:
        """Do the work in this thread.

        Raises:
            QueryFailed: the engine refused it, it failed, or it was stopped.
        """
        with self._lock:
            if self._stopped:
                raise QueryFailed(394, "QUERY_WAS_CANCELLED", "Query was cancelled")
            self._thread = threading.get_native_id()
        try:
            return self._work()
        finally:
            with self._lock:
                self._thread = None

    def stop(self) -> None:
        """Kill what the engine is running for this; call it again while the work goes on."""
        with self._lock:
            self._stopped = True
            if self._thread is not None:
                self._ask(f"KILL QUERY WHERE {self._mine()} ASYNC")  # SYNC would never return

    def engine_id(self) -> str | None:
        """Return the engine's id of the query that runs now."""
        with self._lock:
            if self._thread is None:
                return None
            mine = self._mine()
            found = self._ask(f"SELECT query_id FROM system.processes WHERE {mine}")  # noqa: S608
            return found.decode().strip() or None

    def _mine(self) -> str:
        return f"has(thread_ids, {self._thread})"

    def _ask(self, sql: str) -> bytes:
        with self._engine.session() as session:
            return session.query(sql).body


class Running:
    """The runs under way, by the ids that clients know them by."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    @contextmanager
    def listed(self, query_id: str, run: Run) -> Iterator[None]:
        """List a run while it goes on.

        Raises:
            QueryFailed: another one with this id is running.
        """
        if query_id in self._runs:
            raise QueryFailed.of(
                Code.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                f"Query with id = {query_id} is already running",
            )
        self._runs[query_id] = run
        try:
            yield
        finally:
            del self._runs[query_id]

    def engine_id(self, query_id: str) -> str | None:
        """Return the engine's own id of a query that a client knows as ``query_id``."""
        run = self._runs.get(query_id)
        return run.engine_id() if run else None

    def stop_all(self) -> None:
        """Kill everything that runs."""
        for run in tuple(self._runs.values()):
            run.stop()
