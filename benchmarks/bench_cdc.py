"""G5: from committed in PostgreSQL to visible in ClickHouse, beside all default intervals."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.measure import ROUNDS, percentile, report
from benchmarks.running import Bench, running_stack, wait_until
from benchmarks.streams import DATABASE, make_topics, variant
from benchmarks.visible import Watch
from contractline.clickhouse.ddl import flush_interval
from contractline.clients.connect import Connect

OURS, DEFAULTS = "generated", "all defaults"
CONNECTOR, BESIDE = "postgres", "defaults"
TABLE = "public.github_users"
PERSON = "Bench"

# What the product sets for speed or for contracts, and what the connector beside goes without.
UNSET = (
    "poll.interval.ms",
    "max.batch.size",
    "max.queue.size",
    "heartbeat.interval.ms",
    "heartbeat.action.query",
    "topic.heartbeat.prefix",
    "signal.data.collection",
    "signal.enabled.channels",
)
_SHOWN = (
    "SELECT user_name, max(toUInt64OrZero(position)) FROM {table}"
    f" WHERE user_name = '{PERSON}' GROUP BY user_name"
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="how long a round changes")
    parser.add_argument("--rate", type=float, default=50, help="changes/s")
    parser.add_argument("--singles", type=int, default=5, help="single changes of a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with running_stack() as bench, _beside(bench) as beside:
        contract = bench.contract("github_users")
        assert contract.sink is not None
        changes = Changes(bench, {OURS: contract.sink.current, DEFAULTS: beside})
        changes.settle()
        flush = flush_interval(contract).total_seconds() * 1000
        print(f"generated: flush interval {flush:.0f} ms, poll interval {_poll(bench)} ms")
        print("all defaults: flush interval 7500 ms, poll interval 500 ms")
        stream = f"G5 committed to visible at {options.rate:g} changes/s"
        single = "G5 committed to visible, one change on a quiet table"
        figures: dict[str, dict[str, list[float]]] = {}
        for _ in range(options.rounds):
            steady = changes.steady(options.rate, options.seconds)
            _add(figures, {f"{stream}, p50": 0.5, f"{stream}, p99": 0.99}, steady)
            _add(figures, {f"{single}, p50": 0.5}, changes.singles(options.singles))
        changes.close()
        for title, columns in figures.items():
            report(title, "ms", columns, DEFAULTS)


class Changes:
    """Changes one row, each time in a transaction of its own, and tells how long each took."""

    def __init__(self, bench: Bench, tables: dict[str, str]) -> None:
        self._bench = bench
        self._tables = tables
        self._number = 0
        self._database = psycopg.connect(bench.endpoints.need("postgres_dsn"), autocommit=True)
        self._database.execute(
            "INSERT INTO public.github_users (user_name, position, team) VALUES (%s, '0', 'bench')",
            (PERSON,),
        )

    def close(self) -> None:
        """Let the connection go."""
        self._database.close()

    def settle(self) -> None:
        """Make a first change and wait until both tables show it."""
        with self._watching() as watches:
            self._change()
            self._wait(watches)

    def steady(self, rate: float, seconds: float) -> dict[str, list[float]]:
        """Make changes at a rate; return the seconds that each took, by table."""
        with self._watching() as watches:
            began = time.monotonic()
            committed = {}
            for count in range(int(rate * seconds)):
                time.sleep(max(0.0, began + count / rate - time.monotonic()))
                committed[self._change()] = time.monotonic()
            self._wait(watches)
        return _latencies(watches, committed)

    def singles(self, count: int) -> dict[str, list[float]]:
        """Make single changes, each after both tables showed the one before and a pause."""
        chance = random.Random(count)
        committed = {}
        with self._watching() as watches:
            for _ in range(count):
                # Out of step with the intervals, which waiting for the last one fell in with.
                time.sleep(chance.uniform(1, 2))
                committed[self._change()] = time.monotonic()
                self._wait(watches)
        return _latencies(watches, committed)

    def _change(self) -> int:
        self._number += 1
        self._database.execute(
            "UPDATE public.github_users SET position = %s WHERE user_name = %s",
            (str(self._number), PERSON),
        )
        return self._number

    @contextmanager
    def _watching(self) -> Iterator[dict[str, Watch]]:
        watches = {
            name: Watch(self._bench.endpoints, _SHOWN.format(table=table))
            for name, table in self._tables.items()
        }
        with watches[OURS], watches[DEFAULTS]:
            yield watches

    def _wait(self, watches: dict[str, Watch]) -> None:
        last = {PERSON: self._number}
        wait_until(lambda: all(w.shows(last) for w in watches.values()), "the last change")


@contextmanager
def _beside(bench: Bench) -> Iterator[str]:
    """Run a second connector with Debezium's intervals into a queue with ClickHouse's."""
    topic = f"{BESIDE}.{TABLE}"
    make_topics(bench.endpoints, [topic], 1)
    with Connect(bench.endpoints) as connect:
        config = dict(connect.connectors()[CONNECTOR].config)
        config = {name: value for name, value in config.items() if name not in UNSET}
        config |= {
            "topic.prefix": BESIDE,
            "slot.name": BESIDE,
            "table.include.list": TABLE,
            "message.key.columns": f"{TABLE}:user_name",
            "column.include.list": rf"{TABLE}\..*",
            # Its names are not under contract.
            "key.converter.auto.register.schemas": "true",
            "value.converter.auto.register.schemas": "true",
        }
        connect.configure(BESIDE, config)
    # The contract keeps both tables of the stream, so this one has both too.
    way = variant(bench.contract("github_users"), BESIDE, topic, history=True).with_default_flush()
    warehouse = bench.warehouse()
    way.make(warehouse, bench.endpoints)
    warehouse.close()
    yield f"{DATABASE}.{BESIDE}"


def _poll(bench: Bench) -> str:
    with Connect(bench.endpoints) as connect:
        return connect.connectors()[CONNECTOR].config["poll.interval.ms"]


def _latencies(watches: dict[str, Watch], committed: dict[int, float]) -> dict[str, list[float]]:
    return {
        name: [watch.seen_at(PERSON, number) - at for number, at in committed.items()]
        for name, watch in watches.items()
    }


def _add(
    figures: dict[str, dict[str, list[float]]],
    titles: dict[str, float],
    latencies: dict[str, list[float]],
) -> None:
    """Add a round's percentiles, in milliseconds, to the figures of their titles."""
    for title, share in titles.items():
        columns = figures.setdefault(title, {name: [] for name in latencies})
        for name, seconds in latencies.items():
            columns[name].append(percentile(seconds, share) * 1000)
