"""G4: what the generated tables cost in the Kafka engine, and what a second consumer gives."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from benchmarks.loading import Loaded, load
from benchmarks.measure import ROUNDS, interleave, report
from benchmarks.running import Bench, answers, running_stack, wait_until
from benchmarks.streams import (
    Variant,
    commits,
    encoder,
    fill,
    make_topics,
    variant,
)
from contractline.clickhouse.sql import statements
from contractline.clients.clickhouse import Warehouse
from contractline.server.config import admin, render_config, render_users, starter
from contractline.server.library import Library
from contractline.settings import Endpoints, environment
from contractline.stack.ports import LOOPBACK, any_free
from producer.commit import Record

AVRO, JSON = "bench.avro", "bench.json"
PARTITIONS = 4
TIMES = ("authored_at", "committed_at", "produced_at")
PASSWORD = "bench"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main() -> None:
    """Print both tables."""
    options = _options()
    with running_stack() as bench:
        contract = bench.contract("commits")
        make_topics(bench.endpoints, [AVRO, JSON], PARTITIONS)
        encode = encoder(contract, bench.endpoints).current.value
        records = commits(bench.project, count=options.rows)
        rows = fill(bench.endpoints, {AVRO: encode, JSON: as_json}, records, PARTITIONS)
        print(f"{rows:,} commits in {PARTITIONS} partitions, as Avro and as JSON")
        _formats(bench, rows, options.rounds)
        _consumers(bench, rows, options.rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    return parser.parse_args()


@dataclass
class Race:
    """Candidates that read the same records into ClickHouse, each in a table of its own.

    Attributes:
        name: sets its consumer groups apart from those of another race on the same topic.
    """

    name: str
    rows: int
    warehouse: Warehouse
    endpoints: Endpoints
    engine: psutil.Process
    cpu: dict[str, list[float]] = field(default_factory=dict)
    _started: int = 0

    def candidate(self, name: str, way: Callable[[str], Variant]) -> Callable[[], float]:
        """Return a function that reads everything once and returns the rows a second.

        Args:
            name: of the candidate.
            way: makes its variant under the given name; each run has a consumer group of its own.
        """

        def run() -> float:
            self._started += 1
            made = way(f"{self.name}_{self._started}")
            loaded: Loaded = load(made, self.rows, self.warehouse, self.endpoints, self.engine)
            self.cpu.setdefault(name, []).append(loaded.cpu_micros)
            return loaded.rows_per_second

        return run


def _formats(bench: Bench, rows: int, rounds: int) -> None:
    contract = bench.contract("commits")
    order = contract.sink.order_by if contract.sink else ()
    warehouse = bench.warehouse()
    race = Race("formats", rows, warehouse, bench.endpoints, bench.process("clickhouse"))
    ways: dict[str, Callable[[str], Variant]] = {
        "Avro, one direct view": lambda name: variant(contract, name, AVRO).direct(order),
        "JSON, one direct view": lambda name: variant(contract, name, JSON).direct(order).as_json(),
        "Avro, generated": lambda name: variant(contract, name, AVRO),
        "JSON, as generated": lambda name: variant(contract, name, JSON).as_json(),
        "Avro, generated, history": lambda name: variant(contract, name, AVRO, history=True),
    }
    figures = interleave({name: race.candidate(name, way) for name, way in ways.items()}, rounds)
    warehouse.close()
    report("G4 one consumer, rate", "rows/s", figures, "Avro, one direct view")
    report("G4 the same, beside JSON in an equal table", "rows/s", figures, "JSON, as generated")
    report("G4 one consumer, processor time", "µs/row", race.cpu, "Avro, one direct view")


def _consumers(bench: Bench, rows: int, rounds: int) -> None:
    contract = bench.contract("commits")
    with _engine_of_its_own(bench) as (endpoints, process):
        warehouse = Warehouse(endpoints)
        for statement in statements((bench.project.ddl / "databases.sql").read_text()):
            warehouse.run(statement.sql)
        race = Race("consumers", rows, warehouse, endpoints, process)
        ways: dict[str, Callable[[str], Variant]] = {
            "1 consumer": lambda name: variant(contract, name, AVRO),
            "2 consumers": lambda name: variant(contract, name, AVRO).with_consumers(2),
        }
        runs = {name: race.candidate(name, way) for name, way in ways.items()}
        figures = interleave(runs, rounds)
        warehouse.close()
    report("G4 consumers, without static membership", "rows/s", figures, "1 consumer")


@contextmanager
def _engine_of_its_own(bench: Bench) -> Iterator[tuple[Endpoints, psutil.Process]]:
    """Run an engine whose consumers have no name of their own, so that a group can have two."""
    with tempfile.TemporaryDirectory(prefix="contractline-bench-engine-") as name:
        folder, port = Path(name), any_free()
        users = folder / "users.xml"
        users.write_text(render_users([starter(), admin(PASSWORD)]))
        (folder / "config.xml").write_text(render_config(folder / "data", users, port))
        library = Library.of(environment()).provide(lambda arrived: None, lambda: None)
        options = (f"--config={folder / 'config.xml'}", f"--data={folder / 'data'}")
        argv = [sys.executable, "-m", "contractline.server", str(library), *options]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            url = f"http://admin:{PASSWORD}@{LOOPBACK}:{port}"
            wait_until(lambda: answers(url), "the second engine")
            yield (
                bench.endpoints.model_copy(update={"clickhouse_url": url}),
                psutil.Process(process.pid),
            )
        finally:
            process.terminate()
            process.wait()


def as_json(record: Record) -> bytes:
    """Return a commit as a JSON object, with times as ClickHouse reads them."""
    shown: dict[str, Any] = dict(record)
    for name in TIMES:
        if shown[name] is not None:
            moment = EPOCH + timedelta(microseconds=shown[name])
            shown[name] = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return json.dumps(shown, separators=(",", ":")).encode()
