"""The folders of a commit as files: links where the checkout holds the same, written elsewhere."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from contractline.avro.files import MAX_BYTES
from contractline.contracts.load import SYSTEM
from contractline.gate.base_git import Entry, Git
from contractline.project import CONTRACTS, Project

FOLDERS = (CONTRACTS, "clickhouse_ddl", "connect", "reports", "producer")
"""What of a checkout the gate reads."""


def laid_out(git: Git, commit: str, checkout: Path, root: Path) -> Project:
    """Make the folders of a commit that the gate reads; what is not a regular file is left out.

    A contract's folder that the checkout holds in just the same way becomes a link to it, and so
    does any other folder: of hundreds of contracts a change touches a few.

    Args:
        git: the repository.
        commit: the commit.
        checkout: the checkout.
        root: where they are made.

    Raises:
        GitFailed: git does not give a file.
    """
    parts: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in git.entries(commit, FOLDERS):
        parts[_linked_with(entry.path)].append(entry)
    (root / CONTRACTS / SYSTEM).mkdir(parents=True)
    files: list[Entry] = []
    for folder, entries in parts.items():
        if folder and _holds(checkout, folder, entries):
            (root / folder).symlink_to((checkout / folder).resolve())
        else:
            files += filter(_is_read, entries)
    for file, content in zip(files, git.contents(files), strict=True):
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(content)
    return Project(root)


def _linked_with(path: str) -> str:
    """Return the folder that is linked when all of it is the same; empty for a file in none."""
    first, _, rest = path.partition("/")
    if first != CONTRACTS or not rest:
        return first if rest else ""
    inner = rest.split("/")[:-1]
    depth = 2 if inner[:1] == [SYSTEM] else 1
    return "/".join((first, *inner[:depth])) if len(inner) >= depth else ""


def _is_read(entry: Entry) -> bool:
    return entry.size is not None and entry.size <= MAX_BYTES


def _holds(checkout: Path, folder: str, entries: Sequence[Entry]) -> bool:
    """Tell whether a folder of the checkout holds just these files."""
    start = f"{checkout}{os.sep}"
    try:
        there = {one.path.removeprefix(start): one for one in _inside(checkout / folder)}
        return len(there) == len(entries) and all(
            _is_same(there.get(entry.path), entry) for entry in entries
        )
    except OSError:
        return False


def _inside(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield all that lies in a folder and in those inside it, folders aside."""
    with os.scandir(folder) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                yield from _inside(one.path)
            else:
                yield one


def _is_same(there: os.DirEntry[str] | None, entry: Entry) -> bool:
    if there is None or not there.is_file(follow_symlinks=False) or not _is_read(entry):
        return False
    return entry.holds(Path(there.path).read_bytes())
