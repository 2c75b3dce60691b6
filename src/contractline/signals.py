"""How a command ends before its time."""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM, which a CI sends, end what runs inside as Ctrl-C does: it leaves nothing behind.

    Outside the main thread, where no signal arrives, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def temporary_folder(prefix: str, within: Path | None = None) -> Iterator[Path]:
    """Make a folder that is gone at the end, with all that is in it, whenever an interrupt comes.

    One that comes while the folder is made or removed waits until that is done.

    Args:
        prefix: how its name begins.
        within: where it lies; among the system's temporary files unless said.
    """
    allowed = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
            yield folder
        finally:
            try:
                signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
