"""The cache folder of the user: downloads that all checkouts share."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from contractline.errors import ContractlineError

CACHE_VARIABLE = "CONTRACTLINE_CACHE_DIR"

Progress = Callable[[int], None]
"""Called with the bytes that arrived; negative when they have to be fetched again."""


class DiskFull(ContractlineError):
    """When there is no room for the files that are needed."""

    def __init__(self, folder: Path, needed: int) -> None:
        self.folder = folder
        super().__init__(
            f"no room left in {folder}: {needed / 1e6:.0f} MB are needed",
            hint=f"make room there, or name another folder with {CACHE_VARIABLE}",
        )


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which downloads are kept for all checkouts of the user."""
    chosen = environment.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().resolve()
    return Path(platformdirs.user_cache_dir("contractline"))


@contextmanager
def locked(file: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, so that one process at a time fills a folder.

    Args:
        file: the lock file; made where it is missing.
        waiting: called when another process holds it, before waiting for it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
