"""``contractline reset`` asks before it removes anything, and says what to type where it can't."""

from __future__ import annotations

import io

import pytest

from contractline.cli import run


@pytest.fixture
def state(tmp_path):
    for name in ("contracts", "clickhouse_ddl"):
        (tmp_path / name).mkdir()
    state = tmp_path / ".contractline"
    state.mkdir()
    (state / "passwords.json").write_text("{}")
    return state


def reset(state, monkeypatch, answer: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    return run(["--project", str(state.parent), "reset"])


def test_without_a_terminal_it_says_what_to_type(state, monkeypatch, capsys):
    assert reset(state, monkeypatch, "") == 2
    said = capsys.readouterr().err
    assert "there is no terminal to ask at; nothing was removed" in said
    assert "hint: `make reset YES=1`, or `contractline reset --yes`" in said
    assert state.exists()


def test_no_is_no(state, monkeypatch, capsys):
    assert reset(state, monkeypatch, "n\n") == 1
    assert "nothing was removed" in capsys.readouterr().out
    assert state.exists()
