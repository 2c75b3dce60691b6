"""Random faults under load: nothing is lost, nothing is there twice, and all of it flows again.

A round sends commits with the producer and changes people in PostgreSQL while services are killed,
stopped or restarted, or all of PostgreSQL's connections break. Afterwards ClickHouse holds exactly what the generator made and PostgreSQL has,
and `contractline status` names no problem. `make chaos SEED=7 ROUNDS=100` goes on for longer; the same
seed draws the same faults.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.errors import ServiceUnavailable
from contractline.settings import environment
from producer.sources.fake import USERS_FILE, FakeSettings, FakeSource
from tests.fixtures.stack import REPOSITORY, RunningStack
from tests.flow.whole import contractline

SEED = int(environment().get("CONTRACTLINE_SEED", "1"))
ROUNDS = int(environment().get("CONTRACTLINE_ROUNDS", "5"))

RATE = 2_000
"""Commits a second."""

CHANGES = 50
"""Changes of people a second."""

LOAD_SECONDS = 6
PATIENCE_SECONDS = 180.0
SERVICES = ("kafka", "registry", "connect", "postgres", "clickhouse", "watch")


@dataclass(frozen=True)
class Fault:
    """What is done to a service, how long after the load began.

    Attributes:
        kind: ``kill`` (SIGKILL), ``pause`` (SIGSTOP, and SIGCONT after some seconds), ``restart``, or
            ``disconnect``: PostgreSQL ends its connections, and both ends live.
    """

    service: str
    kind: str
    after: float
    lasts: float = 0.0

    def __str__(self) -> str:
        lasts = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.kind} {self.service}{lasts} after {self.after:.1f} s"

    def strike(self, stack: RunningStack) -> None:
        if self.kind == "restart":
            stack.restart(self.service)
        elif self.kind == "kill":
            stack.kill(self.service)
        elif self.kind == "disconnect":
            disconnect(stack)
        elif (pid := stack.status(self.service).pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.lasts)
                os.kill(pid, signal.SIGCONT)


def disconnect(stack: RunningStack) -> None:
    """End all connections to PostgreSQL: Debezium's, the registry's and those that change people."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with psycopg.connect(stack.exports["POSTGRES_DSN"], autocommit=True) as connection:
                # Two statements: in one, the server might end this connection before it looks.
                found = connection.execute(
                    "SELECT array_agg(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()"
                    " AND backend_type IN ('client backend', 'walsender')"
                ).fetchone()
                assert found, "an aggregate is one row"
                ended = connection.execute(
                    "SELECT pid FROM unnest(%s::int[]) AS pid WHERE pg_terminate_backend(pid)",
                    found,
                ).fetchall()
        except psycopg.OperationalError:  # a fault before this one may have ended the server
            assert time.monotonic() < end, "PostgreSQL does not answer"
            time.sleep(0.1)
        else:
            assert ended, "nobody was connected to PostgreSQL"
            return


def drawn(number: int) -> list[Fault]:
    """Return the faults of a round, one to three, in their order."""
    random = Random(f"{SEED} {number}")
    faults = []
    for service in random.sample(SERVICES, random.choice((1, 1, 2))):
        kind = random.choice(("kill", "kill", "pause", "restart"))
        lasts = random.uniform(1, 5) if kind == "pause" else 0.0
        faults.append(Fault(service, kind, random.uniform(0.5, LOAD_SECONDS - 1), lasts))
    if random.random() < 0.5:
        faults.append(Fault("postgres", "disconnect", random.uniform(0.5, LOAD_SECONDS - 1)))
    return sorted(faults, key=lambda fault: fault.after)


@dataclass
class People:
    """Changes people in PostgreSQL until told to stop; what was in doubt when it was away too."""

    dsn: str
    made: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> People:
        self._thread = threading.Thread(target=self._change)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join()

    def _change(self) -> None:
        random = Random(SEED)
        while not self._ended.is_set():
            with suppress(psycopg.Error), psycopg.connect(self.dsn, autocommit=True) as connection:
                while not self._ended.wait(1 / CHANGES):
                    name = f"chaos {random.randrange(200)}"
                    if random.random() < 0.1:
                        connection.execute("DELETE FROM github_users WHERE user_name = %s", [name])
                    else:
                        connection.execute(
                            "INSERT INTO github_users (user_name, position, team)"
                            " VALUES (%s, %s, 'chaos') ON CONFLICT (user_name)"
                            " DO UPDATE SET position = excluded.position",
                            [name, f"position {self.made}"],
                        )
                    self.made += 1
            self._ended.wait(0.2)


@pytest.fixture(scope="module")
def filled(stack: RunningStack) -> Iterator[RunningStack]:
    done = contractline(stack, "apply")
    assert done.returncode == 0, done.stdout + done.stderr
    with closing(Warehouse(stack.endpoints)) as warehouse:
        # Other tests wrote them past Kafka, so `verify` would rightly call them extra.
        warehouse.run(
            "DELETE FROM github.commits WHERE _topic = '' SETTINGS lightweight_deletes_sync = 2"
        )
    yield stack
    with psycopg.connect(stack.exports["POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute("DELETE FROM github_users WHERE team = 'chaos'")


def sending(stack: RunningStack, number: int) -> subprocess.Popen[str]:
    """Start the producer with the commits of a round."""
    project = ("--project", str(stack.project.root))
    what = ("--seed", str(SEED * 1_000 + number), "--start", start(number).date().isoformat())
    how = ("--count", str(RATE * LOAD_SECONDS), "--rate", str(RATE), "--json")
    return subprocess.Popen(
        [sys.executable, "-m", "producer", "--source", "fake", *project, *what, *how],
        cwd=REPOSITORY,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(number: int) -> datetime:
    """Return when the history of a round begins: no other test's commits are that late."""
    return datetime(2100, 1, 1, tzinfo=UTC) + timedelta(days=number)


def expected(stack: RunningStack, number: int) -> set[str]:
    settings = FakeSettings(
        Path(stack.project.postgres_sql) / USERS_FILE,
        start=start(number),
        seed=SEED * 1_000 + number,
        count=RATE * LOAD_SECONDS,
    )
    batches = FakeSource(settings).batches({}, threading.Event())
    return {record["commit_id"] for batch in batches for record in batch.records}


def there(stack: RunningStack, ids: set[str]) -> list[str] | None:
    """Return the ids of a round as readers see them; None while ClickHouse is away."""
    try:
        with closing(Warehouse(stack.endpoints)) as warehouse:
            rows = warehouse.rows(
                "SELECT commit_id FROM reporting.commits WHERE source = 'fake'"
                " AND committed_at >= '2100-01-01'"
            )
    except ServiceUnavailable:
        return None
    return [row[0] for row in rows if row[0] in ids]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_round_of_faults_loses_nothing(filled: RunningStack, number: int):
    faults = drawn(number)
    words = f"seed {SEED}, round {number}: {', '.join(map(str, faults))}"
    ids = expected(filled, number)
    with People(filled.exports["POSTGRES_DSN"]) as people:
        producer = sending(filled, number)
        began = time.monotonic()
        for fault in faults:
            time.sleep(max(0.0, began + fault.after - time.monotonic()))
            fault.strike(filled)
        told, error = producer.communicate(timeout=PATIENCE_SECONDS)
    assert producer.returncode == 0, f"{words}\n{error}"
    account = json.loads(told)
    assert account["acknowledged"] == account["read"] == len(ids), words
    assert people.made > 0, words

    end = time.monotonic() + PATIENCE_SECONDS
    while sorted(found := there(filled, ids) or []) != sorted(ids):
        assert time.monotonic() < end, f"{words}: {len(found)} of {len(ids)} commits are there"
        time.sleep(0.5)
    while (state := contractline(filled, "status")).returncode:
        assert time.monotonic() < end, f"{words}\n{state.stdout}{state.stderr}"
    verified = contractline(filled, "verify", "github_users", "commits", "--wait", "120")
    assert verified.returncode == 0, f"{words}\n{verified.stdout}{verified.stderr}"
    print(f"{words}: {time.monotonic() - began:.0f} s")  # noqa: T201 - for `make chaos`
