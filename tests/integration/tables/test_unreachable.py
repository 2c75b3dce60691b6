"""Commits that a forced push left behind are shown until a branch holds them again."""

from __future__ import annotations

import uuid

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack


def test_what_was_left_behind_is_shown_until_it_is_read_again(stack: RunningStack) -> None:
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("topics", "tables")):
        assert outcome.error is None
    name = f"unreachable/{uuid.uuid4().hex}"
    warehouse = Warehouse(stack.endpoints)

    def read(commit: str, at: str) -> None:
        warehouse.run(
            "INSERT INTO github.commits (repository, commit_id, committed_at, produced_at, version)"
            f" VALUES ('{name}', '{commit}', '2026-01-01', '{at}', toUnixTimestamp('{at}'))"
        )

    def mark(commit: str, at: str, after: str) -> None:
        warehouse.run(
            "INSERT INTO github.unreachable_commits"
            " (repository, commit_id, ref, before, after, noticed_at, version) VALUES"
            f" ('{name}', '{commit}', 'refs/heads/main', 'b', '{after}', '{at}',"
            f" toUnixTimestamp('{at}'))"
        )

    def shown() -> list[tuple[str, ...]]:
        return [
            tuple(row)
            for row in warehouse.rows(
                "SELECT commit_id, after FROM reporting.unreachable_commits"
                f" WHERE repository = '{name}' ORDER BY commit_id"
            )
        ]

    try:
        for commit in ("kept", "lost"):
            read(commit, "2026-01-02 00:00:00")
        mark("lost", "2026-01-03 00:00:00", "x")
        mark("never read", "2026-01-03 00:00:00", "x")
        assert shown() == [("lost", "x")]
        # It is merged after all.
        read("lost", "2026-01-04 00:00:00")
        assert shown() == []
        # And left behind once more.
        mark("lost", "2026-01-05 00:00:00", "y")
        assert shown() == [("lost", "y")]
    finally:
        for table in ("commits", "unreachable_commits"):
            warehouse.run(f"DELETE FROM github.{table} WHERE repository = '{name}'")
        warehouse.close()
