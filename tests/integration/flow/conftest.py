"""A local stack of its own for the whole flow, with the contracts applied, as `init` leaves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.stack import RunningStack, running
from tests.flow import whole


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running(tmp_path_factory.mktemp("flow") / "project") as stack:
        applied = whole.contractline(stack, "apply")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        yield stack
