"""How long each question takes over ten million commits, as `contractline ask` asks it."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from benchmarks.measure import percentile
from benchmarks.organisation import Organisation
from benchmarks.running import Bench, running_stack
from contractline.clients.clickhouse import Warehouse
from contractline.errors import ServiceUnavailable
from contractline.reports.answer import ask
from contractline.reports.load import LoadedQuestion, load_reports
from contractline.reports.model import Filters
from contractline.reports.render import render
from contractline.reports.selection import selection_of
from tests.fixtures.stack import REPOSITORY

GOAL_MS = 300

FILTERS: Mapping[str, Mapping[str, list[str]]] = {
    "90 days": {},
    "90 days, today": {"as_of": ["today"]},
    "90 days, a team": {"team": ["Team 7"]},
    "90 days, a repository": {"repository": ["organisation/repository-0"]},
    "a year, bots too": {"period": ["365d"], "bots": ["on"]},
    "all": {"period": ["all"]},
}
"""The filter sets: the first is what a reader sees who chooses nothing."""


def main() -> None:
    """Print the table."""
    options = _options()
    with running_stack() as bench:
        with closing(bench.warehouse()) as warehouse:
            began = time.monotonic()
            Organisation(options.commits, options.people, options.identities).fill(warehouse)
            print(f"{options.commits:,} commits are there after {time.monotonic() - began:.0f} s")
        url = bench.exports["CLICKHOUSE_REPORTS_URL"]
        endpoints = bench.endpoints.model_copy(update={"clickhouse_url": url})
        reports = load_reports(bench.project)
        chosen = options.question or sorted(reports.questions)
        with closing(Warehouse(endpoints)) as warehouse, _flow(bench, options.rate):
            for label, given in list(FILTERS.items())[: options.sets]:
                print(f"\n{label}: ms, median and p95 of {options.rounds}; goal {GOAL_MS}")
                for name in chosen:
                    question = reports.question(name)
                    times = _times(warehouse, question, reports.filters, given, options.rounds)
                    print(f"  {name:<24}{_figures(times)}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=10_000_000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--identities", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2_000, help="commits/s that arrive; 0 for none")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--sets", type=int, default=len(FILTERS), help="filter sets, the first ones"
    )
    parser.add_argument("--question", nargs="+", help="only these questions")
    return parser.parse_args()


@contextmanager
def _flow(bench: Bench, rate: int) -> Iterator[None]:
    """Let commits arrive through Kafka while questions are asked."""
    if not rate:
        yield
        return
    # A process of its own, as it is for users: the questions don't share an interpreter with it.
    command = [sys.executable, "-m", "producer", "--source", "fake", "--follow"]
    process = subprocess.Popen(
        [*command, "--rate", str(rate), "--project", str(bench.project.root)],
        cwd=REPOSITORY,
        env=bench.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        if process.poll() is not None:
            raise SystemExit(f"the producer ended by itself with exit code {process.returncode}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _times(
    warehouse: Warehouse,
    question: LoadedQuestion,
    filters: Filters,
    given: Mapping[str, list[str]],
    rounds: int,
) -> list[float] | str:
    """Return the milliseconds of each round, or why ClickHouse refused."""
    times = []
    for _ in range(rounds):
        query = render(question, filters, selection_of(filters, given))
        try:
            times.append(ask(warehouse, query).seconds * 1000)
        except ServiceUnavailable as problem:
            return " ".join(str(problem).split())[:100]
    return times


def _figures(times: list[float] | str) -> str:
    if isinstance(times, str):
        return times
    p95 = percentile(times, 0.95)
    missed = "" if p95 <= GOAL_MS else "  missed"
    return f"{percentile(times, 0.5):8,.0f}{p95:8,.0f}{missed}"
