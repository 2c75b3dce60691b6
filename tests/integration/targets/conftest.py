"""Labs on the running stack, one a test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures.stack import RunningStack
from tests.integration.targets.lab import Lab

_NUMBERS = itertools.count(1)


@pytest.fixture
def make_lab(stack: RunningStack, tmp_path: Path) -> Iterator[Callable[[], Lab]]:
    """Make labs with a fresh schema in PostgreSQL; they are removed when the test ends."""
    labs = []

    def make() -> Lab:
        prefix = f"lab{next(_NUMBERS)}"
        lab = Lab(tmp_path / prefix, stack.endpoints, prefix)
        lab.sql(f"CREATE SCHEMA {prefix}")
        labs.append(lab)
        return lab

    yield make
    for lab in labs:
        lab.remove()


@pytest.fixture
def lab(make_lab: Callable[[], Lab]) -> Lab:
    return make_lab()


@pytest.fixture
def services(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what `contractline env` prints, as for a real installation."""
    for name, value in stack.exports.items():
        monkeypatch.setenv(name, value)
