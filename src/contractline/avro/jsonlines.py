"""Records as JSON that somebody else wrote: one object a line, or a whole file of them."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, BinaryIO, NoReturn

from contractline.avro.depth import TOO_DEEP, is_too_deep
from contractline.avro.files import FileUnreadable, decoded
from contractline.errors import ContractlineError
from contractline.finding import TOP

Record = dict[str, Any]

MAX_WHOLE_BYTES = 64 * 1024 * 1024
"""The largest list that is read; lines may be as many as they like."""

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    Decimal: "a number",
    str: "a text",
    list: "a list",
}


class RecordUnreadable(ContractlineError):
    """When a text holds no record; the message says why.

    Attributes:
        problem: what is wrong.
        line: the line, counted from 1, in which it is wrong.
    """

    def __init__(self, problem: str, line: int = 1) -> None:
        self.problem = problem
        self.line = line
        super().__init__(f"line {line}: {problem}")


def record(text: str | bytes, line: int = 1) -> Record:
    """Return the record that a text holds; numbers with a fraction are decimals, nothing is lost.

    Raises:
        RecordUnreadable: it is not a JSON object in UTF-8, or says a name twice.
    """
    plain = text if isinstance(text, str) else _text(text, line)
    return _record(_value(plain, line), line)


def records(stream: BinaryIO) -> Iterator[tuple[int, Record]]:
    """Yield the records of a file with their numbers, counted from 1.

    The file is one object a line, and is read line by line; or one object, or a list of objects.

    Raises:
        RecordUnreadable: it is none of them.
    """
    lines = ((n, line) for n, line in enumerate(stream, 1) if line.strip())
    first = next(lines, None)
    if first is None:
        return
    begin = (first[0], first[1].removeprefix(BOM_UTF8))
    if _is_object(begin[1]):
        for number, line in chain([begin], lines):
            yield number, _whole(record(line, number), line, number)
        return
    content = begin[1] + stream.read(MAX_WHOLE_BYTES)
    if len(content) > MAX_WHOLE_BYTES:
        problem = f"larger than {MAX_WHOLE_BYTES:,} bytes: write one object a line"
        raise RecordUnreadable(problem)
    value = _value(_text(content, 1), 1)
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        yield number, _whole(_record(item, number), content, number)


def _is_object(line: bytes) -> bool:
    """Whether a file's first line is an object by itself, so that its lines are; or is broken."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}")


def _text(content: bytes, line: int) -> str:
    try:
        return decoded(content)
    except FileUnreadable as problem:
        raise RecordUnreadable(str(problem), line + (problem.position or TOP).line - 1) from problem


def _value(text: str, line: int) -> Any:
    try:
        value = json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as problem:
        raise RecordUnreadable(f"not JSON: {problem.msg}", line + problem.lineno - 1) from problem
    except RecursionError as problem:
        raise RecordUnreadable(TOO_DEEP, line) from problem
    except ValueError as problem:
        raise RecordUnreadable(str(problem), line) from problem
    if is_too_deep(value, text):
        raise RecordUnreadable(TOO_DEEP, line)
    return value


def _whole(value: Record, text: bytes, line: int) -> Record:
    """Refuse texts that are not texts: JSON can write half of a character, and nothing else can."""
    if _HALF.search(text):
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as problem:
            words = "a text holds half of a character, such as \\ud83d alone"
            raise RecordUnreadable(words, line) from problem
    return value


_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def _record(value: Any, line: int) -> Record:
    if not isinstance(value, dict):
        raise RecordUnreadable(f"a record is an object, not {_KINDS[type(value)]}", line)
    return value


def _object(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name `{twice}` stands twice in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name} is not a number")
