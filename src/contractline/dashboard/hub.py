"""One query for each question and filter set, however many browsers look at it.

A *topic* is a question under one selection. While somebody looks at it, it is asked again when
ClickHouse holds something new, or when its time has come, and the encoded answer goes to all who
look. The newest answer of each topic replaces an older one that a slow browser has not taken yet,
so memory does not grow with slow readers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from contractline.clients.clickhouse import ClickHouseAway
from contractline.errors import ContractlineError

LOOK_SECONDS = 0.1
"""How often it looks whether ClickHouse holds something new."""

AWAY_SECONDS = 1.0
"""How often it tries again while ClickHouse is away."""

PAUSE_SECONDS = 0.2
"""The least pause between two runs of one topic."""

PAUSE_FACTOR = 3.0
"""A topic pauses this many times as long as its query took: it uses a quarter of a core at most."""

KEEP_SECONDS = 60.0
"""How long the answer of a topic is kept that nobody looks at any more."""

_TIMES = frozenset({"at", "seconds"})
"""What is new in every answer."""

HEARTBEAT_SECONDS = 10.0
WORKERS = 3
"""Queries that run at the same time."""

Run = Callable[[], Awaitable[dict[str, Any]]]
Look = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be looked at.

    Attributes:
        key: its identity; equal for equal questions under equal selections.
        event: the kind of event by which its answers go to the browser.
        run: asks for the answer.
        refresh_seconds: it is asked again after this time even when nothing is new.
        follows_data: whether it is asked again when ClickHouse holds something new.
        name: what says in an event whose refusal it is.
    """

    key: tuple[object, ...]
    event: str
    run: Run = field(compare=False)
    refresh_seconds: float
    follows_data: bool = True
    name: dict[str, str] = field(default_factory=dict, compare=False)


class HubReader:
    """One browser: what waits to be sent to it, and what is sent when nothing does."""

    def __init__(self, heartbeat: Callable[[], bytes]) -> None:
        self._heartbeat = heartbeat
        self._waiting: dict[object, bytes] = {}
        self._is_filled = asyncio.Event()

    def put(self, key: object, event: bytes) -> None:
        """Take an event; one of the same key that was not sent yet is replaced."""
        self._waiting[key] = event
        self._is_filled.set()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events as they come, and a heartbeat when none comes for a while."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._is_filled.wait()
            except TimeoutError:
                yield self._heartbeat()
                continue
            taken, self._waiting = self._waiting, {}
            self._is_filled.clear()
            yield b"".join(taken.values())


class _Subscription:
    """A subject that somebody looks at, or did a moment ago."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.readers: set[HubReader] = set()
        self.latest: bytes | None = None
        self.body: dict[str, Any] | None = None
        self.is_stale = True
        self.is_running = False
        self.not_before = 0.0
        self.asked_at = 0.0
        self.left_at = 0.0

    def is_due(self, now: float) -> bool:
        """Tell whether it should be asked now."""
        if self.is_running or not self.readers or now < self.not_before:
            return False
        return self.is_stale or now - self.asked_at >= self.subject.refresh_seconds


@dataclass(slots=True)
class Counters:
    """What the hub did so far."""

    queries: int = 0
    looks: int = 0
    events: int = 0


class Hub:
    """The topics and who looks at them. All of it runs on one event loop.

    Attributes:
        counters: what it did so far.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._topics: dict[tuple[object, ...], _Subscription] = {}
        self._readers: set[HubReader] = set()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(WORKERS)
        self._problem: str | None = None
        self._seen_at: float | None = None
        self._seen: object = None
        self.counters = Counters()

    @property
    def readers(self) -> int:
        """How many browsers look."""
        return len(self._readers)

    @contextlib.asynccontextmanager
    async def reading(self, subjects: Iterable[Subject]) -> AsyncIterator[HubReader]:
        """Let a browser look at subjects; what is known of them is sent at once."""
        reader = HubReader(self._health)
        topics = [self._topic(subject) for subject in subjects]
        self._readers.add(reader)
        reader.put("health", self._health())
        for topic in topics:
            if not topic.readers:
                topic.is_stale = True
            topic.readers.add(reader)
            if topic.latest is not None:
                reader.put(topic.subject.key, topic.latest)
        self._wake.set()
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            for topic in topics:
                topic.readers.discard(reader)
                topic.left_at = time.monotonic()

    async def work(self) -> None:
        """Ask what is due until cancelled."""
        looking = asyncio.create_task(self._watch())
        try:
            while True:
                self._start_due()
                self._forget()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._idle_seconds()):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            for task in (looking, *self._tasks):
                task.cancel()

    def _topic(self, subject: Subject) -> _Subscription:
        return self._topics.setdefault(subject.key, _Subscription(subject))

    def _idle_seconds(self) -> float:
        return 1.0 if not self._readers else LOOK_SECONDS

    def _start_due(self) -> None:
        now = time.monotonic()
        for topic in self._topics.values():
            if topic.is_due(now) and (self._problem is None or not topic.subject.follows_data):
                topic.is_running = True
                task = asyncio.create_task(self._ask(topic))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _forget(self) -> None:
        now = time.monotonic()
        for key, topic in list(self._topics.items()):
            is_left = not topic.readers and not topic.is_running
            if is_left and now - topic.left_at > KEEP_SECONDS:
                del self._topics[key]

    async def _ask(self, topic: _Subscription) -> None:
        async with self._slots:
            began = time.monotonic()
            topic.is_stale, topic.asked_at = False, began
            self.counters.queries += 1
            content = await _answered(topic.subject)
            took = time.monotonic() - began
        topic.is_running = False
        topic.not_before = time.monotonic() + max(PAUSE_SECONDS, PAUSE_FACTOR * took)
        if content is None:
            # What is known stays on the screen; the look tells that ClickHouse is away.
            topic.is_stale = True
        else:
            self._take(topic, content)
        self._wake.set()

    def _take(self, topic: _Subscription, content: dict[str, Any]) -> None:
        """Keep an answer and send it, or only its time where nothing else of it is new."""
        event = topic.subject.event
        body = {name: value for name, value in content.items() if name not in _TIMES}
        topic.latest = encoded(event, content)
        if body != topic.body:
            topic.body = body
            self._send(topic.readers, topic.subject.key, topic.latest)
        elif "at" in content:
            same = {"question": content.get("question"), "at": content["at"]}
            self._send(topic.readers, (topic.subject.key, "same"), encoded("same", same))

    async def _watch(self) -> None:
        """Mark topics as stale whenever ClickHouse holds something new."""
        while True:
            if not self._readers:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.counters.looks += 1
            try:
                seen = await self._look()
            except ContractlineError as problem:
                self._set_problem(str(problem))
                await asyncio.sleep(AWAY_SECONDS)
                continue
            self._seen_at = time.time()
            self._set_problem(None)
            if seen != self._seen:
                self._seen = seen
                for topic in self._topics.values():
                    topic.is_stale |= topic.subject.follows_data
                self._wake.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _set_problem(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        was_away, self._problem = self._problem is not None, problem
        if was_away and problem is None:
            for topic in self._topics.values():
                topic.is_stale = True
                topic.not_before = 0.0
        self._send(self._readers, "health", self._health())
        self._wake.set()

    def _health(self) -> bytes:
        content = {"problem": self._problem, "seen_at": self._seen_at}
        return encoded("health", content)

    def _send(self, readers: Iterable[HubReader], key: object, event: bytes) -> None:
        for reader in readers:
            self.counters.events += 1
            reader.put(key, event)


async def _answered(subject: Subject) -> dict[str, Any] | None:
    """Return a subject's answer, a refusal in words, or None while ClickHouse is away."""
    try:
        return await subject.run()
    except ClickHouseAway:
        return None
    except ContractlineError as problem:
        return {**subject.name, "error": str(problem), "hint": problem.hint}


def encoded(event: str, content: dict[str, Any]) -> bytes:
    """Return a server-sent event; JSON has no line breaks of its own."""
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event}\ndata: {data}\n\n".encode("utf-8", errors="replace")
