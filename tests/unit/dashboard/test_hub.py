"""The fan-out: one query for all who look, the newest answer for slow ones, nothing for nobody."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from contractline.clients.clickhouse import ClickHouseAway
from contractline.dashboard import hub as module
from contractline.dashboard.hub import Hub, HubReader, Subject, encoded
from contractline.errors import ContractlineError


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch):
    for name in ("LOOK_SECONDS", "AWAY_SECONDS", "PAUSE_SECONDS"):
        monkeypatch.setattr(module, name, 0.002)


class Data:
    """A ClickHouse of one number, which may be away."""

    def __init__(self) -> None:
        self.number = 0
        self.is_away = False
        self.asked = 0

    async def look(self) -> object:
        if self.is_away:
            raise ClickHouseAway("nowhere", "gone")
        return self.number

    async def answer(self) -> dict[str, Any]:
        self.asked += 1
        if self.is_away:
            raise ClickHouseAway("nowhere", "gone")
        return {"question": "q", "rows": [[self.number]], "at": f"t{self.asked}"}

    def subject(self, key: str = "q", **more: Any) -> Subject:
        return Subject((key,), "answer", self.answer, 3600.0, **more)


class Screen:
    """What a browser has received."""

    def __init__(self, reader: HubReader) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: HubReader) -> None:
        async for chunk in reader.events():
            for event in chunk.decode().strip().split("\n\n"):
                kind, data = event.split("\n")
                self.events.append(
                    (kind.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
                )

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - a condition on what was received
                await asyncio.sleep(0.001)

    def last(self, kind: str) -> dict[str, Any] | None:
        found = [content for name, content in self.events if name == kind]
        return found[-1] if found else None

    def shows(self, number: int) -> bool:
        return self.rows() == [[number]]

    def rows(self) -> object:
        answer = self.last("answer")
        return answer and answer.get("rows")


@contextlib.asynccontextmanager
async def working(data: Data) -> AsyncIterator[Hub]:
    hub = Hub(data.look)
    work = asyncio.create_task(hub.work())
    try:
        yield hub
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def run(test: Callable[[Data, Hub], Awaitable[None]]) -> None:
    async def whole() -> None:
        data = Data()
        async with working(data) as hub:
            await test(data, hub)

    asyncio.run(whole())


def test_two_hundred_readers_cost_what_one_does():
    async def test(data: Data, hub: Hub) -> None:
        async with contextlib.AsyncExitStack() as stack:
            readers = [
                await stack.enter_async_context(hub.reading([data.subject()])) for _ in range(200)
            ]
            screens = [Screen(reader) for reader in readers]
            await screens[0].until(lambda: all(screen.rows() == [[0]] for screen in screens))
            assert data.asked <= 2  # the first look marks what was asked before it as stale
            before = data.asked
            data.number = 7
            await screens[0].until(lambda: all(screen.rows() == [[7]] for screen in screens))
            assert data.asked == before + 1

    run(test)


def test_a_reader_that_comes_later_sees_the_present_state_at_once():
    async def test(data: Data, hub: Hub) -> None:
        async with hub.reading([data.subject()]) as reader:
            await (first := Screen(reader)).until(lambda: first.rows() == [[0]])
            async with hub.reading([data.subject()]) as late:
                screen = Screen(late)
                await screen.until(lambda: screen.rows() == [[0]])

    run(test)


def test_nobody_looking_costs_nothing():
    async def test(data: Data, hub: Hub) -> None:
        async with hub.reading([data.subject()]) as reader:
            await (screen := Screen(reader)).until(lambda: screen.rows() == [[0]])
        data.number = 1
        asked, looks = data.asked, hub.counters.looks
        await asyncio.sleep(0.05)
        assert data.asked == asked
        assert hub.counters.looks <= looks + 1
        async with hub.reading([data.subject()]) as reader:
            await (again := Screen(reader)).until(lambda: again.rows() == [[1]])

    run(test)


def test_while_clickhouse_is_away_the_data_stay_and_the_reader_is_told():
    async def test(data: Data, hub: Hub) -> None:
        async with hub.reading([data.subject()]) as reader:
            screen = Screen(reader)
            await screen.until(lambda: screen.rows() == [[0]])
            data.is_away = True
            data.number = 5
            await screen.until(lambda: (screen.last("health") or {}).get("problem"))
            assert screen.rows() == [[0]]
            data.is_away = False
            await screen.until(lambda: screen.rows() == [[5]])
            health = screen.last("health")
            assert health is not None
            assert health["problem"] is None
            assert health["seen_at"] > 0

    run(test)


def test_a_refusal_is_told_in_words():
    async def refused() -> dict[str, Any]:
        raise ContractlineError("ClickHouse refuses", hint="look at the SQL")

    async def test(data: Data, hub: Hub) -> None:
        subject = Subject(("x",), "answer", refused, 60.0, name={"question": "x"})
        async with hub.reading([subject]) as reader:
            screen = Screen(reader)
            await screen.until(lambda: screen.last("answer"))
            expected = {"question": "x", "error": "ClickHouse refuses", "hint": "look at the SQL"}
            assert screen.last("answer") == expected

    run(test)


def test_what_is_the_same_is_not_sent_again():
    async def test(data: Data, hub: Hub) -> None:
        subject = Subject(("q",), "answer", data.answer, 0.01)
        async with hub.reading([subject]) as reader:
            screen = Screen(reader)
            await screen.until(lambda: screen.last("same"))
            answers = [content for kind, content in screen.events if kind == "answer"]
            assert [answer["rows"] for answer in answers] == [[[0]]]
            assert set(screen.last("same") or {}) == {"question", "at"}

    run(test)


def test_a_slow_reader_gets_the_newest_and_no_more():
    async def test(data: Data, hub: Hub) -> None:
        async with (
            hub.reading([data.subject()]) as slow,
            hub.reading([data.subject()]) as quick,
        ):
            screen = Screen(quick)
            for number in range(1, 30):
                data.number = number
                await screen.until(functools.partial(screen.shows, number))
            late = Screen(slow)
            await late.until(lambda: late.rows() == [[29]])
            assert len([kind for kind, _ in late.events if kind == "answer"]) == 1

    run(test)


def test_an_event_is_one_line_of_data():
    event = encoded("answer", {"text": "a\n\ndata: b\r", "lone": "\ud800"})
    assert event.count(b"\n") == 3
    assert json.loads(event.split(b"\n")[1].removeprefix(b"data: "))["text"] == "a\n\ndata: b\r"
