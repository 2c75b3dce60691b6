from __future__ import annotations

import json

import pytest

from contractline.kafka.dead_letters import Letters, LettersUnwritable
from contractline.kafka.validate import ValueMistake


def test_a_letter_holds_the_record_and_the_reason(tmp_path):
    letters = Letters(tmp_path / "deep" / "x.jsonl", "commits")
    letters.keep({"author": None, "raw": b"\xff"}, ValueMistake("$.author", None, "must be"), 2)
    letters.keep({"author": "день"}, ValueMistake("$.x", 2**70, "is out of range"), 2)
    letters.close()
    again = Letters(letters.file, "commits")
    again.keep({}, ValueMistake("$", {}, "empty"), 1)
    again.close()

    first, second, third = map(json.loads, letters.file.read_text().splitlines())

    assert (first["stream"], first["version"], first["path"]) == ("commits", 2, "$.author")
    assert (first["value"], first["problem"]) == (None, "must be")
    assert first["record"] == {"author": None, "raw": "b'\\xff'"}
    assert second["value"] == 2**70
    assert second["record"]["author"] == "день"
    assert third["version"] == 1
    assert letters.kept == 2
    assert letters.file.stat().st_mode & 0o777 == 0o600


def test_no_file_is_made_without_a_letter(tmp_path):
    letters = Letters(tmp_path / "x.jsonl", "commits")
    letters.close()
    assert not letters.file.exists()


def test_a_letter_that_cannot_be_kept_stops_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    letters = Letters(tmp_path / "file" / "x.jsonl", "commits")

    with pytest.raises(LettersUnwritable) as problem:
        letters.keep({}, ValueMistake("$", {}, "empty"), 1)

    assert "--dead-letters" in problem.value.hint
