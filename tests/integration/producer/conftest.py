"""The topics and schemas of the contracts on the running stack, and the producer beside it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contractline.contracts.load import load_contracts
from contractline.project import Project
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack
from tests.integration.producer.running import Log, Run


@pytest.fixture(scope="session")
def ready(stack: RunningStack) -> RunningStack:
    """The running stack with every topic and schema."""
    apply(stack.project, stack, "topics", "schemas")
    return stack


def apply(project: Project, stack: RunningStack, *names: str) -> None:
    """Apply targets as where no ClickHouse reads: a project's tables are not made here."""
    endpoints = stack.endpoints.model_copy(update={"clickhouse_url": None})
    outcomes = list(apply_all(project, load_contracts(project), endpoints, names))
    assert [outcome.exit_code for outcome in outcomes] == [0] * len(names)


@pytest.fixture
def log(ready: RunningStack) -> Log:
    return Log(ready.endpoints)


@pytest.fixture
def produce(ready: RunningStack) -> Iterator[Callable[..., Run]]:
    """Start ``python -m producer`` on the running stack; what still runs is ended by the test."""
    runs: list[Run] = []

    def start(*arguments: str, project: Project | None = None) -> Run:
        runs.append(Run(ready.environment, (project or ready.project).root, arguments))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()


@pytest.fixture
def own_project(ready: RunningStack, tmp_path: Path) -> Project:
    """A project whose commits have a topic of their own, with nothing made or registered."""
    root = tmp_path / "own"
    shutil.copytree(ready.project.root / "contracts", root / "contracts")
    shutil.copytree(ready.project.root / "connect", root / "connect")
    (root / "clickhouse_ddl").mkdir()
    document = root / "contracts" / "commits" / "contract.odcs.yaml"
    document.write_text(document.read_text().replace("commits_topic", own_topic(tmp_path)))
    return Project(root.resolve())


def own_topic(folder: Path) -> str:
    return f"commits_{re.sub(r'[^a-z0-9]', '_', folder.name.lower())}"
