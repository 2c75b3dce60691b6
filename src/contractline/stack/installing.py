"""Installs the packages of a lock with pip, its output in a log: `python installing.py LOCK LOG`.

The Makefile runs it as a file, before contractline is installed: it imports nothing but the standard
library.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_REQUIREMENT = re.compile(r"^[A-Za-z0-9][\w.-]*(\[[\w,-]+\])? ?(==|@)", re.MULTILINE)
_LOOKED_AT = re.compile(r"(Collecting|Processing|Ignoring|Requirement already satisfied:) ")
_WRITTEN_LAST = "Installing collected packages"
_LINES_OF_A_FAILURE = 15


def install(lock: Path, log: Path, tell: Callable[[str], None]) -> int:
    """Install the packages of a lock; return pip's exit code.

    Args:
        lock: the requirements, each with its hash.
        log: the file that keeps what pip says.
        tell: takes how far it has come, in words.
    """
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--progress-bar", "off", "--no-deps", "--require-hashes", "-r", str(lock)]
    total = len(_REQUIREMENT.findall(lock.read_text(encoding="utf-8")))
    looked_at = 0
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(  # noqa: S603 - own command
            [*pip, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
        ) as running,
    ):
        for line in running.stdout or ():
            kept.write(line)
            kept.flush()
            if _LOOKED_AT.match(line):
                looked_at += 1
                tell(f"{min(looked_at, total)} of {total} packages")
            elif line.startswith(_WRITTEN_LAST):
                tell(f"{total} of {total} packages, writing them")
    return running.returncode


def main(arguments: list[str]) -> int:
    """Install, with one line that shows how far it is, and return the exit code."""
    lock, log = map(Path, arguments)
    is_terminal = sys.stdout.isatty()

    def tell(words: str) -> None:
        if is_terminal:
            sys.stdout.write(f"\r\033[K  {words}")
            sys.stdout.flush()

    code = install(lock, log, tell)
    if is_terminal:
        sys.stdout.write("\r\033[K")
    if code:
        last = log.read_text(encoding="utf-8").splitlines()[-_LINES_OF_A_FAILURE:]
        sys.stderr.write("\n".join([*last, f"(all of it: {log})", ""]))
    else:
        sys.stdout.write(f"  installed what {lock.name} names (pip's own words: {log})\n")
    return 2 if code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
