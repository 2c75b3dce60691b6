"""The account of a rebuild."""

from __future__ import annotations

import json

from contractline.recovery.rebuild import Rebuilt

ACCOUNT = Rebuilt(
    "commits", "commits_topic", rows=1_000, tombstones=20, errors=3, seconds=2.0, reasons={"EOF": 3}
)


def test_every_message_is_accounted_for():
    assert (ACCOUNT.read, ACCOUNT.rate) == (1_023, 511.5)
    assert str(ACCOUNT) == (
        "commits: 1,023 read = 1,000 rows + 20 tombstones + 3 errors, in 2.0 s (512/s)\n"
        "  3 times: EOF"
    )


def test_as_json():
    assert json.loads(ACCOUNT.to_json()) == {
        "stream": "commits",
        "topic": "commits_topic",
        "read": 1_023,
        "rows": 1_000,
        "tombstones": 20,
        "errors": 3,
        "seconds": 2.0,
        "rate": 511.5,
        "stopped": False,
        "reasons": {"EOF": 3},
    }


def test_nothing_read_has_no_rate():
    assert Rebuilt("s", "t", 0, 0, 0, 0.0).rate == 0
