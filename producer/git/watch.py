"""Noticing that refs of a local repository have moved, without starting git.

git writes a ref by renaming a new file over the old one, so its inode and its time change. A look
costs some file status calls, where asking git costs processes; a follower of hundreds of
repositories looks several times a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from producer.git.command import Git

Stamp = tuple[tuple[str, int, int, int], ...]

_FILES = ("HEAD", "packed-refs", "reftable/tables.list")
_FOLDER = "refs"


class RefsWatch:
    """Tells whether refs of a repository may have moved.

    Args:
        git: the repository.
    """

    def __init__(self, git: Git) -> None:
        self._git = git
        self._folders: list[Path] | None = None
        self._stamp: Stamp | None = None

    def has_moved(self) -> bool:
        """Tell whether anything was written since the last call; true the first time.

        Raises:
            GitFailed: the repository can't be found any more.
        """
        if self._folders is None:
            found = self._git.text(
                "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir"
            )
            # A worktree has a HEAD of its own and shares the other refs.
            self._folders = [Path(line) for line in dict.fromkeys(found.split("\n"))]
        before, self._stamp = self._stamp, tuple(self._look())
        return self._stamp != before

    def forget(self) -> None:
        """Let the next call say that something was written."""
        self._stamp = None

    def _look(self) -> Iterator[tuple[str, int, int, int]]:
        for folder in self._folders or ():
            for name in _FILES:
                yield from _stamps(str(folder / name))
            for path, _, files in os.walk(folder / _FOLDER):
                yield from _stamps(path)
                for name in sorted(files):
                    yield from _stamps(os.path.join(path, name))  # noqa: PTH118 - called very often


def _stamps(path: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        status = os.stat(path)  # noqa: PTH116 - called very often
    except OSError:
        return
    yield path, status.st_ino, status.st_mtime_ns, status.st_size
