"""Checkouts in which new streams are made, on the running stack."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from contractline.cli import run
from contractline.clickhouse.ddl import machinery
from tests.fixtures.stack import REPOSITORY, RunningStack
from tests.integration.targets.lab import Lab

_NUMBERS = itertools.count(1)


@dataclass
class Shop:
    """A lab that has all of a checkout, so that commands work in it."""

    lab: Lab
    clickhouse: Client
    said: Callable[[], str]

    @property
    def database(self) -> str:
        return f"shop_{self.lab.prefix}"

    def contractline(self, *words: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it said."""
        code = run(["--project", str(self.lab.root), *words])
        return code, self.said()

    def expect(self, *words: str) -> str:
        """Run a command that must succeed."""
        code, said = self.contractline(*words)
        assert code == 0, said
        return said

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        found = self.clickhouse.query(sql).result_rows
        return [tuple(map(_in_utc, row)) for row in found]


def _in_utc(value: object) -> object:
    """Give a time the zone that its column names: the driver leaves UTC out."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@pytest.fixture
def shop(
    stack: RunningStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shop]:
    for name, value in stack.exports.items():
        monkeypatch.setenv(name, value)
    prefix = f"shop{next(_NUMBERS)}"
    lab = Lab(tmp_path / prefix, stack.endpoints, prefix)
    shutil.copy(REPOSITORY / "clickhouse_ddl" / "databases.sql", lab.root / "clickhouse_ddl")
    shutil.copy(REPOSITORY / "connect" / "worker.properties", lab.root / "connect")
    subprocess.run(["git", "init", "-q", str(lab.root)], check=True)
    lab.sql(f"CREATE SCHEMA {prefix}")

    def said() -> str:
        printed = capsys.readouterr()
        return printed.out + printed.err

    client = clickhouse_connect.get_client(dsn=stack.endpoints.need("clickhouse_url"))
    try:
        yield Shop(lab, client, said)
    finally:
        for folder in (lab.root / "contracts").iterdir():
            for table in reversed(machinery(folder.name)):
                client.command(f"DROP TABLE IF EXISTS {table}")
        client.command(f"DROP DATABASE IF EXISTS shop_{prefix}")
        client.close()
        lab.remove()
