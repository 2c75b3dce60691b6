"""The file of events."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contractline import events
from contractline.stack.eventlog import EventLog, EventReader


def test_a_reader_gets_each_event_once(tmp_path: Path):
    log, reader = EventLog(tmp_path / "e"), EventReader(tmp_path / "e")
    first, second = events.StackReady(seconds=1), events.StackStopped()
    log.write(first)
    assert list(reader.read()) == [first]
    assert list(reader.read()) == []
    log.write(second)
    assert list(reader.read()) == [second]
    assert log.history == [first, second]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path):
    file = tmp_path / "e"
    line = events.ServiceTold(service="postgres", text="läuft").to_json().encode() + b"\n"
    reader = EventReader(file)
    file.write_bytes(line[:-12])
    assert list(reader.read()) == []
    file.write_bytes(line)
    [event] = reader.read()
    assert isinstance(event, events.ServiceTold)
    assert event.text == "läuft"


def test_a_missing_file_has_no_events(tmp_path: Path):
    assert list(EventReader(tmp_path / "none").read()) == []


def test_following_ends_after_the_last_event(tmp_path: Path):
    log = EventLog(tmp_path / "e")
    last = events.StackStopped()

    def goes_on() -> bool:
        log.write(last)
        return False

    assert list(EventReader(tmp_path / "e").follow(goes_on)) == [last]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_does_not_fail_the_writer_and_loses_no_event(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.symlink_to("/dev/full")
    log = EventLog(disk)
    log.write(events.SupervisorStarted(pid=1))
    room = tmp_path / "events.jsonl"
    os.dup2(os.open(room, os.O_WRONLY | os.O_CREAT), log._descriptor)

    log.write(events.SupervisorStarted(pid=2))

    assert log.history == list(EventReader(room).read())
    assert len(log.history) == 2
