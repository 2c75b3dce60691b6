"""The live page: acknowledged to on the screen, many browsers beside one, and the first paint."""

from __future__ import annotations

import argparse
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

from benchmarks.measure import Spread, percentile
from benchmarks.running import Bench, running_stack, wait_until
from benchmarks.streams import encoder, producer
from tests.fixtures.browser import NAMES
from tests.integration.dashboard.lab import commit

REPOSITORY = "bench/page"
FEED = f"/d/activity?repository={REPOSITORY}"
EVENTS = {"dashboard": "activity", "tab": "0"}

_NOTE = """
() => {
    window.seen = {};
    const note = () => requestAnimationFrame(() => {
        for (const one of document.querySelectorAll("[data-question=latest_commits] .headline"))
            window.seen[one.textContent] ??= performance.timeOrigin + performance.now();
    });
    new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
}"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> None:
    """Print each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--commits", type=int, default=200, help="that are looked for on the screen"
    )
    parser.add_argument("--rate", type=float, default=4, help="commits/s")
    parser.add_argument("--readers", type=int, default=200, help="browsers beside one")
    parser.add_argument("--seconds", type=float, default=20, help="how long those look")
    parser.add_argument("--paints", type=int, default=15)
    options = parser.parse_args()
    with running_stack() as bench:
        page = _Page(bench)
        with page.pushed() as pushed, _screen(page) as screen:
            acknowledged = page.send(options.commits, options.rate)
            _delays("to the reader of the events", pushed, acknowledged)
            if screen is None:
                print(f"no browser (none of {', '.join(NAMES)} is on PATH): no screen, no paint")
            else:
                _delays("to the screen", screen, acknowledged)
        for readers in (1, options.readers):
            page.look(readers, options.seconds, options.rate)
        if screen is not None:
            page.paints(options.paints)


class _Page:
    """The page of a running stack."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._url = bench.status("dashboard").url
        self._process = bench.process("dashboard")
        self._clickhouse = bench.process("clickhouse")
        self._contract = bench.contract("commits")
        self._encoder = encoder(self._contract, bench.endpoints)
        self._producer = producer(bench.endpoints, delivery_report_only_error=False)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    def send(self, count: int, rate: float) -> dict[str, float]:
        """Send commits; return when each was acknowledged, by its message, in seconds since 1970."""
        write, key = self._encoder.current.value, self._encoder.current.key
        assert key is not None
        acknowledged: dict[str, float] = {}
        began = time.monotonic()
        for number in range(count):
            while (left := began + number / rate - time.monotonic()) > 0:
                self._producer.poll(left)
            record = commit(REPOSITORY, f"commit {time.time_ns()}")

            def note(error: object, message: object, told: str = record["commit_message"]) -> None:
                acknowledged[told] = time.time()

            topic = self._contract.topic.name
            self._producer.produce(topic, write(record), key(record), on_delivery=note)
        self._producer.flush()
        return acknowledged

    @contextmanager
    def pushed(self) -> Iterator[Callable[[], dict[str, float]]]:
        """Read the page's events; give when each message was first in one."""
        seen: dict[str, float] = {}
        over = threading.Event()

        def read() -> None:
            given = {**EVENTS, "repository": REPOSITORY}
            with httpx.stream("GET", f"{self._url}/events", params=given, timeout=60) as answer:
                for line in answer.iter_lines():
                    if over.is_set():
                        return
                    if line.startswith("data: ") and "latest_commits" in line:
                        for message in _messages(json.loads(line.removeprefix("data: "))):
                            seen.setdefault(message, time.time())

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield lambda: seen
        finally:
            over.set()

    def look(self, readers: int, seconds: float, rate: float) -> None:
        """Let readers look while commits arrive; print what that costs."""
        with ExitStack() as stack:
            client = stack.enter_context(
                httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None))
            )
            streams = [
                stack.enter_context(client.stream("GET", f"{self._url}/events", params=EVENTS))
                for _ in range(readers)
            ]
            over = threading.Event()
            threads = [threading.Thread(target=_drain, args=(one, over)) for one in streams]
            for thread in threads:
                thread.start()
            wait_until(lambda: self._counters()["readers"] >= readers, "the readers")
            before, cpu = self._counters(), self._cpu()
            began = time.monotonic()
            self.send(round(seconds * rate), rate)
            passed = time.monotonic() - began
            after = self._counters()
            page, clickhouse = (now - then for now, then in zip(self._cpu(), cpu, strict=True))
            over.set()
            self.send(1, rate)  # each reader hears once more, and ends
            for thread in threads:
                thread.join(30)
        queries, events = ((after[name] - before[name]) / passed for name in ("queries", "events"))
        print(
            f"{readers} readers: {queries:.1f} queries/s, {events:.0f} events/s, the page"
            f" {page / passed:.3f} cores, ClickHouse {clickhouse / passed:.3f} cores"
        )

    def paints(self, count: int) -> None:
        """Print how long a new browser takes to the first paint."""
        with _browser() as browser:
            assert browser is not None
            first = []
            for _ in range(count):
                context = browser.new_context()
                tab = context.new_page()
                tab.goto(f"{self._url}/d/activity")
                tab.wait_for_function(f"({_PAINT}) !== null")
                first.append(float(tab.evaluate(_PAINT)))
                context.close()
        print(f"first paint: {Spread.of(first).text(0)} ms of {count} (goal 1,000)")

    def _counters(self) -> dict[str, int]:
        counters: dict[str, int] = httpx.get(f"{self._url}/health", timeout=60).json()
        return counters

    def _cpu(self) -> tuple[float, float]:
        times = (process.cpu_times() for process in (self._process, self._clickhouse))
        page, clickhouse = (one.user + one.system for one in times)
        return page, clickhouse


@contextmanager
def _browser() -> Iterator[Browser | None]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _screen(page: _Page) -> Iterator[Callable[[], dict[str, float]] | None]:
    """Look at the feed in a browser; give when each message was first painted."""
    with _browser() as browser:
        if browser is None:
            yield None
            return
        tab = browser.new_page()
        tab.goto(f"{page.url}{FEED}")
        tab.wait_for_selector("[data-question=latest_commits]")
        tab.evaluate(_NOTE)
        yield lambda: {text: at / 1000 for text, at in tab.evaluate("window.seen").items()}


def _delays(
    words: str, seen: Callable[[], dict[str, float]], acknowledged: dict[str, float]
) -> None:
    wait_until(lambda: acknowledged.keys() <= seen().keys(), f"the last commit {words}")
    at = seen()
    delays = [(at[message] - then) * 1000 for message, then in acknowledged.items()]
    median, high = (percentile(delays, share) for share in (0.5, 0.95))
    print(
        f"acknowledged {words}: median {median:.0f} ms, p95 {high:.0f} ms, at most"
        f" {max(delays):.0f} ms of {len(delays)} (goal: p95 1,000)"
    )


def _messages(answer: dict[str, Any]) -> list[str]:
    if answer.get("question") != "latest_commits" or "rows" not in answer:
        return []
    names = [column["name"] for column in answer["columns"]]
    return [row[names.index("subject")] for row in answer["rows"]]


def _drain(stream: httpx.Response, over: threading.Event) -> None:
    for _ in stream.iter_raw():
        if over.is_set():
            return


if __name__ == "__main__":
    main()
