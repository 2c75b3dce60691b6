"""The running stack with the tables that the views of people read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack


@pytest.fixture(scope="session")
def warehouse(stack: RunningStack) -> Iterator[Warehouse]:
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("topics", "tables")):
        assert outcome.error is None, outcome.error
    warehouse = Warehouse(stack.endpoints)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="module", autouse=True)
def nothing_left(warehouse: Warehouse) -> Iterator[None]:
    """Take the worlds away: `apply` compares these tables with PostgreSQL's, which has none."""
    yield
    for table in ("identities", "users", "users_history"):
        warehouse.run(f"DELETE FROM github.{table} WHERE _topic = ''")
    for table in ("github.commits", "reporting.commit_facts"):
        warehouse.run(f"DELETE FROM {table} WHERE startsWith(repository, 'people/')")
