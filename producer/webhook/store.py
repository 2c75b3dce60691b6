"""What must outlive the process.

Deliveries that Kafka has not acknowledged, the ids of those that it has, and what is still to be
asked for at GitHub. It is one SQLite file, whose journal is written ahead and survives the end of
the process at any point; a power cut can cost what came in the last moment, which was not answered
with success.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from contractline.errors import ContractlineError

KEPT_IDS = 1_000_000
"""How many ids of acknowledged deliveries are remembered; GitHub redelivers for three days."""

_TRIM_EVERY = 10_000

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS acknowledged (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body BLOB NOT NULL, since REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS spans (
    number INTEGER PRIMARY KEY AUTOINCREMENT, repository TEXT NOT NULL, full_name TEXT NOT NULL,
    ref TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, is_forced INTEGER NOT NULL
);
"""


class StoreUnusable(ContractlineError):
    """When the file of waiting deliveries can't be read or written."""

    def __init__(self, file: Path, problem: Exception) -> None:
        super().__init__(
            f"{file}: can't keep deliveries there: {problem}",
            hint="make room, or name another file with --queue",
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A delivery that waits on disk."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """Commits to be asked for: what `after` has and `before` has not.

    Attributes:
        number: rises with each span.
        repository: the canonical name.
        full_name: the name at GitHub.
        ref: the full name of the ref that was pushed.
        before: a full hash, or the name of a branch.
        after: a full hash.
        is_forced: whether the push rewrote the history, so that `before` may hold what is lost.
    """

    number: int
    repository: str
    full_name: str
    ref: str
    before: str
    after: str
    is_forced: bool = False


class Store:
    """Keeps deliveries on disk; used from several threads.

    Raises:
        StoreUnusable: the file can't be made or opened; every method raises it too.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._added = 0
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Payloads hold names and addresses.
            file.touch(mode=0o600)
            self._database = sqlite3.connect(file, check_same_thread=False)
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as problem:
            raise StoreUnusable(file, problem) from problem

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def is_acknowledged(self, delivery_id: str) -> bool:
        """Tell whether a delivery was acknowledged by Kafka before."""
        query = "SELECT 1 FROM acknowledged WHERE id = ?"
        return bool(self._rows(query, (delivery_id,)))

    def keep(self, delivery_id: str, body: bytes) -> None:
        """Keep a delivery until it is acknowledged."""
        insert = "INSERT OR IGNORE INTO waiting (id, body, since) VALUES (?, ?, ?)"
        self._write((insert, [(delivery_id, body, time.time())]))

    def acknowledge(self, ids: Iterable[str], spans: Iterable[Span] = ()) -> None:
        """Note that Kafka has deliveries for good, and what to ask for because of them.

        The numbers of the spans are made here.
        """
        given = [(delivery_id,) for delivery_id in ids]
        self._added += len(given)
        steps: list[tuple[str, Sequence[tuple[object, ...]]]] = [
            ("INSERT OR IGNORE INTO acknowledged (id) VALUES (?)", given),
            ("DELETE FROM waiting WHERE id = ?", given),
            (
                "INSERT INTO spans (repository, full_name, ref, before, after, is_forced) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [astuple(span)[1:] for span in spans],
            ),
        ]
        if self._added >= _TRIM_EVERY:
            self._added = 0
            trim = "DELETE FROM acknowledged WHERE number <= (SELECT max(number) - ? FROM acknowledged)"
            steps.append((trim, [(KEPT_IDS,)]))
        self._write(*steps)

    def waiting(self, most: int) -> list[Kept]:
        """Return the deliveries that have waited longest."""
        query = "SELECT id, body FROM waiting ORDER BY number LIMIT ?"
        return [Kept(*row) for row in self._rows(query, (most,))]

    def waiting_count(self) -> int:
        """Return how many deliveries wait."""
        return int(self._rows("SELECT count(*) FROM waiting", ())[0][0])

    def spans(self, most: int) -> list[Span]:
        """Return the oldest spans."""
        query = (
            "SELECT number, repository, full_name, ref, before, after, is_forced FROM spans "
            "ORDER BY number LIMIT ?"
        )
        return [_span(*row) for row in self._rows(query, (most,))]

    def settle(self, numbers: Iterable[int]) -> None:
        """Forget spans whose commits are acknowledged, or can't be had."""
        self._write(("DELETE FROM spans WHERE number = ?", [(n,) for n in numbers]))

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Any]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.Error as problem:
            raise StoreUnusable(self._file, problem) from problem

    def _write(self, *steps: tuple[str, Sequence[tuple[object, ...]]]) -> None:
        try:
            with self._lock, self._database:
                for statement, values in steps:
                    self._database.executemany(statement, values)
        except sqlite3.Error as problem:
            raise StoreUnusable(self._file, problem) from problem


def _span(
    number: int, repository: str, full_name: str, ref: str, before: str, after: str, is_forced: int
) -> Span:
    return Span(number, repository, full_name, ref, before, after, bool(is_forced))
