"""Labs on the running stack with the reports applied, which results of quality rules need."""

from __future__ import annotations

import pytest

from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack
from tests.integration.tables.conftest import lab
from tests.integration.tables.lab import Lab, commit

__all__ = ["lab"]


@pytest.fixture(scope="package")
def applied(stack: RunningStack) -> RunningStack:
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("topics", "tables")):
        assert outcome.exit_code == 0, outcome
    return stack


@pytest.fixture
def commits(lab: Lab, applied: RunningStack) -> Lab:
    """A stream with four commits: one came twice, one has no hash, and one negative lines."""
    # The lab's databases are not those that the account for reading may read.
    lab.endpoints = lab.endpoints.model_copy(update={"clickhouse_reader_url": None})
    lab.stream("commits")
    lab.apply()
    records = [
        commit(1),
        commit(1, additions=1, deletions=2),
        commit(2, commit_id="HEAD"),
        commit(3, additions=-1, deletions=0),
        commit(4, author_login="ann", author=""),
    ]
    lab.send("commits", [lab.frame("commits", record) for record in records])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 4)
    return lab
