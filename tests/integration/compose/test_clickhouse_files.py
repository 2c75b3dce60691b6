"""compose/clickhouse under the real engine: what it takes, and what each user may do with our DDL."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from contractline.clickhouse.sql import Statement, filled, statements
from contractline.server.config import render_config, render_users, starter
from contractline.stack.ports import free_ports
from contractline.targets.tables.diff import references
from tests.integration.server.conftest import launch, wait_until_ready

ROOT = Path(__file__).parents[3]
FILES = ROOT / "compose" / "clickhouse"
USERS = ("writer", "reader", "reports")
PLACES = {"kafka_brokers": "127.0.0.1:1", "schema_registry_url": "http://127.0.0.1:1"}
# Sections of the server's configuration that are not single setting: librdkafka's, and the log's.
SECTIONS = {"kafka", "logger"}
COMMIT = """INSERT INTO github.commits (repository, commit_id, committed_at, produced_at, version)
SELECT 'owner/name', 'a', '2026-01-01', '2026-01-01', 1"""

Ask = Callable[[str, Sequence[str]], list[tuple[str, str]]]


def configure(folder: Path, port: int) -> None:
    """Lay compose's files over those of a server, as the image does.

    The account that starts the server in a library stays, which the files would remove.
    """
    users = folder / "users.xml"
    users.write_text(render_users([starter()]))
    (folder / "config.xml").write_text(render_config(folder / "data", users, port))
    for name in ("config.d", "users.d"):
        shutil.copytree(FILES / name, folder / name)
    document = ET.parse(folder / "users.d" / "contractline.xml")
    accounts = document.getroot().find("users")
    assert accounts is not None
    default = accounts.find("default")
    assert default is not None
    accounts.remove(default)
    document.write(folder / "users.d" / "contractline.xml")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server under compose's files, and no declared tables yet."""
    folder = tmp_path_factory.mktemp("composed")
    port = free_ports(["http"])["http"]
    configure(folder, port)
    process = launch(folder, {f"CLICKHOUSE_{user.upper()}_PASSWORD": user for user in USERS})
    try:
        wait_until_ready(process, port, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def ask_as(url: str) -> Ask:
    """Ask statements as one of compose's users; each gives its answer and its error."""

    def ask(user: str, asked: Sequence[str]) -> list[tuple[str, str]]:
        answers: list[tuple[str, str]] = []
        with httpx.Client(base_url=url, auth=(user, user), timeout=60) as http:
            for statement in asked:
                answer = http.post("/", content=statement)
                answers.append((answer.text, "") if answer.is_success else ("", answer.text))
        return answers

    return ask


def ddl() -> list[str]:
    """All declared statements, in an order in which each finds what it builds on."""
    folder = ROOT / "clickhouse_ddl"
    files = [folder / "databases.sql", *sorted(folder.glob("streams/*.sql"))]
    files += sorted(folder.glob("reporting/*.sql"))
    declared = [s for file in files for s in statements(file.read_text())]
    return [filled(s.sql, PLACES) for s in _ordered(declared)]


def _ordered(declared: Sequence[Statement]) -> list[Statement]:
    ordered: list[Statement] = []
    waiting = list(declared)
    while waiting:
        names = {s.name for s in waiting if s.kind != "DATABASE"}
        free = [s for s in waiting if not (references(s) - {s.name}) & names]
        assert free, names
        ordered += free
        waiting = [s for s in waiting if s not in free]
    return ordered


def test_the_writer_can_make_all_that_is_declared_and_nothing_elsewhere(ask_as: Ask) -> None:
    made = ddl()
    asked = [
        *made,
        "SELECT getSetting('default_normal_view_sql_security')",
        "CREATE DATABASE contractline_plan_1_ab ENGINE = Memory",
        "CREATE VIEW contractline_plan_1_ab.o1 AS SELECT * FROM github.commits",
        "DROP DATABASE contractline_plan_1_ab",
        "CREATE DATABASE contractline_verify_1_ab",
        "CREATE TABLE contractline_verify_1_ab.a (id Int64) ENGINE = ReplacingMergeTree ORDER BY id",
        "INSERT INTO contractline_verify_1_ab.a VALUES (1)",
        "SELECT * FROM contractline_verify_1_ab.a FINAL",
        "DROP DATABASE contractline_verify_1_ab SYNC",
        "SELECT count() FROM system.tables",
        "SYSTEM WAIT VIEW reporting.author_spellings_all",
        "SYSTEM REFRESH VIEW reporting.author_spellings_all",
        # Where `contractline new stream` puts the streams of a new owner.
        "CREATE DATABASE streams",
        "CREATE TABLE streams.orders (id Int64) ENGINE = ReplacingMergeTree ORDER BY id",
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
    assert [error for _, error in ask_as("writer", made) if error] == []
    allowed = [
        ("reports", "SELECT repository, commit_id FROM reporting.commits", "owner/name\ta\n"),
        ("reports", "SELECT sum(commits) FROM reporting.commits_by_team", "1\n"),
        ("reports", "SELECT count() FROM reporting.open_errors", "0\n"),
        ("reader", "SELECT count() FROM github.commits", "1\n"),
        ("reader", "SELECT count() FROM reporting.commits", "1\n"),
    ]
    for user, statement, expected in allowed:
        assert ask_as(user, [statement]) == [(expected, "")], statement
    refused = [
        ("reports", "SELECT count() FROM github.commits"),
        ("reports", "SELECT count() FROM github.users"),
        ("reports", "SELECT count() FROM ingestion.errors"),
        ("reader", "SELECT count() FROM ingestion.errors"),
        ("reader", "DROP TABLE github.commits"),
        ("reader", "ALTER TABLE github.commits DELETE WHERE 1"),
        ("reports", "DROP VIEW reporting.commits"),
    ]
    for user, statement in refused:
        [(_, error)] = ask_as(user, [statement])
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
