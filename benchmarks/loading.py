"""How fast ClickHouse's Kafka engine reads a topic that is already full."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from benchmarks.running import PATIENCE_SECONDS, TookTooLong
from benchmarks.streams import Variant
from contractline.clients.clickhouse import Warehouse
from contractline.settings import Endpoints

LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading a topic once.

    Attributes:
        rows_per_second: from the first block to the last full one, so that neither joining the
            group nor the wait for a block that never fills counts.
        cpu_micros: processor time of the engine for a row.
    """

    rows_per_second: float
    cpu_micros: float


def load(
    way: Variant, rows: int, warehouse: Warehouse, endpoints: Endpoints, engine: psutil.Process
) -> Loaded:
    """Let ClickHouse read a topic from its beginning into a new table, and remove that again."""
    before = cpu_seconds(engine)
    way.make(warehouse, endpoints)
    try:
        blocks = _blocks(warehouse, way.table, rows)
        cpu = cpu_seconds(engine) - before
    finally:
        way.remove(warehouse)
    return Loaded(steady_rate(blocks), cpu / rows * 1e6)


def _blocks(warehouse: Warehouse, table: str, rows: int) -> list[tuple[float, int]]:
    """Return when which number of rows was there, each time that it grew."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < rows:
        count = warehouse.rows(f"SELECT count() FROM {table}")[0][0]
        now = time.monotonic()
        if count > (seen[-1][1] if seen else 0):
            seen.append((now, count))
        elif now > deadline:
            raise TookTooLong(f"{rows:,} rows in {table}, there are {count:,}", PATIENCE_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)
    return seen


def steady_rate(blocks: list[tuple[float, int]]) -> float:
    """Return the rows a second from the first block to the last full one.

    Args:
        blocks: when which number of rows was there.
    """
    full = blocks[:-1] if len(blocks) > 2 else blocks
    (began, first), (ended, last) = full[0], full[-1]
    if first == last:
        raise ValueError("all rows came in one block, so there is no rate: take more rows")
    return (last - first) / (ended - began)


def cpu_seconds(engine: psutil.Process) -> float:
    """Return the processor time that a process has taken."""
    times = engine.cpu_times()
    return float(times.user + times.system)
