"""What capture needs of a server and a slot, on what was read of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contractline.debezium.source import Slot, SourceServer
from contractline.finding import Severity
from contractline.targets.postgres import checks

GOOD = SourceServer(
    18, "logical", max_slots=4, used_slots=1, max_senders=4, used_senders=1, keep_size_mb=99
)
READ = Slot(active=True, state="reserved", kept_bytes=0)


def test_a_good_server_has_nothing_to_say() -> None:
    assert list(checks.server(GOOD)) == []
    assert list(checks.slot("postgres", "contractline", READ, GOOD)) == []
    assert list(checks.slot("postgres", "contractline", None, GOOD)) == []


def test_another_wal_level_is_refused_with_the_setting() -> None:
    (finding,) = checks.server(replace(GOOD, wal_level="replica"))
    assert finding.severity is Severity.ERROR
    assert "ALTER SYSTEM SET wal_level = logical" in finding.hint


def test_an_unbounded_log_is_a_warning() -> None:
    (finding,) = checks.server(replace(GOOD, keep_size_mb=-1))
    assert finding.severity is Severity.WARNING


def test_a_slot_that_can_not_be_made_is_refused() -> None:
    (finding,) = checks.slot("postgres", "contractline", None, replace(GOOD, used_slots=4))
    assert "all 4 are used" in finding.message
    assert "max_replication_slots = 8" in finding.hint


def test_a_full_server_still_serves_its_own_slot() -> None:
    full = replace(GOOD, used_slots=4, used_senders=4)
    assert list(checks.slot("postgres", "contractline", READ, full)) == []


def test_missing_senders_are_refused() -> None:
    full = replace(GOOD, used_senders=4)
    (finding,) = checks.slot("postgres", "contractline", replace(READ, active=False), full)
    assert finding.rule == "POSTGRES_SENDER_FREE"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("lost", "dropped log that was not read yet"),
        ("unreserved", "holds back 3 GB of log"),
    ],
)
def test_a_slot_in_danger_is_refused(state: str, words: str) -> None:
    slot = Slot(active=False, state=state, kept_bytes=3 * 1024**3)
    (finding,) = checks.slot("postgres", "contractline", slot, GOOD)
    assert words in finding.message


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (12 * 1024, "12 KB"), (5 << 20, "5 MB"),
     (7 << 40, "7168 GB")],
)  # fmt: skip
def test_sizes(count: int, text: str) -> None:
    assert checks.size(count) == text
