"""From an author whom nobody knows to a commit with its person: the command, PostgreSQL, the views."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from contractline.cli import run
from contractline.clients.clickhouse import Warehouse
from tests.fixtures.credits import wait_for_credits
from tests.fixtures.stack import RunningStack

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module", autouse=True)
def applied(stack: RunningStack) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _set(patch, stack)
        assert run(["--project", str(stack.project.root), "apply"]) == 0


@pytest.fixture(autouse=True)
def services(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, stack)


def _set(patch: pytest.MonkeyPatch, stack: RunningStack) -> None:
    for name, value in stack.exports.items():
        patch.setenv(name, value)


def commit(warehouse: Warehouse, commit_id: str, email: str, name: str) -> None:
    warehouse.run(
        "INSERT INTO github.commits (repository, commit_id, author_email, author, committed_at,"
        f" version) VALUES ('people/commands', '{commit_id}', '{email}', '{name}', '2026-01-01', 1)"
    )
    wait_for_credits(warehouse)


def until_credited(warehouse: Warehouse, commit_id: str, user_name: str, matched_by: str) -> None:
    sql = f"SELECT user_name, matched_by FROM reporting.commits WHERE commit_id = '{commit_id}'"
    end = time.monotonic() + PATIENCE_SECONDS
    while [tuple(row) for row in warehouse.rows(sql)] != [(user_name, matched_by)]:
        assert time.monotonic() < end, warehouse.rows(sql)
        time.sleep(0.05)


def asked(stack: RunningStack, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["--project", str(stack.project.root), "people", *words])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_an_unknown_author_is_settled_by_the_command(
    stack: RunningStack, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(warehouse, "command-link", "ivan@elsewhere.example", "M. Ivan")
    code, said = asked(stack, capsys, "suggest", "--limit", "1000")
    order = "contractline people link ivan@elsewhere.example 'Ivan M'"
    assert (code, order in said) == (1, True), said
    code, said = asked(stack, capsys, "link", "ivan@elsewhere.example", "Ivan N")
    assert (code, "did you mean 'Ivan M'?" in said) == (2, True), said
    assert asked(stack, capsys, "link", "Ivan@Elsewhere.example", "Ivan M")[0] == 0
    until_credited(warehouse, "command-link", "Ivan M", "identity")


def test_the_statement_of_the_view_settles_it(stack: RunningStack, warehouse: Warehouse) -> None:
    sql = (
        "SELECT settled_by[1] FROM reporting.unmatched_authors"
        " WHERE name = 'Roman\\'s F' AND likely_users[1] = 'Roman F'"
    )
    commit(warehouse, "command-insert", "", "Roman\\'s F")
    ((statement,),) = warehouse.rows(sql)
    with psycopg.connect(stack.exports["POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(statement)
    until_credited(warehouse, "command-insert", "Roman F", "name")


def test_a_mailmap_credits_old_addresses(
    stack: RunningStack, warehouse: Warehouse, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / ".mailmap"
    file.write_text("Masha R <masha.r@example.com> <Old@masha.example>\nNo Body <n@o> <x@y>\n")
    commit(warehouse, "command-mailmap", "old@MASHA.example", "m")
    code, said = asked(stack, capsys, "mailmap", str(file))
    assert code == 1
    assert said.splitlines() == [
        "old@masha.example: Masha R",
        "x@y: nobody is known as No Body <n@o>",
    ]
    until_credited(warehouse, "command-mailmap", "Masha R", "mailmap")
