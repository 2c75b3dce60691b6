"""Streaming a history: commits in an order in which parents come first, line counts included.

Counting lines is nearly all of the work (git compares every file of every commit), so several git
processes do it side by side, each over the next stretch of the history. Stretches are given in
order: whatever was given, all its ancestors were given before.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import IO

from producer.commit import Record, now_micros
from producer.git.command import Git, GitFailed
from producer.git.parse import FORMAT, LogUnreadable, read_log

SOURCE = "git"

STRETCH = 2000
"""Commits that one git process counts, at most: so many that its start and its empty caches cost
little. The first stretches are shorter, so that the first records come soon.
"""

FIRST_STRETCH = 250

_ORDER = ("rev-list", "--topo-order", "--reverse", "--stdin")

# Each option fixes what a configuration file could change.
_LINES = (
    "log",
    "--stdin",
    "--no-walk=unsorted",
    f"--format={FORMAT}",
    "-z",
    "--numstat",
    "--diff-merges=first-parent",
    "--root",
    "--find-renames",
    "-l1000",
    "--diff-algorithm=myers",
    "--encoding=UTF-8",
    "--ignore-submodules=none",
    "--submodule=short",
    "--no-color",
    "--no-decorate",
    "--no-ext-diff",
    "--no-notes",
    "--no-relative",
    "--no-show-signature",
    "--no-textconv",
)


class GitHistory:
    """Reads the commits of a repository, with several git processes.

    Args:
        git: the repository.
        repository: its canonical name.
        workers: how many processes count lines at a time.
    """

    def __init__(self, git: Git, repository: str, *, workers: int) -> None:
        self._git = git
        self._repository = repository
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="git-lines")
        self._counting = ThreadPoolExecutor(1, thread_name_prefix="git-count")
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> GitHistory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every git process."""
        with self._lock:
            self._closed = True
            running = tuple(self._running)
        for process in running:
            process.kill()
        for pool in (self._pool, self._counting):
            pool.shutdown(cancel_futures=True)

    def count(self, tips: Sequence[str], known: Sequence[str]) -> Future[int]:
        """Return how many commits :meth:`read` will give, once it is known."""
        return self._counting.submit(self._count, _range(tips, known))

    def read(self, tips: Sequence[str], known: Sequence[str]) -> Iterator[list[Record]]:
        """Give the commits that the tips reach and the known commits don't, parents first.

        Raises:
            GitFailed: the repository can't be read.
        """
        cut = self.cut()
        waiting: deque[Future[list[Record]]] = deque()
        for stretch in self._stretches(tips, known):
            waiting.append(self._pool.submit(self._read, stretch, cut))
            if len(waiting) > self._workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def cut(self) -> frozenset[str]:
        """Return the commits whose parents a shallow clone does not hold."""
        git_dir = self._git.text("rev-parse", "--git-path", "shallow")
        try:
            return frozenset((self._git.path / git_dir).read_text().split())
        except FileNotFoundError:
            return frozenset()

    def _stretches(self, tips: Sequence[str], known: Sequence[str]) -> Iterator[list[str]]:
        process, stdin, stdout, stderr = self._start(*_ORDER)
        try:
            stdin.write(_given(_range(tips, known)))
            stdin.close()
            size = min(FIRST_STRETCH, STRETCH)
            while stretch := [line.decode().strip() for line in islice(stdout, size)]:
                yield stretch
                size = min(size * 2, STRETCH)
            words = stderr.read()
            if process.wait():
                raise self._git.failure(_ORDER[0], words, process.returncode)
        finally:
            self._end(process)

    def _count(self, given: Sequence[str]) -> int:
        process, *_ = self._start("rev-list", "--count", "--stdin")
        try:
            output, _ = process.communicate(_given(given))
        finally:
            self._end(process)
        return int(output or 0)

    def _read(self, stretch: Sequence[str], cut: frozenset[str]) -> list[Record]:
        process, *_ = self._start(*_LINES)
        try:
            output, words = process.communicate(_given(stretch))
        finally:
            self._end(process)
        if process.returncode:
            raise self._git.failure(_LINES[0], words, process.returncode)
        found = read_log(
            output, repository=self._repository, source=SOURCE, produced_at=now_micros()
        )
        try:
            records = list(found)
        except LogUnreadable as problem:
            raise GitFailed(_LINES[0], str(self._git.path), str(problem)) from problem
        for record in records:
            if record["commit_id"] in cut:
                self._mend(record)
        return records

    def _mend(self, record: Record) -> None:
        """Give a commit at the edge of a shallow clone its recorded parents.

        git shows it without parents and counts all its files as added.
        """
        head, _, _ = self._git.text("cat-file", "commit", record["commit_id"]).partition("\n\n")
        lines = (line.partition(" ") for line in head.split("\n"))
        record["parents"] = [value for name, _, value in lines if name == "parent"]
        if record["parents"]:
            record["additions"] = record["deletions"] = record["changed_files"] = None

    def _start(
        self, *arguments: str
    ) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes], IO[bytes]]:
        with self._lock:
            if self._closed:
                raise GitFailed(arguments[0], str(self._git.path), "was stopped")
            process = self._git.start(*arguments)
            self._running.add(process)
        if not (process.stdin and process.stdout and process.stderr):
            raise GitFailed(arguments[0], str(self._git.path), "has no pipes")
        return process, process.stdin, process.stdout, process.stderr

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        with process:
            self._running.discard(process)


def _range(tips: Sequence[str], known: Sequence[str]) -> list[str]:
    return [*tips, *(f"^{commit}" for commit in known)]


def _given(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
