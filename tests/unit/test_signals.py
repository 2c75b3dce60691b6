"""How a command ends before its time: a folder is gone whenever the interrupt came."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contractline.signals import sigterm_interrupts, temporary_folder

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def interrupted(call: Callable[..., Any], number: int, *, before: bool) -> Callable[..., Any]:
    def called(*arguments: Any, **more: Any) -> Any:
        if before:
            signal.raise_signal(number)
        result = call(*arguments, **more)
        signal.raise_signal(number)
        return result

    return called


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("before", [False, True], ids=["after", "around"])
@pytest.mark.parametrize(("module", "name"), [(tempfile, "mkdtemp"), (shutil, "rmtree")])
def test_an_interrupt_while_the_folder_is_made_or_removed(
    place, monkeypatch, number, before, module, name
):
    begun = []
    monkeypatch.setattr(module, name, interrupted(getattr(module, name), number, before=before))
    with pytest.raises(KeyboardInterrupt), sigterm_interrupts(), temporary_folder("x-") as folder:
        begun.append(folder)
    assert list(place.iterdir()) == []
    assert bool(begun) == (name == "rmtree")
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(SIGNALS)


def test_a_folder_is_there_inside_alone_and_gone_with_all_that_is_in_it(place):
    with temporary_folder("x-") as folder:
        (folder / "inner").mkdir()
        assert folder.name.startswith("x-")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert list(place.iterdir()) == []
