"""Reading a text file that somebody else wrote, without trusting it."""

from __future__ import annotations

from pathlib import Path

from contractline.errors import ContractlineError
from contractline.finding import Position

MAX_BYTES = 4 * 1024 * 1024
"""More than any schema or contract needs (a deep one is mostly indentation); keeps a misplaced
dump from being read into memory."""


class FileUnreadable(ContractlineError):
    """When a file can't be read as text; the message says why, without the file's name.

    Attributes:
        position: the line of the first bad byte, where that is the reason.
    """

    def __init__(self, problem: str, position: Position | None = None) -> None:
        self.position = position
        super().__init__(problem)


def read_bytes(file: Path) -> bytes:
    """Return the content of a regular file.

    Raises:
        FileUnreadable: it is missing, no regular file, too large, or the system refuses it.
    """
    try:
        if not file.exists():
            raise FileUnreadable("does not exist")
        if not file.is_file():
            raise FileUnreadable("is not a regular file")
        if (size := file.stat().st_size) > MAX_BYTES:
            raise FileUnreadable(f"is {size:,} bytes large; at most {MAX_BYTES:,} are read")
        return file.read_bytes()
    except OSError as problem:
        raise FileUnreadable(f"can't be read: {problem.strerror or problem}") from problem


def as_text(file: Path) -> str:
    """Return what a file holds, to be compared: of a text every sign, of what is none something."""
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    except OSError:
        return ""


def decoded(content: bytes) -> str:
    """Return the content as text.

    Raises:
        FileUnreadable: it is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        position = Position(content.count(b"\n", 0, problem.start) + 1)
        byte = content[problem.start]
        raise FileUnreadable(f"is not UTF-8: byte 0x{byte:02x}", position) from problem
