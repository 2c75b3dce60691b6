"""G7: `contractline rebuild` beside the Kafka engine, the same rows into equal tables."""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import dataclass, field

import psutil

from benchmarks.loading import cpu_seconds, load
from benchmarks.measure import ROUNDS, interleave, report
from benchmarks.running import Bench, running_stack
from benchmarks.streams import Variant, commits, encoder, fill, make_topics, variant
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import Contract
from contractline.recovery.rebuild import rebuild_stream

TOPIC = "bench.bulk"
PARTITIONS = 3
ENGINE, REBUILD = "Kafka engine", "rebuild"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--batch", type=int, default=50_000, help="rows of an INSERT")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with running_stack() as bench:
        contract = bench.contract("commits")
        make_topics(bench.endpoints, [TOPIC], PARTITIONS)
        encode = encoder(contract, bench.endpoints).current.value
        records = commits(bench.project, count=options.rows)
        rows = fill(bench.endpoints, {TOPIC: encode}, records, PARTITIONS)
        warehouse = bench.warehouse()
        race = Race(bench, contract, warehouse, rows, options.batch)
        candidates = {ENGINE: race.engine, REBUILD: race.rebuild}
        figures = interleave(candidates, options.rounds)
        warehouse.close()
    report(f"G7 {rows:,} commits, {options.batch:,} an INSERT", "rows/s", figures, ENGINE)
    report("Processor time, the reader's own included", "µs a row", race.cpu, ENGINE)


@dataclass
class Race:
    """Both ways, each through the generated Null table and views."""

    bench: Bench
    contract: Contract
    warehouse: Warehouse
    rows: int
    batch: int
    cpu: dict[str, list[float]] = field(default_factory=lambda: {ENGINE: [], REBUILD: []})
    _started: int = 0

    def engine(self) -> float:
        """Return the rate of the Kafka engine, without its start and its last wait."""
        process = self.bench.process("clickhouse")
        loaded = load(self._next(), self.rows, self.warehouse, self.bench.endpoints, process)
        self.cpu[ENGINE].append(loaded.cpu_micros)
        return loaded.rows_per_second

    def rebuild(self) -> float:
        """Return the rate of a rebuild, from its first request to its last answer."""
        way = self._next()
        # The queue says which topic it is, but hands nothing on: the rebuild alone fills the table.
        way.make(self.warehouse, self.bench.endpoints, without=("_feed",))
        processes = self.bench.process("clickhouse"), psutil.Process()
        try:
            cpu = sum(map(cpu_seconds, processes))
            began = time.monotonic()
            result = rebuild_stream(
                self.bench.endpoints, way.name, _Quiet(), threading.Event(), most=self.batch
            )
            seconds = time.monotonic() - began
            cpu = sum(map(cpu_seconds, processes)) - cpu
            self.cpu[REBUILD].append(cpu / self.rows * 1e6)
            count = self.warehouse.rows(f"SELECT count() FROM {way.table}")[0][0]
            if not count == result.rows == self.rows:
                raise ValueError(f"{count:,} of {self.rows:,} rows are there")
        finally:
            way.remove(self.warehouse)
        return self.rows / seconds

    def _next(self) -> Variant:
        self._started += 1
        return variant(self.contract, f"bench_{self._started}", TOPIC)


class _Quiet:
    """Nobody looks at the progress of a measured rebuild."""

    def say(self, words: str) -> None:
        raise ValueError(f"nothing may be away here: {words}")

    def show(self, done: int, total: int) -> None:
        pass
