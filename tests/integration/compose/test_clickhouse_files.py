"""compose/clickhouse under the real engine: what it takes, and what each user may do with our DDL."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contractline.mapping.sql import Statement, filled, statements
from contractline.settings import environment

ROOT = Path(__file__).parents[3]
FILES = ROOT / "compose" / "clickhouse"
PROGRAM = Path(__file__).with_name("engine_as.py")
SECONDS = 120
PLACES = {"kafka_brokers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
# Sections of the server's configuration that are no single setting: librdkafka's, and the log's.
SECTIONS = {"kafka", "logger"}
COMMIT = """INSERT INTO github.commits (repository, commit_id, committed_at, produced_at, version)
SELECT 'owner/name', 'a', '2026-01-01', '2026-01-01', 1"""

Ask = Callable[[str, Sequence[str]], list[tuple[str, str]]]


@pytest.fixture
def ask_as(tmp_path: Path) -> Ask:
    """Ask statements as one of compose's users, in an engine of its own."""

    def ask(user: str, asked: Sequence[str]) -> list[tuple[str, str]]:
        folder = tmp_path / user
        folder.mkdir()
        answers = folder / "answers.json"
        passwords = {f"CLICKHOUSE_{name}_PASSWORD": "x" for name in ("WRITER", "READER", "REPORTS")}
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(folder), user, str(answers)],
            input=json.dumps(list(asked)),
            env={**environment(), **passwords},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert answers.exists(), done.stderr[-2000:]
        return [(answer, error) for answer, error in json.loads(answers.read_text())]

    return ask


def ddl() -> list[str]:
    """All declared statements, in an order in which each finds what it builds on."""
    folder = ROOT / "clickhouse_ddl"
    files = [folder / "databases.sql", *sorted(folder.glob("streams/*.sql"))]
    files += sorted(folder.glob("reporting/*.sql"))
    declared = [s for file in files for s in statements(file.read_text())]
    return [filled(s.sql, PLACES) for s in _ordered(declared)]


def _ordered(declared: Sequence[Statement]) -> list[Statement]:
    views = [s for s in declared if s.kind == "VIEW"]
    ordered = [s for s in declared if s.kind != "VIEW"]
    while views:
        free = [v for v in views if not any(o.name in v.select for o in views if o is not v)]
        assert free, [v.name for v in views]
        ordered += free
        views = [v for v in views if v not in free]
    return ordered


def test_the_writer_can_make_all_that_is_declared_and_nothing_elsewhere(ask_as: Ask) -> None:
    made = ddl()
    asked = [
        *made,
        "SELECT getSetting('default_normal_view_sql_security')",
        "CREATE DATABASE contractline_plan_1_ab ENGINE = Memory",
        "CREATE VIEW contractline_plan_1_ab.o1 AS SELECT * FROM github.commits",
        "DROP DATABASE contractline_plan_1_ab",
        "SELECT count() FROM system.tables",
    ]
    refused = [
        "CREATE DATABASE other",
        "CREATE USER other",
        "GRANT SELECT ON github.* TO reports",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM file('/etc/passwd', 'CSV', 'a String')",
    ]
    answers = ask_as("writer", [*asked, *refused])
    problems = [f"{s}: {error}" for s, (_, error) in zip(asked, answers, strict=False) if error]
    assert not problems
    for statement, (_, error) in zip(refused, answers[len(asked) :], strict=True):
        assert "ACCESS_DENIED" in error, statement


def test_readers_see_what_is_theirs(ask_as: Ask) -> None:
    made = [*ddl(), COMMIT, COMMIT]
    allowed = {
        "EXECUTE AS reports SELECT repository, commit_id FROM reporting.commits": "owner/name\ta\n",
        "EXECUTE AS reports SELECT sum(commits) FROM reporting.commits_by_team": "1\n",
        "EXECUTE AS reports SELECT count() FROM reporting.open_errors": "0\n",
        "EXECUTE AS reader SELECT count() FROM github.commits": "1\n",
        "EXECUTE AS reader SELECT count() FROM reporting.commits": "1\n",
    }
    refused = [
        "EXECUTE AS reports SELECT count() FROM github.commits",
        "EXECUTE AS reports SELECT count() FROM github.users",
        "EXECUTE AS reports SELECT count() FROM ingestion.errors",
        "EXECUTE AS reader SELECT count() FROM ingestion.errors",
        "EXECUTE AS reader DROP TABLE github.commits",
        "EXECUTE AS reader ALTER TABLE github.commits DELETE WHERE 1",
        "EXECUTE AS reports DROP VIEW reporting.commits",
    ]
    answers = ask_as("writer", [*made, *allowed, *refused])
    assert [e for _, e in answers[: len(made)] if e] == []
    found = answers[len(made) : len(made) + len(allowed)]
    assert found == [(expected, "") for expected in allowed.values()]
    for statement, (_, error) in zip(refused, answers[-len(refused) :], strict=True):
        assert "ACCESS_DENIED" in error or "READONLY" in error, (statement, error)


@pytest.mark.parametrize("user", ["reader", "reports"])
def test_readers_write_nothing(ask_as: Ask, user: str) -> None:
    refused = ["CREATE DATABASE other", "CREATE TABLE default.x (a Int8) ENGINE = Memory"]
    for statement, (_, error) in zip(refused, ask_as(user, refused), strict=True):
        assert "ACCESS_DENIED" in error or "READONLY" in error, statement


def test_the_engine_knows_every_setting(ask_as: Ask) -> None:
    server = [e.tag for e in _root("config.d") if e.tag not in SECTIONS]
    users = [e.tag for profile in _root("users.d").findall("profiles/*") for e in profile]
    known = ask_as(
        "writer",
        [
            "SELECT name FROM system.server_settings",
            "SELECT name FROM system.settings",
        ],
    )
    assert set(server) <= set(known[0][0].split())
    assert set(users) <= set(known[1][0].split())


def _root(folder: str) -> ET.Element:
    return ET.parse(FILES / folder / "contractline.xml").getroot()
