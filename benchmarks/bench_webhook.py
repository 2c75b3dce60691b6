"""The webhook's receiver under load: pushes at a rate, from being due until they are answered.

The load is open: a push is sent when it is due, however many wait for their answers, and its time
counts from then. An answer with success means that Kafka has acknowledged the commits; at the end
ClickHouse must show every one of them. Receiver, Kafka, ClickHouse and the load share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil

from benchmarks.measure import percentile
from benchmarks.running import Bench, running_stack, wait_until
from tests.fixtures.pushes import SECRET, commit, push
from tests.fixtures.stack import REPOSITORY

NAME = "bench/webhook"
CONNECTIONS = 64
GOAL_MS = 200
WARM_UP_SECONDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="pushes a second (%(default)s)")
    parser.add_argument("--commits", type=int, default=3, help="of each push (%(default)s)")
    parser.add_argument("--seconds", type=int, default=60, help="(%(default)s)")
    options = parser.parse_args()
    with running_stack() as bench, _receiver(bench) as receiver:
        bodies = Bodies(options.commits)
        asyncio.run(Load(receiver.url, bodies).send(options.rate, WARM_UP_SECONDS))
        load = Load(receiver.url, bodies)
        began, busy = time.monotonic(), receiver.busy()
        asyncio.run(load.send(options.rate, options.seconds))
        took, busy = time.monotonic() - began, receiver.busy() - busy
        _wait_for_rows(bench, bodies.made * options.commits)
        visible = time.monotonic() - began - took
        _report(load, took, busy, receiver.memory(), visible)


@dataclass(frozen=True)
class Receiver:
    """A producer that listens."""

    url: str
    process: psutil.Process

    def busy(self) -> float:
        """Return its processor seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Return its resident memory, MB."""
        return float(self.process.memory_info().rss / 1e6)


class Bodies:
    """Makes pushes of new commits, cheaply: the marks of a template are exchanged.

    Attributes:
        made: how many there were.
    """

    def __init__(self, commits: int) -> None:
        marks = [hashlib.sha1(f"mark {n}".encode()).hexdigest() for n in range(commits)]
        template = push([commit(id=mark) for mark in marks], repository=NAME)
        self.made = 0
        self._run = uuid.uuid4().hex
        self._parts = re.split("|".join(marks).encode(), json.dumps(template).encode())
        self._marks = re.findall("|".join(marks), json.dumps(template))
        self._names = marks

    def next(self) -> bytes:
        """Return a request."""
        self.made += 1
        ids = {
            mark: hashlib.sha1(f"{self._run} {self.made} {mark}".encode()).hexdigest().encode()
            for mark in self._names
        }
        body = b"".join(
            part + ids[mark] for part, mark in zip(self._parts, self._marks, strict=False)
        )
        body += self._parts[-1]
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        return (
            "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"X-GitHub-Event: push\r\nX-GitHub-Delivery: {self._run}-{self.made}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass
class Load:
    """Sends pushes over some connections, as a proxy does.

    Attributes:
        url: where to.
        bodies: what.
        latencies: seconds from being due to the answer, of those answered with success.
        answers: how many answers of each status.
    """

    url: str
    bodies: Bodies
    latencies: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    async def send(self, rate: int, seconds: int) -> None:
        """Send at a rate, and return when all is answered."""
        due: asyncio.Queue[float | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(due)) for _ in range(CONNECTIONS)]
        began = time.monotonic()
        for number in range(rate * seconds):
            at = began + number / rate
            if (left := at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            due.put_nowait(at)
        for _ in workers:
            due.put_nowait(None)
        await asyncio.gather(*workers)

    async def _work(self, due: asyncio.Queue[float | None]) -> None:
        where = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        while (at := await due.get()) is not None:
            writer.write(self.bodies.next())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            status = head.split(b" ", 2)[1].decode()
            self.answers[status] += 1
            if status == "200":
                self.latencies.append(time.monotonic() - at)
        writer.close()
        await writer.wait_closed()


@contextmanager
def _receiver(bench: Bench) -> Iterator[Receiver]:
    command = [sys.executable, "-m", "producer", "--source", "webhook", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*command, "--project", str(bench.project.root)],
        cwd=REPOSITORY,
        env=bench.environment | {"GITHUB_WEBHOOK_SECRET": SECRET.decode()},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    url = process.stderr.readline().removeprefix("listening on ").strip()
    # A pipe that nobody reads would fill up and stop the receiver.
    reader = threading.Thread(target=process.stderr.read, daemon=True)
    reader.start()
    try:
        yield Receiver(url, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        reader.join()
        process.stderr.close()


def _wait_for_rows(bench: Bench, number: int) -> None:
    """Wait until ClickHouse shows every commit, once."""
    warehouse = bench.warehouse()
    question = (
        f"SELECT count(), uniqExact(commit_id) FROM reporting.commits WHERE repository = '{NAME}'"
    )
    wait_until(lambda: list(warehouse.rows(question)) == [(number, number)], "every commit")
    print(f"ClickHouse shows {number:,} commits, each once")
    warehouse.close()


def _report(load: Load, took: float, busy: float, memory: float, visible: float) -> None:
    number = sum(load.answers.values())
    print(
        f"\n{number:,} pushes in {took:.1f} s, {number / took:,.0f}/s; answers: {dict(load.answers)}"
    )
    for share in (0.5, 0.95, 0.99, 1.0):
        name = f"p{share * 100:.0f}" if share < 1 else "most"
        print(f"  {name:<5} {percentile(load.latencies, share) * 1000:8.1f} ms")
    print(f"  every commit visible {visible:.1f} s after the last answer")
    print(f"  receiver: {busy / number * 1e6:,.0f} us of processor time a push, {memory:.0f} MB")
    reached = percentile(load.latencies, 0.99) * 1000 <= GOAL_MS
    print(f"  goal: p99 at most {GOAL_MS} ms: {'reached' if reached else 'missed'}")
