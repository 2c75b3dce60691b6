"""When generated commits are made: until now, live, or from a day on."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from producer.commit import Record
from producer.sources import fake
from producer.sources.fake import FakeSettings, FakeSource

USERS = Path(__file__).parents[3] / "connect" / "postgres" / "seed_users.csv"


def given(**settings: Any) -> list[Record]:
    batches = FakeSource(FakeSettings(USERS, **settings)).batches({}, threading.Event())
    return [record for batch in batches for record in batch.records]


def moment(record: Record) -> datetime:
    return datetime.fromtimestamp(record["committed_at"] / 1e6, UTC)


def ids(records: list[Record]) -> list[str]:
    return [record["commit_id"] for record in records]


@pytest.fixture
def at(monkeypatch):
    """Set the clock by which a history ends."""

    def set_(now: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return now

        monkeypatch.setattr(fake, "datetime", Clock)

    return set_


def test_a_history_ends_now():
    records = given(count=300)
    times = [moment(record) for record in records]
    now = datetime.now(UTC)
    assert len(records) == 300
    assert times == sorted(times)
    # Nights and weekends have few commits.
    assert now - timedelta(days=3) < times[-1] <= now


def test_a_later_run_gives_the_same_commits_and_what_has_come_since(at):
    at(datetime(2026, 6, 10, 12, tzinfo=UTC))
    first = given(count=500)
    at(datetime(2026, 6, 10, 15, tzinfo=UTC))
    second = given(count=500)
    come = 500 - len(set(ids(first)) & set(ids(second)))
    assert 0 < come < 60
    assert ids(second)[:-come] == ids(first)[come:]


@pytest.mark.parametrize(
    "now", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, tzinfo=UTC)]
)
def test_a_young_year_goes_on_with_the_one_before(now, at):
    at(now)
    records = given(count=400)
    assert len(set(ids(records))) == 400
    assert moment(records[0]).year == 2025
    assert now - timedelta(days=4) < moment(records[-1]) <= now


def test_followed_commits_are_dated_as_they_are_given():
    before = time.time()
    records = given(count=200, live=True)
    after = time.time()
    assert len(set(ids(records))) == 200
    assert all(before - 1 <= record["committed_at"] / 1e6 <= after for record in records)
    assert all(record["authored_at"] <= record["committed_at"] for record in records)


def test_a_day_gives_the_first_commits_from_it_on():
    start = datetime(2024, 2, 29, tzinfo=UTC)
    records = given(count=100, start=start)
    assert ids(records) == ids(given(count=100, start=start, live=True))
    assert ids(given(count=10, start=start)) == ids(records)[:10]
    assert start < moment(records[0]) < start + timedelta(days=3)


def test_without_an_end_it_goes_on():
    source = FakeSource(FakeSettings(USERS, live=True))
    batches = source.batches({}, threading.Event())
    assert sum(len(batch.records) for batch in islice(batches, 3)) > 1000
