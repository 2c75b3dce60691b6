"""G9: how long the local stack takes to start, what it needs at rest, how soon a killed engine reads."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.bench_freshness import Sending
from benchmarks.measure import Spread
from benchmarks.running import (
    Bench,
    answers,
    apply_everything,
    ignore,
    machine,
    temporary_project,
    wait_until,
)
from benchmarks.streams import commits
from contractline.cache import CACHE_VARIABLE
from contractline.clients.clickhouse import Warehouse
from contractline.settings import environment
from contractline.stack.control import Stack
from contractline.stack.process import family, marked
from tests.fixtures.stack import REPOSITORY, clean_environment

STREAM = 200
STREAM_SECONDS = 8.0
BACK_SECONDS = 30.0
_READ = (
    "SELECT sum(num_messages_read) FROM system.kafka_consumers"
    " WHERE database = 'ingestion' AND table = 'commits_queue'"
)
_VISIBLE = "SELECT max(toUnixTimestamp64Micro(produced_at)) FROM github.commits"

STEADY_SECONDS = 11.0


def main() -> None:
    """Print each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--kills", type=int, default=7)
    parser.add_argument("--rest", type=float, default=60, help="seconds before memory is read")
    parser.add_argument("--cold", action="store_true", help="only a set-up in an empty cache")
    options = parser.parse_args()
    print(machine())
    if options.cold:
        _cold()
        return
    with temporary_project() as project:
        stack = Stack(project, clean_environment())
        stack.artefacts.provide(lambda arrived: None, lambda: None)
        bench = Bench(stack)
        _say("first start, no data yet", "s", [_seconds(bench, "up")])
        apply_everything(bench)
        if options.starts:
            _say("warm start to all ready, data kept", "s", _starts(bench, options.starts))
        _memory(bench, options.rest)
        if options.kills:
            _kills(bench, options.kills)
        _say("stop", "s", [_seconds(bench, "down")])


def _starts(bench: Bench, count: int) -> list[float]:
    seconds = []
    for _ in range(count):
        bench.stack.down(ignore)
        seconds.append(_seconds(bench, "up"))
    return seconds


def _seconds(bench: Bench, command: str) -> float:
    """Run a command of contractline as a user does, and return how long it took."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "contractline", command],
        cwd=bench.project.root,
        env=clean_environment(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - began


def _memory(bench: Bench, rest: float) -> None:
    """Print the memory of every process of the stack, by service."""
    time.sleep(rest)
    families = {s.name: family(s.pid) for s in bench.stack.status() if s.pid}
    services = {name: sum(map(_pss, processes)) for name, processes in families.items()}
    counted = {process for processes in families.values() for process in processes}
    others = set(marked(bench.stack.layout.state)) - counted
    services["supervisor and others"] = sum(map(_pss, others))
    whole = sum(services.values())
    print(f"\nG9 memory after {rest:g} s at rest, connector running (PSS, MB): {whole:,.0f}")
    for name, megabytes in sorted(services.items(), key=lambda item: -item[1]):
        print(f"  {name:<22} {megabytes:>5.0f}")


def _pss(process: psutil.Process) -> float:
    """Return the memory of a process in MB; what it shares counts in part."""
    return float(process.memory_full_info().pss) / 2**20


def _kills(bench: Bench, count: int) -> None:
    """Kill the engine in a steady stream, and print how soon it reads again."""
    records = commits(bench.project)
    rounds = [_kill(bench, Sending(bench, records)) for _ in range(count)]
    for position, what in enumerate(("answers", "reads Kafka", "shows what it read")):
        title = f"from SIGKILL until the engine {what}, {STREAM}/s arriving"
        _say(title, "s", [times[position] for times in rounds])


def _kill(bench: Bench, sending: Sending) -> tuple[float, float, float]:
    # A service that dies again within seconds is given growing pauses; that is not measured here.
    time.sleep(STEADY_SECONDS)
    thread = threading.Thread(target=sending.send, args=(STREAM, STREAM_SECONDS))
    thread.start()
    try:
        time.sleep(STREAM_SECONDS / 4)
        wait_until(lambda: _number(bench, _VISIBLE) > 0, "the first commits")
        url = bench.endpoints.need("clickhouse_url")
        bench.kill("clickhouse")
        began = time.monotonic()
        killed = time.time_ns() // 1000
        wait_until(lambda: answers(url), "the killed engine", BACK_SECONDS)
        back = time.monotonic() - began
        warehouse = bench.warehouse()
        reads = _until_more(warehouse, _READ, 0) - began
        shows = _until_more(warehouse, _VISIBLE, killed) - began
        warehouse.close()
    finally:
        thread.join()
    _expect_all(bench, sending)
    return back, reads, shows


def _until_more(warehouse: Warehouse, sql: str, number: int) -> float:
    """Return when the answer is more than a number."""
    wait_until(lambda: (warehouse.rows(sql)[0][0] or 0) > number, sql, BACK_SECONDS)
    return time.monotonic()


def _number(bench: Bench, sql: str) -> int:
    warehouse = bench.warehouse()
    try:
        return int(warehouse.rows(sql)[0][0] or 0)
    finally:
        warehouse.close()


def _expect_all(bench: Bench, sending: Sending) -> None:
    """Wait until every acknowledged commit is there: a fast restart that loses is none."""
    last = max(offset for _, offset in sending.acknowledged)
    sql = f"SELECT max(_offset) FROM github.commits WHERE _offset >= {last}"
    wait_until(lambda: _number(bench, sql) >= last, "the last commit", BACK_SECONDS)


def _cold() -> None:
    """Clone this repository and set it up with empty caches, as a stranger does."""
    folder = Path(tempfile.mkdtemp(prefix="contractline-bench-cold-"))
    variables = {
        **environment(),
        CACHE_VARIABLE: str(folder / "cache"),
        "PIP_NO_CACHE_DIR": "1",
    }
    received = psutil.net_io_counters().bytes_recv
    try:
        clone = ["git", "clone", "--quiet", str(REPOSITORY), str(folder / "clone")]
        subprocess.run(clone, check=True)
        began = time.monotonic()
        with (folder / "log").open("w") as log:
            make = ["make", "-C", str(folder / "clone"), "setup"]
            subprocess.run(make, check=True, env=variables, stdout=log, stderr=log)
        seconds = time.monotonic() - began
        megabytes = (psutil.net_io_counters().bytes_recv - received) / 1e6
        print(f"G9 cold `make setup`: {seconds:.0f} s, {megabytes:.0f} MB received")
    finally:
        shutil.rmtree(folder)


def _say(what: str, unit: str, values: Sequence[float]) -> None:
    rounds = f" ({len(values)} rounds)" if len(values) > 1 else ""
    print(f"G9 {what}: {Spread.of(values).text()} {unit}{rounds}")
