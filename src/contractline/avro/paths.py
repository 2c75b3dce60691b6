"""JSON paths: how a place inside a document is written, and on which line of a JSON text it is."""

from __future__ import annotations

import json
import re

Steps = tuple[str | int, ...]
"""A place inside a document: member names and positions, from the root down."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*\Z", re.ASCII)
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def json_path(steps: Steps) -> str:
    """Return a place as people read it, such as ``$.fields[3].type``."""
    return "$" + "".join(_written(step) for step in steps)


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_NAME.match(step) else f"[{json.dumps(step, ensure_ascii=False)}]"


def json_line(text: str, steps: Steps) -> int:
    """Return the line, counted from 1, of a place in a JSON text.

    A place that the text does not hold (a missing member) is where the value above it is. The text
    must be valid JSON.
    """
    at = _skip(text, 0)
    where = at
    for step in steps:
        found = _child(text, at, step)
        if found is None:
            break
        where, at = found
    return text.count("\n", 0, where) + 1


def _child(text: str, at: int, step: str | int) -> tuple[int, int] | None:
    """Return where a child of the container at ``at`` begins, and where its value does."""
    if text[at] not in "{[":
        return None
    named = text[at] == "{"
    found, position, at = None, 0, _skip(text, at + 1)
    while text[at] not in "}]":
        name: str | int = position
        start = at
        if named:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == step:
            found = (start, at)
            if not named:
                return found
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        position += 1
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
