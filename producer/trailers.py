"""The Co-authored-by trailers of a message, as git itself would find them.

git prints trailers only for commits that it holds. The other sources have the message alone, and
one commit must have the same co-authors whatever brought it, so this follows git's trailer.c: what
a block of trailers is, which lines may stand among them, and how folded values are joined.
"""

from __future__ import annotations

from collections.abc import Sequence

KEY = "co-authored-by"

_SPACE = " \t\r"
_COMMENT = "#"
_GENERATED = ("Signed-off-by: ", "(cherry picked from commit ")
"""Lines that git writes itself: with one of them, a quarter of trailers makes a block."""


def co_authors(message: str) -> list[str]:
    """Return the values of a message's Co-authored-by trailers, in their order."""
    if KEY not in message.lower():
        return []
    values = (_value(trailer) for trailer in _trailers(message.split("\n")))
    return [value for value in values if value]


def _trailers(lines: Sequence[str]) -> list[str]:
    """Return the lines of the block of trailers, folded ones joined."""
    joined: list[str] = []
    foldable = False
    for line in _block(lines):
        if foldable and line[:1] in tuple(_SPACE):
            joined[-1] += f"\n{line}"
            continue
        joined.append(line)
        foldable = _separator(line) >= 1
    return joined


def _block(lines: Sequence[str]) -> Sequence[str]:
    """Return the last paragraph when it is one of trailers."""
    first = _end_of_title(lines)
    trailers = others = folded = 0
    is_generated, seen = False, False
    for at in range(len(lines) - 1, first - 1, -1):
        line = lines[at]
        if line.startswith(_COMMENT):
            others, folded = others + folded, 0
        elif _is_blank(line):
            if not seen:
                continue
            others += folded
            enough = trailers * 3 >= others if is_generated else trailers and not others
            return lines[at + 1 :] if enough else ()
        else:
            seen = True
            if line.startswith(_GENERATED):
                trailers, folded, is_generated = trailers + 1, 0, True
            elif _separator(line) >= 1 and line[0] not in _SPACE:
                trailers, folded = trailers + 1, 0
            elif line[0] in _SPACE:
                folded += 1
            else:
                others, folded = others + 1 + folded, 0
    return ()


def _end_of_title(lines: Sequence[str]) -> int:
    """Return where the first paragraph ends, blank lines before it aside; it holds no trailers."""
    started = False
    for at, line in enumerate(lines):
        is_blank = _is_blank(line)
        if started and is_blank and not line.startswith(_COMMENT):
            return at
        started = started or not is_blank
    return len(lines)


def _is_blank(line: str) -> bool:
    return not line.strip(_SPACE)


def _separator(line: str) -> int:
    """Return where the colon after a trailer's key is; -1 when the line has no such key."""
    is_spaced = False
    for at, character in enumerate(line):
        if character == ":":
            return at
        if not is_spaced and (character == "-" or (character.isascii() and character.isalnum())):
            continue
        if at and character in " \t":
            is_spaced = True
            continue
        break
    return -1


def _value(trailer: str) -> str:
    at = _separator(trailer)
    if at < 1 or trailer[:at].strip(_SPACE).lower() != KEY:
        return ""
    first, *folded = trailer[at + 1 :].split("\n")
    return " ".join([first, *(part.lstrip(_SPACE) for part in folded)]).strip(_SPACE)
