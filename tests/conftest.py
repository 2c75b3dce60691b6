"""What all tests share: the plugins with the fixtures of each topic, and the marker of a folder."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["tests.fixtures.browser", "tests.fixtures.cases", "tests.fixtures.stack"]

TESTS = Path(__file__).parent
NEED_THE_STACK = (TESTS / "integration", TESTS / "e2e")


def pytest_configure() -> None:
    # A shell starts what it puts into the background with SIGINT ignored, and processes that tests
    # start and interrupt would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(folder in item.path.parents for folder in NEED_THE_STACK):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="module", autouse=True)
def no_event_loop_left() -> Iterator[None]:
    """A module that leaves an event loop running would fail every later asyncio.run."""
    yield
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
