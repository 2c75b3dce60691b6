"""Why a queue stands still is told in ClickHouse's own words where it has some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contractline.status.streams import _why
from contractline.targets.tables.consumers import Consumption

NOW = datetime(2026, 11, 29, tzinfo=UTC)
READING = Consumption("orders", (0, 1), NOW, NOW, 5, NOW)


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        (None, "nothing reads its queue"),
        (replace(READING, problem="Target table 'a' doesn't exist"), "Target table 'a'"),
        (replace(READING, partitions=()), "not in its consumer group"),
        (replace(READING, polled_at=None), "not in its consumer group"),
        (replace(READING, polled_at=NOW - timedelta(minutes=1)), "not in its consumer group"),
        (READING, "`contractline logs clickhouse`"),
    ],
)
def test_why_a_queue_stands_still(queue: Consumption | None, words: str) -> None:
    assert words in _why(queue)
