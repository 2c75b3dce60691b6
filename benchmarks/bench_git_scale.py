"""git at scale: a long history, a producer that is killed, and hundreds of repositories followed.

A repository of 100,000 commits is made with ``git fast-import``. Measured are the reader against
plain ``git log --numstat -z`` (round by round), the memory of a whole run to Kafka, what SIGKILL
costs, and how soon a new commit of one of many repositories is acknowledged.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.bench_git import BASELINE, ONE, TWO, git_alone, read_all
from benchmarks.measure import Spread, interleave, ratios, report
from benchmarks.running import Bench, running_stack, wait_until
from contractline.settings import environment
from tests.fixtures.stack import REPOSITORY
from tests.integration.producer.running import Log

FILES = 400
LINES = 60
SETTLE_SECONDS = 2.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=100_000, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of reading (%(default)s)")
    parser.add_argument("--kills", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--repositories", type=int, default=300, help="followed (%(default)s)")
    parser.add_argument("--seen", type=int, default=20, help="new commits (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack() as bench:
        path = Path(folder) / "long.git"
        made = _make(path, options.commits)
        print(f"{options.commits:,} commits made in {made:.0f} s")
        _compare(path, options.commits, options.rounds)
        _killed(bench, path, options.commits, options.kills)
        _followed(bench, Path(folder), options.repositories, options.seen)


def _compare(path: Path, commits: int, rounds: int) -> None:
    figures = interleave(
        {
            BASELINE: lambda: commits / _seconds(lambda: git_alone(path, commits)),
            ONE: lambda: commits / _seconds(lambda: read_all(path, 1)),
            TWO: lambda: commits / _seconds(lambda: read_all(path, 2)),
        },
        rounds,
    )
    report(f"Read {commits:,} commits with line counts", "commits/s", figures, BASELINE)
    print(f"  goal: {ONE} at least x0.85 {BASELINE}: x{ratios(figures, ONE, BASELINE).text()}")


def _killed(bench: Bench, path: Path, commits: int, kills: int) -> None:
    """Kill a run again and again at any moment, then let it end."""
    name = f"bench/killed-{time.time_ns()}"
    log = Log(bench.endpoints)
    before = log.written()
    peak = 0.0
    for number in range(kills):
        with _producing(bench, [path], "--name", name) as (process, memory):
            last = log.written()
            wait_until(lambda last=last: log.written() > last, "the first commits")  # type: ignore[misc]
            time.sleep(random.uniform(0.0, 6.0))
            process.send_signal(signal.SIGKILL)
            process.wait()
            peak = max(peak, memory())
            print(f"killed {number + 1} of {kills}: {log.written() - before:,} sent so far")
    began = time.monotonic()
    with _producing(bench, [path], "--name", name) as (process, memory):
        out, _ = process.communicate()
        peak = max(peak, memory())
    print(f"the last run went on for {time.monotonic() - began:.1f} s: {out.strip()}")
    sent = log.written() - before
    _wait_for_rows(bench, name, commits)
    print(f"all {commits:,} are there; {sent - commits:,} were sent again after {kills} kills")
    print(f"peak memory of the producer and its git processes: {peak:.0f} MB (goal: 300)")


def _followed(bench: Bench, folder: Path, number: int, seen: int) -> None:
    paths = [folder / f"repo{n}" for n in range(number)]
    for path in paths:
        _make(path, 3)
    log = Log(bench.endpoints)
    before = log.written()
    latencies: list[float] = []
    with _producing(bench, paths, "--follow") as (process, memory):
        wait_until(lambda: log.written() >= before + 3 * number, "the histories")
        time.sleep(SETTLE_SECONDS)
        busy = psutil.Process(process.pid).cpu_times()
        time.sleep(10)
        now = psutil.Process(process.pid).cpu_times()
        spent = now.user + now.system + now.children_user + now.children_system
        spent -= busy.user + busy.system + busy.children_user + busy.children_system
        for _ in range(seen):
            last = log.written()
            _commit(random.choice(paths))
            began = time.monotonic()
            wait_until(lambda last=last: log.written() > last, "the new commit")  # type: ignore[misc]
            latencies.append(time.monotonic() - began)
            time.sleep(random.uniform(0.1, 0.5))
        peak = memory()
        process.send_signal(signal.SIGTERM)
        process.communicate()
    print(f"\n{number} repositories followed, at rest: {spent * 10:.1f} % of a core, {peak:.0f} MB")
    print(f"a new commit is acknowledged after {Spread.of(latencies).text()} s (goal: 1)")


@contextmanager
def _producing(
    bench: Bench, paths: Sequence[Path], *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], Callable[[], float]]]:
    """Run the producer while the context lasts; also give its peak memory so far, in MB."""
    command = [sys.executable, "-m", "producer", "--source", "git", *arguments]
    command += ["--repository", *map(str, paths)]
    process = subprocess.Popen(
        [*command, "--project", str(bench.project.root)],
        cwd=REPOSITORY,
        env=bench.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peak, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], _memory(process.pid))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield process, lambda: peak[0]
    finally:
        over.set()
        looking.join()
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _memory(pid: int) -> float:
    """Return the memory of a process and its children, shared pages once, in MB."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    total = 0
    for member in family:
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1e6


def _wait_for_rows(bench: Bench, name: str, number: int) -> None:
    warehouse = bench.warehouse()
    question = (
        f"SELECT count(), uniqExact(commit_id) FROM reporting.commits WHERE repository = '{name}'"
    )
    wait_until(lambda: list(warehouse.rows(question)) == [(number, number)], "every commit")
    warehouse.close()


def _make(path: Path, commits: int) -> float:
    """Make a repository with git fast-import, and return how long it took."""
    began = time.monotonic()
    _git(path.parent, "init", "-q", "--bare", "-b", "main", str(path))
    process = subprocess.Popen(
        ["git", "-C", str(path), "fast-import", "--quiet"], stdin=subprocess.PIPE
    )
    assert process.stdin
    for part in _history(commits):
        process.stdin.write(part)
    process.stdin.close()
    if process.wait():
        raise SystemExit("git fast-import failed")
    return time.monotonic() - began


def _history(commits: int) -> Iterator[bytes]:
    """Give a stream for fast-import: files that change a little, a merge now and then."""
    chance = random.Random(1)
    files = [[f"line {k} of file {n}" for k in range(LINES)] for n in range(FILES)]
    for number in range(1, commits + 1):
        merges = number % 20 == 0
        yield f"commit refs/heads/main\nmark :{number}\n".encode()
        yield f"committer Dev {number % 50} <dev{number % 50}@x.org> {10**9 + number} +0000\n".encode()
        message = f"change {number}\n\nWhat it is about, in a few words.\n"
        yield f"data {len(message)}\n{message}".encode()
        if number > 1:
            yield f"from :{number - 1}\n".encode()
        if merges:
            yield f"merge :{number - 10}\n".encode()
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(FILES)
            lines = files[place]
            lines[chance.randrange(LINES)] = f"changed by {number}"
            content = "\n".join(lines)
            yield f"M 100644 inline src/part{place % 20}/file{place}\n".encode()
            yield f"data {len(content)}\n{content}\n".encode()


def _commit(path: Path) -> None:
    """Add an empty commit, as a push to a bare repository would."""
    tree = _git(path, "rev-parse", "main^{tree}")
    made = _git(path, "commit-tree", tree, "-p", "main", "-m", "new")
    _git(path, "update-ref", "refs/heads/main", made)


def _git(path: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "bench@x.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ["git", "-C", str(path), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**environment(), **identity},
    ).stdout.strip()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
