"""Labs on the running stack with the reports applied, which results of quality rules need."""

from __future__ import annotations

import pytest

from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack
from tests.integration.tables.conftest import lab

__all__ = ["lab"]


@pytest.fixture(scope="package")
def applied(stack: RunningStack) -> RunningStack:
    contracts = load_contracts(stack.project)
    for outcome in apply_all(stack.project, contracts, stack.endpoints, ("topics", "tables")):
        assert outcome.exit_code == 0, outcome
    return stack
