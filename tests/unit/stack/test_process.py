"""Recognising a process."""

import os
import sys

import psutil
import pytest

from contractline.stack.process import ProcessIdentity


def test_a_process_is_not_another_one_that_started_later():
    own = ProcessIdentity.of(os.getpid())
    assert own.process() is not None
    assert ProcessIdentity(own.pid, own.started - 1).process() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux moves its start with the clock")
def test_a_process_is_the_same_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch):
    own = ProcessIdentity.of(os.getpid())
    before = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: before + 20)
    assert own.process() is not None
