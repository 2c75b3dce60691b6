"""One page for all tests of a module, on the session's stack with the contracts applied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack
from tests.integration.dashboard.lab import Page


@pytest.fixture(scope="package")
def applied(stack: RunningStack) -> RunningStack:
    contracts = load_contracts(stack.project)
    targets = ("topics", "tables", "schemas")
    for outcome in apply_all(stack.project, contracts, stack.endpoints, targets):
        assert outcome.exit_code == 0, outcome
    return stack


@pytest.fixture(scope="package")
def served(applied: RunningStack) -> Iterator[Page]:
    page = Page(applied)
    page.start()
    yield page
    page.stop()
