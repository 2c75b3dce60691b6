from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path

import pytest

from producer.report import Bar, ReportLines, RunAccount, Saved, StreamCount, reporter
from producer.sources.base import RefPlace


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (RunAccount("git", "commits", read=3, acknowledged=3), 0),
        (RunAccount("git", "commits"), 0),
        (RunAccount("git", "commits", read=3, acknowledged=2, refused=1), 1),
        (RunAccount("git", "commits", read=3, acknowledged=2, failed=1), 2),
        (RunAccount("git", "commits", read=3, acknowledged=3, stopped=True), 0),
        (RunAccount("git", "commits", read=3, acknowledged=3, stopped=True, interrupted=True), 130),
        (RunAccount("git", "commits", read=3, failed=1, stopped=True, interrupted=True), 2),
        (RunAccount("git", "commits", read=3, acknowledged=2, refused=1, error="broken"), 2),
    ],
)
def test_the_exit_code_says_how_it_went(account, code):
    assert account.exit_code == code


def test_the_account_in_words_adds_up():
    account = RunAccount("git", "commits", 2, 12_345, 12_340, 1, 4, 2.0, dead_letters="x.jsonl")
    assert str(account) == (
        "git: 12,345 read = 12,340 acknowledged + 1 failed + 4 refused, in 2.0 s (6,170/s)\n"
        "the refused records and the reasons are in x.jsonl"
    )


def test_the_account_as_json():
    place = RefPlace("git", "a/b", "refs/heads/main")
    account = RunAccount("git", "commits", 2, 5, 5, seconds=2.5, cursors=[Saved(place, "1" * 40)])

    values = json.loads(account.to_json())

    assert values["cursors"] == [
        {
            "source": "git",
            "repository": "a/b",
            "ref": "refs/heads/main",
            "position": "1" * 40,
        }
    ]
    assert values["rate"] == 2.0
    assert values["read"] == values["acknowledged"] + values["failed"] + values["refused"]


def test_every_field_of_the_json_is_in_the_guide():
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "producer.md").read_text()
    missing = [f.name for f in fields(RunAccount) if f"`{f.name}`" not in guide]
    assert not missing, "describe them in docs/guides/producer.md"


def test_lines_are_written_now_and_then(monkeypatch):
    now = 100.0
    monkeypatch.setattr("producer.report.time.monotonic", lambda: now)
    out = io.StringIO()
    lines = ReportLines(out)

    for second in range(12):
        now = 100.0 + second
        lines.show(StreamCount(second * 1000, second * 900, second, second * 100, 20_000))
    lines.say("fetched")

    assert out.getvalue().splitlines() == [
        "4,500 of 20,000 acknowledged, 900/s, lag 500, 5 refused",
        "9,000 of 20,000 acknowledged, 900/s, lag 1,000, 10 refused",
        "fetched",
    ]


def test_lines_are_silent_while_nothing_moves(monkeypatch):
    now = 100.0
    monkeypatch.setattr("producer.report.time.monotonic", lambda: now)
    out = io.StringIO()
    lines = ReportLines(out)
    for second in range(60):
        now = 100.0 + second
        lines.show(StreamCount())
    assert out.getvalue() == ""


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    shown = reporter(terminal)
    assert isinstance(shown, Bar)
    with shown:
        shown.show(StreamCount(10, 8, 1, 1, 100))
        shown.say("fetched [x] in 1 s")
    assert "fetched [x] in 1 s" in terminal.getvalue()
    assert isinstance(reporter(io.StringIO()), ReportLines)
