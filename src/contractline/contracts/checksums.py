"""SHA256SUMS: what each released file held when it was released, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\x00]+)\Z")


@dataclass(frozen=True, slots=True)
class Sums:
    """The recorded digests.

    Attributes:
        digests: by file name.
        lines: the line of each file's record, counted from 1.
        bad_lines: the lines that are not records.
    """

    digests: Mapping[str, str]
    lines: Mapping[str, int]
    bad_lines: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Sums:
        """Return what a SHA256SUMS file records."""
        digests: dict[str, str] = {}
        lines: dict[str, int] = {}
        bad = []
        for number, line in enumerate(text.splitlines(), 1):
            match = _LINE.match(line)
            if match is None or match.group(2) in digests:
                bad.append(number)
            else:
                digests[match.group(2)] = match.group(1)
                lines[match.group(2)] = number
        return cls(digests, lines, tuple(bad))


def digest(content: bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(content).hexdigest()


def written(digests: Mapping[str, str]) -> str:
    """Return a SHA256SUMS file, its lines in the order of the mapping."""
    return "".join(f"{value}  {name}\n" for name, value in digests.items())
