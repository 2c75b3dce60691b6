"""What was found becomes a table, JSON and an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contractline import cli, status
from contractline.errors import ServiceUnavailable
from contractline.settings import SERVICES
from contractline.stack.control import ServiceStatus, Stack
from contractline.stack.history import ServiceState
from contractline.status.facts import Fact, Facts, Sources


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose services all run, as far as anybody asked them."""
    for folder in ("contracts", "clickhouse_ddl"):
        (tmp_path / folder).mkdir()
    for name in SERVICES:
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setattr(
        Stack, "status", lambda self: [ServiceStatus("kafka", ServiceState.RUNNING)]
    )
    return tmp_path


def read_by(monkeypatch: pytest.MonkeyPatch, **sections: tuple[status.Reader, ...]) -> None:
    monkeypatch.setattr(status, "SECTIONS", sections)


def fine(sources: Sources) -> Facts:
    return {"orders": [Fact("lag", 12_000, "12,000")], "users": [Fact("lag", 0)]}


def stopped(sources: Sources) -> Facts:
    fact = Fact("changes", "stopped", problem="its connector postgres stands still")
    return {"orders": [fact], "users": [fact]}


def away(sources: Sources) -> Facts:
    raise ServiceUnavailable("Kafka", "127.0.0.1:9", "does not answer")


def test_what_flows_is_0(project: Path, monkeypatch, capsys):
    read_by(monkeypatch, streams=(fine,))

    assert cli.run(["--project", str(project), "status"]) == 0
    shown = capsys.readouterr().out
    assert "12,000" in shown
    assert "does not flow" not in shown


def test_one_problem_of_two_is_said_once_and_is_1(project: Path, monkeypatch, capsys):
    read_by(monkeypatch, streams=(fine, stopped))

    assert cli.run(["--project", str(project), "status"]) == 1
    said = "orders, users: its connector postgres stands still"
    assert capsys.readouterr().out.count(said) == 1


def test_what_can_not_be_told_is_1_and_does_not_hide_the_rest(project: Path, monkeypatch, capsys):
    read_by(monkeypatch, streams=(away, fine), watch=(away,))

    assert cli.run(["--project", str(project), "status", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["streams"]["orders"] == {"lag": 12_000, "problems": []}
    assert [problem.partition(":")[0] for problem in said["problems"]] == ["streams", "watch"]


def test_a_stack_that_does_not_run_is_not_asked(project: Path, monkeypatch, capsys):
    read_by(monkeypatch, streams=(away,))
    for name in SERVICES:
        monkeypatch.delenv(name.upper())

    assert cli.run(["--project", str(project), "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
