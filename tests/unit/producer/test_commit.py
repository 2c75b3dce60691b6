from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from producer.commit import message, micros, micros_of


def test_seconds_become_micros():
    assert micros(0) == 0
    assert micros(1_700_000_000) == 1_700_000_000_000_000
    assert micros(-1) == -1_000_000


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (4_294_967_296, datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)),
        (10_413_791_999, datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (10_413_792_000, datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (10**30, datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (-2_208_988_800, datetime(1900, 1, 1, tzinfo=UTC)),
        (-(10**30), datetime(1900, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_date_beyond_what_readers_hold_becomes_the_nearest(seconds, shown):
    assert micros(seconds) == int(shown.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC),
        datetime(2026, 3, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 3, 1, 4, 30, 0, tzinfo=timezone(timedelta(hours=-7, minutes=-30))),
    ],
)
def test_a_moment_is_the_same_in_every_zone(moment):
    assert micros_of(moment) == micros(1_772_366_400)


def test_a_moment_before_1970_is_rounded_down_like_any_other():
    assert micros_of(datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)) == -2_000_000


@pytest.mark.parametrize("given", ["subject\n\nbody\n", "subject\n\nbody", "subject\n\nbody\n\n\n"])
def test_a_message_is_the_same_with_and_without_newlines_at_its_end(given):
    assert message(given) == "subject\n\nbody"


def test_nothing_else_of_a_message_is_changed():
    assert message("\n  a \t\r\n b \r\n") == "\n  a \t\r\n b \r"
    assert message("") == ""
