"""Labs on the running stack, one a test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import Lab

_NUMBERS = itertools.count(1)


@pytest.fixture
def lab(stack: RunningStack, tmp_path: Path) -> Iterator[Lab]:
    prefix = f"tables{os.getpid()}_{next(_NUMBERS)}"
    lab = Lab(tmp_path / prefix, stack.endpoints, prefix)
    yield lab
    lab.remove()
