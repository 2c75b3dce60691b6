"""The whole flow, from both sources to a reader: the same tests for every kind of installation.

tests/integration/flow runs them on the local stack, tests/compose on containers. Each gives a
running ``stack`` to which the contracts are applied, with a `watch`.
"""

from __future__ import annotations

import datetime as datetime_module
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.project import Project
from contractline.settings import Endpoints
from tests.fixtures.stack import REPOSITORY

COMMITS = 2_000
FROM = ("--start", "2026-01-05")
"""Makes a seed's commits the same in every run, whenever it is."""
COMMAND_SECONDS = 300


class RunsEverything(Protocol):
    """A running installation, and what a test may do to it."""

    @property
    def project(self) -> Project: ...

    @property
    def exports(self) -> Mapping[str, str]: ...

    @property
    def endpoints(self) -> Endpoints: ...

    @property
    def environment(self) -> dict[str, str]: ...

    def stop(self, name: str) -> None: ...

    def start(self, name: str) -> None: ...

    def restart(self, name: str) -> None: ...


def contractline(stack: RunsEverything, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command from the host, as a user does after `contractline env`."""
    program = Path(sys.executable).parent / "contractline"
    return _run(stack, str(program), "--project", str(stack.project.root), *arguments)


def produce(stack: RunsEverything, *arguments: str) -> int:
    """Run the producer from the host, and return how many messages were acknowledged."""
    options = ("--project", str(stack.project.root), "--json", *arguments)
    done = _run(stack, sys.executable, "-m", "producer", *options)
    assert done.returncode == 0, done.stderr
    acknowledged: int = json.loads(done.stdout)["acknowledged"]
    return acknowledged


def _run(stack: RunsEverything, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=REPOSITORY,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)
    return value


def one(warehouse: Warehouse, sql: str) -> Any:
    ((value,),) = warehouse.rows(sql)
    return value


def clickhouse_answers(stack: RunsEverything) -> bool:
    url = urlsplit(stack.exports["CLICKHOUSE_URL"])
    try:
        return httpx.get(f"http://{url.hostname}:{url.port}/ping").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def warehouse(stack: RunsEverything) -> Iterator[Warehouse]:
    with closing(Warehouse(stack.endpoints)) as warehouse:
        yield warehouse


def test_everything_is_in_its_declared_state(stack: RunsEverything) -> None:
    planned = contractline(stack, "plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_generated_commits_arrive_once(stack: RunsEverything, warehouse: Warehouse) -> None:
    sql = "SELECT count() FROM reporting.commits WHERE source = 'fake'"
    before = one(warehouse, sql)
    for _ in range(2):
        assert produce(stack, "--source", "fake", *FROM, "--count", str(COMMITS)) == COMMITS
    assert until(lambda: one(warehouse, sql) >= before + COMMITS)
    assert one(warehouse, sql) == before + COMMITS


def test_the_history_of_a_repository_arrives(stack: RunsEverything, warehouse: Warehouse) -> None:
    name = "tests/history"
    commits = produce(stack, "--source", "git", "--repository", str(REPOSITORY), "--name", name)
    assert commits > 0
    sql = f"SELECT count() FROM reporting.commits WHERE repository = '{name}'"
    assert until(lambda: one(warehouse, sql) >= commits)


def test_changes_in_postgresql_arrive(stack: RunsEverything, warehouse: Warehouse) -> None:
    """Through the strict converter, which must find the contracted schemas on this registry."""
    people = "SELECT count() FROM github.users FINAL"
    with psycopg.connect(stack.exports["POSTGRES_DSN"], autocommit=True) as database:
        row = database.execute("SELECT count(*) FROM github_users").fetchone()
        assert row is not None
        assert until(lambda: one(warehouse, people) == row[0])
        database.execute("UPDATE github_users SET team = 'moved' WHERE user_name = 'Ivan M'")
        moved = f"{people} WHERE user_name = 'Ivan M' AND team = 'moved'"
        assert until(lambda: one(warehouse, moved) == 1)
        database.execute("INSERT INTO github_users VALUES ('Gone', 'Developer', 'away')")
        assert until(lambda: one(warehouse, people) == row[0] + 1)
        database.execute("DELETE FROM github_users WHERE user_name = 'Gone'")
        assert until(lambda: one(warehouse, people) == row[0])


def test_a_consumer_of_ones_own_reads_both_streams(
    stack: RunsEverything, warehouse: Warehouse
) -> None:
    """The script of docs/guides/consumer.md, as a user saves it, with the client library's own classes."""
    page = (REPOSITORY / "docs" / "guides" / "consumer.md").read_text(encoding="utf-8")
    script = page.partition("```python\n")[2].partition("```")[0]
    assert produce(stack, "--source", "fake", *FROM, "--seed", "11", "--count", "200") == 200
    with psycopg.connect(stack.exports["POSTGRES_DSN"]) as database:
        rows = database.execute("SELECT user_name, team FROM github_users").fetchall()
    count = "SELECT count() FROM github.users FINAL"
    assert until(lambda: one(warehouse, count) == len(rows))
    commits = _consumed(stack, script, "commits_topic")
    of_fake = [one for one in commits if one["source"] == "fake"]
    assert len({one["commit_id"] for one in of_fake}) >= 200
    assert {type(one["authored_at"]) for one in of_fake} == {datetime}
    changes = _consumed(stack, script, "postgres.public.github_users")
    people = {one["user_name"]: one["team"] for one in changes if one and not _is_deleted(one)}
    gone = {one["user_name"] for one in changes if one and _is_deleted(one)}
    assert {name: team for name, team in people.items() if name not in gone} == dict(rows)


def _is_deleted(record: Mapping[str, Any]) -> bool:
    return bool(record["__deleted"] == "true")


def _consumed(stack: RunsEverything, script: str, topic: str) -> list[Any]:
    done = _run(stack, sys.executable, "-c", script, topic)
    assert done.returncode == 0, done.stderr
    names = {"datetime": datetime_module, "__builtins__": {}}
    return [eval(line, names) for line in done.stdout.splitlines()]


def test_messages_wait_for_the_registry_and_are_replayed(
    stack: RunsEverything, warehouse: Warehouse
) -> None:
    """The producer has its schema; a restarted ClickHouse has none, and the registry is away."""
    sql = "SELECT count() FROM reporting.commits WHERE source = 'fake'"
    errors = "SELECT count() FROM reporting.open_errors"
    before = one(warehouse, sql)
    stack.stop("clickhouse")
    assert produce(stack, "--source", "fake", *FROM, "--seed", "7", "--count", "300") == 300
    stack.stop("registry")
    stack.start("clickhouse")
    assert until(lambda: clickhouse_answers(stack) and one(warehouse, errors) > 0)
    stack.start("registry")
    assert until(lambda: one(warehouse, sql) == before + 300, 120)
    assert until(lambda: one(warehouse, errors) == 0)


def test_restarted_services_keep_their_data(stack: RunsEverything, warehouse: Warehouse) -> None:
    before = one(warehouse, "SELECT count() FROM reporting.commits")
    for name in ("clickhouse", "kafka", "registry", "postgres"):
        stack.restart(name)
    assert until(lambda: clickhouse_answers(stack))
    assert one(warehouse, "SELECT count() FROM reporting.commits") == before
    assert until(lambda: contractline(stack, "plan").returncode == 0, 180)
