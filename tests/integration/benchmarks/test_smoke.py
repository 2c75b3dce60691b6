"""Each benchmark once, with one small round: that it runs and prints its figures, not what they are."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import benchmarks
from benchmarks.running import Bench, apply_everything
from tests.fixtures.stack import RunningStack, running

NAMES = sorted(
    module.name.removeprefix("bench_")
    for module in pkgutil.iter_modules(benchmarks.__path__)
    if module.name.startswith("bench_")
)
SMALL = {
    "bulk": ("--rows", "300000", "--rounds", "1"),
    "cdc": ("--seconds", "1", "--rate", "20", "--singles", "1", "--rounds", "1"),
    # More rows than a block holds, or there is no rate.
    "engine": ("--rows", "300000", "--rounds", "1"),
    "freshness": ("--seconds", "1", "--rates", "50", "--rounds", "1"),
    "gate": ("--contracts", "5", "--rounds", "1"),
    "git": ("--commits", "200", "--rounds", "1"),
    "git_scale": (
        *("--commits", "500", "--rounds", "1", "--kills", "1"),
        *("--repositories", "2", "--seen", "1"),
    ),
    "page": ("--commits", "4", "--readers", "3", "--seconds", "1", "--paints", "1"),
    "producer": ("--rounds", "1"),
    "reports": (
        *("--commits", "2000", "--people", "20", "--identities", "200"),
        *("--rate", "50", "--rounds", "1", "--sets", "2", "--question", "commits_by_team"),
    ),
    "stack": ("--starts", "0", "--kills", "0", "--rest", "0"),
    "webhook": ("--rate", "5", "--seconds", "2"),
}
PRINTED = {
    "bulk": ("G7 300,000 commits", "rebuild", "Kafka engine"),
    "cdc": ("G5 committed to visible at 20 changes/s, p99", "one change on a quiet table"),
    "engine": ("G4 one consumer, rate", "Avro, generated, history", "2 consumers"),
    "freshness": ("G3 acknowledged to visible at 50/s, p99", "default flush"),
    "gate": ("check, 5 contracts", "prove, this checkout", "Apache avro alone"),
    "git": ("commits with line counts", "contractline, 2 processes, to Kafka"),
    "git_scale": ("goal: ", "500 are there", "a new commit is acknowledged after"),
    "page": ("acknowledged to the reader of the events: median", "3 readers: "),
    "producer": ("contractline", "AvroSerializer, use.latest.version", "goal: contractline"),
    "reports": (
        "2,000 commits are there",
        "commits_by_team",
        "90 days, today: ms, median and p95 of 1",
    ),
    "stack": ("G9 first start", "G9 memory after", "G9 stop"),
    "webhook": ("commits, each once", "goal: p99 at most"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One stack for all of them; each makes what it measures under names of its own."""
    with running(tmp_path_factory.mktemp("bench") / "project") as stack:
        bench = Bench(stack.stack)
        apply_everything(bench)
        yield bench


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], str]:
    """Run a benchmark as `python -m benchmarks NAME …` does, on the shared stack."""

    def main(name: str) -> str:
        module = importlib.import_module(f"benchmarks.bench_{name}")
        if hasattr(module, "running_stack"):
            shared = request.getfixturevalue("bench")
            monkeypatch.setattr(module, "running_stack", lambda: given(shared))
        monkeypatch.setattr(sys, "argv", [f"python -m benchmarks {name}", *SMALL[name]])
        module.main()
        return str(capsys.readouterr().out)

    return main


@contextmanager
def given(bench: RunningStack) -> Iterator[RunningStack]:
    yield bench


@pytest.mark.timeout(900)  # two workers share two cores
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_prints_its_figures(name, run):
    printed = run(name)
    assert [words for words in PRINTED[name] if words not in printed] == []


def test_every_benchmark_has_a_small_run():
    assert set(NAMES) == set(SMALL) == set(PRINTED)
