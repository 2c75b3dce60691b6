"""``contractline plan`` and ``apply`` as a person or a program calls them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from contractline.cli import run
from tests.fixtures.stack import REPOSITORY, RunningStack
from tests.integration.targets.lab import Lab, until

TEN = {
    *("Ivan M", "John K", "Alisa R", "Roman F", "Fedor S", "Veronika A", "Anatoly A"),
    *("Masha R", "Alexandr T", "Vladimir L"),
}


pytestmark = pytest.mark.usefixtures("services")


def asked(capsys: pytest.CaptureFixture[str], root: Path, *words: str) -> tuple[int, list[Any]]:
    """Run a command with --json; return its exit code and the targets."""
    code = run(["--project", str(root), *words, "--json"])
    return code, json.loads(capsys.readouterr().out)["targets"]


def test_everything_that_the_repository_declares_comes_up(
    stack: RunningStack, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    root = stack.project.root
    assert run(["--project", str(root), "apply"]) == 0, capsys.readouterr().out
    capsys.readouterr()

    code, targets = asked(capsys, root, "apply")
    assert code == 0
    assert [target["target"] for target in targets] == [
        *("topics", "tables", "schemas", "postgres", "connectors")
    ]
    assert [target["done"] for target in targets] == [[]] * 5
    assert asked(capsys, root, "plan")[0] == 0
    topic = "postgres.public.github_users"
    until(lambda: {r.key["user_name"] for r in lab.topic_records(topic) if r.key} >= TEN, "the ten")


def test_everything_new_is_planned_without_a_crash(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.sql("CREATE TABLE people (name text PRIMARY KEY)")
    fields = [{"name": "name", "type": "string"}]
    lab.contract("people", fields, fields)
    shutil.copy(REPOSITORY / "clickhouse_ddl" / "databases.sql", lab.root / "clickhouse_ddl")

    code, targets = asked(capsys, lab.root, "plan")

    assert [target["error"] for target in targets] == [None] * 5
    assert code == 1
    plans = {target["target"]: target for target in targets}
    assert plans["topics"]["steps"]
    needs = " ".join(finding["message"] for finding in plans["connectors"]["findings"])
    assert f"needs the topics: {lab.topic('people')}" in needs
    assert plans["connectors"]["steps"] == []


def test_one_target_and_its_text(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.contract("people", [{"name": "name", "type": "string"}])

    assert run(["--project", str(lab.root), "plan", "topics"]) == 1
    out = capsys.readouterr().out
    assert f"create {lab.topic('people')}: 1 partition" in out
    assert "schemas" not in out
    assert run(["--project", str(lab.root), "apply", "topics"]) == 0
    assert run(["--project", str(lab.root), "plan", "topics"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_service_that_is_away_keeps_only_its_own_target(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    lab.sql("CREATE TABLE people (name text PRIMARY KEY)")
    fields = [{"name": "name", "type": "string"}]
    lab.contract("people", fields, fields)

    code, targets = asked(capsys, lab.root, "apply")

    assert code == 2
    codes = {target["target"]: target["exit_code"] for target in targets}
    assert codes["topics"] == codes["postgres"] == 0
    assert codes["schemas"] == codes["connectors"] == 2
