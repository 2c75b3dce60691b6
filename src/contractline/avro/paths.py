"""JSON paths: how a place inside a document is written, and where in a JSON text it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from contractline.avro.depth import MAX_DEPTH
from contractline.finding import TOP, Position

Steps = tuple[str | int, ...]
"""A place inside a document: member names and positions, from the root down."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*\Z", re.ASCII)
_STEP = re.compile(r'\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]', re.ASCII)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def json_path(steps: Steps) -> str:
    """Return a place as people read it, such as ``$.fields[3].type``."""
    return "$" + "".join(_written(step) for step in steps)


def steps_of(path: str) -> Steps:
    """Return the place that a JSON path in this writing names; the root where it is none."""
    found = _STEP.finditer(path.removeprefix("$"))
    return tuple(_step(match) for match in found)


def _step(match: re.Match[str]) -> str | int:
    name, number, quoted = match.groups()
    if number is not None:
        return int(number)
    return str(name if name is not None else json.loads(quoted))


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_NAME.match(step) else f"[{json.dumps(step, ensure_ascii=False)}]"


class JsonPlaces:
    """Where every place of a JSON text stands, found in one pass.

    As far as the text is JSON: a member is where its name is.

    Attributes:
        repeated: the first name that stands twice in its object; None when there is none.
    """

    def __init__(self, text: str) -> None:
        self._root = _JsonPlace(TOP)
        self.repeated: Steps | None = None
        opened: list[_Container] = []
        place, expects_value = self._root, True
        for sign, position in _signs(text):
            inner = opened[-1] if opened else None
            if inner and inner.expects_name and sign.startswith('"'):
                inner.step, inner.expects_name = json.loads(sign), False
                place = self._begun(opened, position)
                continue
            if expects_value and sign not in _NO_VALUE and not (inner and inner.is_object):
                place = self._begun(opened, position)
            expects_value = _expects_value_after(sign, opened, place)
            if len(opened) > MAX_DEPTH:
                break

    def position(self, steps: Steps) -> Position:
        """Return where a place is; of the value above it when it is missing."""
        place = self._root
        for step in steps:
            if step not in place.inner:
                break
            place = place.inner[step]
        return place.position

    def _begun(self, opened: Sequence[_Container], position: Position) -> _JsonPlace:
        """Return the place that begins at a position."""
        if not opened:
            self._root.position = position
            return self._root
        around = opened[-1]
        known = around.place.inner.get(around.step)
        if known is None:
            known = around.place.inner[around.step] = _JsonPlace(position)
        elif self.repeated is None:
            self.repeated = tuple(one.step for one in opened)
        known.position = position
        return known


@dataclass(slots=True)
class _JsonPlace:
    """A value of the text, and those inside it."""

    position: Position
    inner: dict[str | int, _JsonPlace] = field(default_factory=dict)


@dataclass(slots=True)
class _Container:
    """An open object or array: where in it the reading is, and whether a name comes next."""

    place: _JsonPlace
    is_object: bool
    step: str | int
    expects_name: bool


_NO_VALUE = frozenset("}],:")


def _signs(text: str) -> Iterator[tuple[str, Position]]:
    """Yield the signs of a JSON text: brackets, commas, colons, and whole strings and numbers."""
    line, line_start, read = 1, 0, 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if breaks := text.count("\n", read, start):
            line, line_start = line + breaks, text.rindex("\n", read, start) + 1
        sign, read = match.group(), start
        end_column = None if sign in "[{" else end - line_start + 1
        yield sign, Position(line, start - line_start + 1, end_column)


def _expects_value_after(sign: str, opened: list[_Container], place: _JsonPlace) -> bool:
    """Take one sign in, which may open a place, and return whether a value comes next."""
    match sign:
        case "{":
            opened.append(_Container(place, True, "", True))
        case "[":
            opened.append(_Container(place, False, 0, False))
        case "}" | "]" if opened:
            opened.pop()
        case "," if opened:
            inner = opened[-1]
            inner.expects_name = inner.is_object
            if isinstance(inner.step, int):
                inner.step += 1
    return sign in ("[", ":") or (sign == "," and bool(opened) and not opened[-1].is_object)
