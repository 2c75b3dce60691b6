"""What is said of a table's snapshot, from what was noted of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contractline.contracts.load import load_contracts
from contractline.debezium.config import CapturedStream, streams_of
from contractline.debezium.snapshot_state import STALE, state_of
from contractline.debezium.source import Reading
from contractline.project import Project
from tests.fixtures.stack import REPOSITORY

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def stream() -> CapturedStream:
    contracts = load_contracts(Project(REPOSITORY))
    return next(s for s in streams_of(contracts) if s.contract.name == "github_users")


def named(
    stream: CapturedStream, reading: Reading | None, *, is_first: bool = False
) -> tuple[str, str]:
    state = state_of(stream, reading, is_first=is_first, now=NOW)
    return state.name, state.problem


def test_a_table_that_was_compared_is_whole(stream: CapturedStream) -> None:
    reading = Reading("compared with ClickHouse at 0/1", stream.columns, "0/1", noted=NOW)

    assert named(stream, reading) == ("whole", "")


def test_a_first_snapshot_under_way_is_no_problem_whatever_was_noted(
    stream: CapturedStream,
) -> None:
    whole = Reading("compared with ClickHouse at 0/1", stream.columns, "0/1")

    assert named(stream, None, is_first=True) == ("being read", "")
    assert named(stream, whole, is_first=True) == ("being read", "")


def test_what_differs_is_said(stream: CapturedStream) -> None:
    reading = Reading("read, and not equal", differs="2 missing in ClickHouse")

    name, problem = named(stream, reading)

    assert (name, "2 missing in ClickHouse" in problem) == ("incomplete", True)


def test_a_reading_that_notes_nothing_any_more_is_a_problem(stream: CapturedStream) -> None:
    reading = Reading("being read: part 3 of 29", noted=NOW - timedelta(seconds=10))

    assert named(stream, reading) == ("being read", "")
    name, problem = named(stream, replace(reading, noted=NOW - STALE))
    assert name == "being read"
    assert "part 3 of 29, 300 s ago" in problem
    assert "`contractline apply connectors` goes on with it" in problem


def test_rows_and_columns_that_were_not_compared_are_a_problem(stream: CapturedStream) -> None:
    known = Reading("compared with ClickHouse at 0/1", stream.columns[:-1], "0/1")

    assert named(stream, None)[0] == "not compared"
    name, problem = named(stream, known)
    assert (name, stream.columns[-1] in problem) == ("not compared", True)


def test_a_note_says_when_it_was_made() -> None:
    assert json.loads(Reading("being read").to_json())["noted"] > "2026"
