"""Each account of the server can do what it is for, and no more."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.server.conftest import PASSWORD, Running

DENIED = ("ACCESS_DENIED", "READONLY")
COMMIT = "INSERT INTO github.commits VALUES ('a')"


@pytest.fixture(scope="module", autouse=True)
def tables(server: Running) -> None:
    """Tables and a report, made by the account of the pipeline."""
    with server.http("writer") as writer:
        for sql in (
            "CREATE DATABASE IF NOT EXISTS github",
            "CREATE DATABASE IF NOT EXISTS ingestion",
            "CREATE DATABASE IF NOT EXISTS reporting",
            "CREATE OR REPLACE TABLE github.commits (a String)"
            " ENGINE = ReplacingMergeTree ORDER BY a",
            "CREATE OR REPLACE TABLE ingestion.errors (a String) ENGINE = MergeTree ORDER BY a",
            "CREATE OR REPLACE VIEW reporting.commits AS SELECT a FROM github.commits",
            COMMIT,
            COMMIT,
        ):
            answer = writer.post("/", content=sql)
            assert answer.status_code == 200, answer.text


def told(server: Running, user: str, sql: str) -> str:
    password = "" if user == "default" else PASSWORD
    with server.http(user, password) as http:
        return str(http.post("/", content=sql).text)


@pytest.mark.parametrize(
    ("user", "sql", "answer"),
    [
        # Readers see each row once, and a report without having its tables.
        ("reader", "SELECT count() FROM github.commits", "1\n"),
        ("reader", "SELECT count() FROM reporting.commits", "1\n"),
        ("reports", "SELECT count() FROM reporting.commits", "1\n"),
        ("reports", "SELECT 1 SETTINGS max_threads = 1", "1\n"),
        ("writer", "SELECT count() > 0 FROM system.tables", "1\n"),
        ("writer", "SELECT getSetting('default_normal_view_sql_security')", "DEFINER\n"),
        ("admin", "SELECT count() FROM system.users WHERE name = 'admin'", "1\n"),
    ],
)
def test_what_an_account_may(server: Running, user: str, sql: str, answer: str) -> None:
    assert told(server, user, sql) == answer


@pytest.mark.parametrize(
    ("user", "sql"),
    [
        *(
            (user, sql)
            for user in ("writer", "reader", "reports", "default")
            for sql in (
                "CREATE DATABASE other",
                "CREATE USER other",
                "GRANT SELECT ON *.* TO reports",
                "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
                "SELECT * FROM file('/etc/passwd', 'CSV', 'a String')",
                "SELECT * FROM default.`/etc/passwd`",
                "SELECT * FROM remote('127.0.0.1', system.one)",
                "SYSTEM SHUTDOWN",
            )
        ),
        *(
            (user, sql)
            for user in ("reader", "reports", "default")
            for sql in (
                "SELECT * FROM ingestion.errors",
                "INSERT INTO github.commits VALUES ('b')",
                "DROP TABLE github.commits",
                "ALTER TABLE github.commits DELETE WHERE 1",
                "CREATE TABLE reporting.x (a Int8) ENGINE = Memory",
            )
        ),
        ("reports", "SELECT * FROM github.commits"),
        ("reports", "DROP VIEW reporting.commits"),
        ("default", "SELECT * FROM reporting.commits"),
        ("default", "CREATE TEMPORARY TABLE t (a Int8)"),
    ],
)
def test_what_an_account_may_not(server: Running, user: str, sql: str) -> None:
    answer = told(server, user, sql)
    assert any(word in answer for word in DENIED), answer[:300]


@pytest.mark.parametrize(
    "asked",
    [
        {"auth": ("admin", "wrong")},
        {"auth": ("nobody", PASSWORD.encode())},
        {"auth": ("admin", "")},
        {"params": {"user": "admin", "password": "wrong"}},
        {"headers": {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "wrong"}},
    ],
)
def test_a_wrong_password_is_refused(server: Running, asked: dict[str, object]) -> None:
    answer = httpx.post(server.url, content="SELECT 1", **asked)  # type: ignore[arg-type]
    assert answer.status_code in (401, 403)
    assert "AUTHENTICATION_FAILED" in answer.text


def test_no_password_is_written_anywhere(server: Running) -> None:
    told(server, "admin", "SELECT nofunction()")
    for file in server.folder.glob("*"):
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes(), file
