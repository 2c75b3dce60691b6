"""Generated passwords."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from contractline.stack.layout import StateDamaged
from contractline.stack.passwords import Passwords


def test_they_are_made_once_and_kept_for_the_owner(tmp_path: Path):
    file = tmp_path / "passwords.json"

    made = Passwords.load(file)

    assert len(set(astuple(made))) == len(astuple(made))
    assert min(len(password) for password in astuple(made)) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert Passwords.load(file) == made


def test_a_missing_one_is_added_and_the_others_stay(tmp_path: Path):
    file = tmp_path / "passwords.json"
    file.write_text('{"postgres": "kept"}')

    made = Passwords.load(file)

    assert made.postgres == "kept"
    assert made.clickhouse
    assert Passwords.load(file) == made


def test_they_do_not_show_in_a_traceback(tmp_path: Path):
    made = Passwords.load(tmp_path / "passwords.json")

    assert made.postgres not in repr(made)


def test_a_damaged_file_is_no_reason_for_new_ones(tmp_path: Path):
    file = tmp_path / "passwords.json"
    file.write_text('{"postgres": "ke')

    with pytest.raises(StateDamaged, match=r"passwords\.json is damaged"):
        Passwords.load(file)

    assert file.read_text() == '{"postgres": "ke'
