"""Goal G2: reading a history with line counts, beside git itself and other readers.

The baseline is plain ``git log --numstat -z``, merges counted against their first parent, its
output thrown away: the least that must be done. Without ``--repository`` a history is generated.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from random import Random

from benchmarks.measure import ROUNDS, interleave, ratios, report
from benchmarks.running import Bench, running_stack
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.kafka.encode import StreamEncoder
from contractline.kafka.produce import Delivery
from contractline.project import Project
from producer.commit import Record
from producer.git.command import Git
from producer.git.history import GitHistory
from producer.sources.invention import World
from producer.sources.people import USERS_FILE

GENERATED_COMMITS = 6000
GENERATED_FILES = 300
SLOW_COMMITS = 200
"""As many as a reader gets that starts a git process for each commit."""

BASELINE = "git log --numstat -z"
ONE, TWO = "contractline, 1 process", "contractline, 2 processes"
KAFKA = "contractline, 2 processes, to Kafka"

Reader = Callable[[], int]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", type=Path)
    parser.add_argument("--commits", type=int, default=GENERATED_COMMITS, help="to generate")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        _print_peak(options.repository, options.peak)
        return
    with _repository(options.repository, options.commits) as path, running_stack() as bench:
        total = int(Git(path).text("rev-list", "--count", "HEAD"))
        readers = {
            BASELINE: lambda: git_alone(path, total),
            ONE: lambda: read_all(path, 1),
            TWO: lambda: read_all(path, 2),
            KAFKA: lambda: _to_kafka(path, bench),
        } | _others(path)
        busy: dict[str, list[float]] = defaultdict(list)
        timed = {name: _timed(reader, busy[name]) for name, reader in readers.items()}
        figures = interleave(timed, options.rounds)
    report(f"Read {total:,} commits with line counts", "commits/s", figures, BASELINE)
    report("Processor time of the same rounds, git's included", "us a commit", busy, BASELINE)
    for one, other, goal in (
        (ONE, BASELINE, 0.85),
        (ONE, "Perceval", 2.2),
        (ONE, "GitPython", 20),
        (TWO, ONE, 1.4),
        (KAFKA, TWO, 0.85),
    ):
        if other in figures:
            print(f"  goal: {one} at least x{goal} {other}: x{ratios(figures, one, other).text()}")
    _report_memory(options.repository, options.commits)


def _timed(reader: Reader, busy: list[float]) -> Callable[[], float]:
    """Return what gives commits a second, and keeps the processor time of each."""

    def run() -> float:
        began, busy_before = time.perf_counter(), _busy()
        number = reader()
        busy.append((_busy() - busy_before) / number * 1_000_000)
        return number / (time.perf_counter() - began)

    return run


def _busy() -> float:
    """Return the processor seconds of this process and of those that it has waited for."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def git_alone(path: Path, total: int) -> int:
    """Let git count the lines of a history, its output thrown away; return its commits."""
    command = ("git", "-C", str(path), "log", "--numstat", "-z", "--diff-merges=first-parent")
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return total


def read_all(path: Path, workers: int) -> int:
    """Read a history with our reader, and return its commits."""
    return sum(map(len, _stretches(path, workers)))


def _stretches(path: Path, workers: int) -> Iterator[list[Record]]:
    with GitHistory(Git(path), "bench/git", workers=workers) as history:
        yield from history.read(["HEAD"], ())


def _to_kafka(path: Path, bench: Bench) -> int:
    contract: Contract = bench.contract("commits")
    endpoints = bench.endpoints
    with (
        Registry(endpoints.need("schema_registry_url")) as registry,
        Delivery(endpoints.need("kafka_bootstrap_servers"), print) as delivery,
    ):
        channel = delivery.channel(StreamEncoder(contract, registry))
        for records in _stretches(path, 2):
            channel.send_all(records, lambda record, mistake, version: None)
            delivery.poll()
        delivery.flush()
        return channel.taken


def _others(path: Path) -> dict[str, Reader]:
    if not (find_spec("perceval") and find_spec("git")):
        print("Perceval and GitPython are left out: install benchmarks/requirements.lock")
        return {}
    import git
    from perceval.backends.core.git import Git as Perceval
    from perceval.backends.core.git import GitRepository

    branch = Git(path).text("symbolic-ref", "--short", "HEAD")

    def perceval() -> int:
        bare = Git(path).text("rev-parse", "--absolute-git-dir")
        lines = GitRepository(str(path), bare).log(branches=[branch])
        return sum(1 for _ in Perceval.parse_git_log_from_iter(lines))

    def gitpython() -> int:
        commits = git.Repo(path).iter_commits("HEAD", max_count=SLOW_COMMITS)
        return sum(1 for commit in commits if commit.stats.total["lines"] >= 0)

    return {"Perceval": perceval, "GitPython": gitpython}


def _report_memory(path: Path | None, commits: int) -> None:
    """Print the peak memory of reading some commits, and four times as many."""
    with _repository(path, commits) as found:
        total = int(Git(found).text("rev-list", "--count", "HEAD"))
        print("\nPeak memory of reading (2 processes; MiB of ours, of the largest git)")
        for number in (total // 4, total):
            command = [sys.executable, "-m", "benchmarks", "git", "--peak", str(number)]
            out = subprocess.run(
                [*command, "--repository", found], check=True, capture_output=True, text=True
            ).stdout
            ours, largest = json.loads(out)
            print(f"  {number:>8,} commits  {ours:6.0f}  {largest:6.0f}")


def _print_peak(path: Path, number: int) -> None:
    read = 0
    for records in _stretches(path, 2):
        read += len(records)
        if read >= number:
            break
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(json.dumps([resource.getrusage(who).ru_maxrss / 1024 for who in usages]))


@contextmanager
def _repository(given: Path | None, commits: int) -> Iterator[Path]:
    """Give the repository, or a generated one of so many commits."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        git = Git(path)
        git.run("init", "-q", "--bare", "-b", "main")
        process = git.start("fast-import", "--quiet")
        process.communicate(b"".join(_generated(commits)))
        git.run("repack", "-adq")
        yield path


def _generated(commits: int) -> Iterator[bytes]:
    """Give a stream for ``git fast-import``: invented commits over files that grow and change."""
    here = Project.find(Path(__file__).resolve().parent)
    world = World(1, 1, datetime(2026, 1, 5, tzinfo=UTC), here.postgres_sql / USERS_FILE)
    random = Random(1)
    files = [[f"line {k} of {n}" for k in range(80)] for n in range(GENERATED_FILES)]
    for commit in islice(world.commits(), commits):
        message = commit.message.encode()
        yield f"commit refs/heads/main\nauthor {commit.author} {commit.authored} +0000\n".encode()
        yield f"committer {commit.committer} {commit.committed} +0000\n".encode()
        yield b"data %d\n%s\n" % (len(message), message)
        for _ in range(min(commit.lines.files, 8)):
            number = random.randrange(GENERATED_FILES)
            lines = files[number]
            at = random.randrange(len(lines))
            lines[at : at + 3] = [
                f"{commit.commit_id[:9]} {k}" for k in range(random.randint(1, 6))
            ]
            content = "\n".join(lines[-400:]).encode()
            yield f"M 100644 inline src/part{number % 12}/file{number}.py\n".encode()
            yield b"data %d\n%s\n" % (len(content), content)
        yield b"\n"
