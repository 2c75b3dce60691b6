"""The logs: what is shown of them, and that they stay bounded."""

from __future__ import annotations

from pathlib import Path

from contractline.stack.keeper import TAIL_LINES, last_lines
from contractline.stack.supervisor import bound_logs


def test_a_large_log_is_set_aside_and_its_writer_goes_on(tmp_path: Path):
    log = tmp_path / "kafka.log"
    with log.open("ab") as writer:
        writer.write(b"old\n" * 100)
        writer.flush()

        bound_logs(tmp_path, limit=100)
        writer.write(b"new\n")

    assert log.read_text() == "new\n"
    assert (tmp_path / "kafka.log.1").read_text() == "old\n" * 100


def test_a_small_log_stays(tmp_path: Path):
    (tmp_path / "kafka.log").write_text("few\n")

    bound_logs(tmp_path, limit=100)

    assert [file.name for file in tmp_path.iterdir()] == ["kafka.log"]


def test_the_last_lines_are_those_of_this_start(tmp_path: Path):
    log = tmp_path / "kafka.log"
    log.write_text("earlier\n")
    start = log.stat().st_size
    with log.open("a") as stream:
        stream.writelines(f"line {number}\n" for number in range(100))

    lines = last_lines(log, start)

    assert lines == [f"line {number}" for number in range(100 - TAIL_LINES, 100)]
    assert last_lines(log, log.stat().st_size) == []
    assert last_lines(tmp_path / "none.log", 0) == []
