"""What the endpoint has to know of a statement: whether it answers with rows, in which format, where its data starts.

Only the tokens are read; whether the statement is right is for the engine to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.session import quote


class Kind(Enum):
    """How a statement is run."""

    ROWS = "rows"
    """It answers with rows, any number of them: SELECT."""
    FEW_ROWS = "few rows"
    """It answers with rows that fit into memory: SHOW, DESCRIBE, EXPLAIN, KILL and the like."""
    DATA = "data"
    """An INSERT whose data follows it."""
    OTHER = "other"
    """Everything else; it answers nothing."""


_ROWS = frozenset({"SELECT", "WITH", "FROM", "("})
_FEW_ROWS = frozenset(
    ["SHOW", "DESC", "DESCRIBE", "EXPLAIN", "EXISTS", "CHECK", "KILL", "BACKUP", "RESTORE"],
)

# A name after FORMAT is a format, unless it is a word that can follow a column called `format`.
_NOT_A_FORMAT = frozenset(
    [
        "AND",
        "AS",
        "ASC",
        "BETWEEN",
        "BY",
        "DESC",
        "EXCEPT",
        "FORMAT",
        "FROM",
        "GROUP",
        "HAVING",
        "ILIKE",
        "IN",
        "INTERSECT",
        "INTO",
        "IS",
        "LIKE",
        "LIMIT",
        "NOT",
        "OFFSET",
        "OR",
        "ORDER",
        "PREWHERE",
        "QUALIFY",
        "SETTINGS",
        "THEN",
        "UNION",
        "WHEN",
        "WHERE",
        "WINDOW",
    ]
)

_TOKEN = re.compile(
    rb"""
      (?P<space> \s+ | --[^\n]* | \#[\ !][^\n]* )
    | (?P<comment> /\* )
    | (?P<string> '(?:[^'\\]|\\.|'')*' | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<quoted> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" )
    | (?P<word> [A-Za-z_][A-Za-z0-9_$]* )
    | (?P<number> [0-9][0-9A-Za-z_.]* )
    | (?P<symbol> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


class Token(NamedTuple):
    """A token: its kind, its text, and where it is.

    Attributes:
        kind: ``word``, ``quoted``, ``string``, ``number`` or ``symbol``.
        text: the text; words in upper case.
        start: offset of its first byte.
        end: offset after its last byte.
        depth: how many brackets are open around it.
    """

    kind: str
    text: str
    start: int
    end: int
    depth: int


def tokens(text: bytes) -> Iterator[Token]:
    """Read the tokens of a statement, leaving out white space and comments."""
    position, depth = 0, 0
    while found := _TOKEN.match(text, position):
        kind, start, position = str(found.lastgroup), position, found.end()
        if kind == "comment":
            position = _end_of_comment(text, position)
        elif kind != "space":
            part = found.group().decode("utf-8", "replace")
            if part in (")", "]", "}"):
                depth -= 1
            yield Token(kind, part.upper() if kind == "word" else part, start, position, depth)
            if part in ("(", "[", "{"):
                depth += 1


def _end_of_comment(text: bytes, position: int) -> int:
    """Return the offset after a comment, which may hold others."""
    level = 1
    while level and (edge := _COMMENT_EDGE.search(text, position)):
        level += 1 if edge.group() == b"/*" else -1
        position = edge.end()
    return len(text) if level else position


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement taken apart as far as running it needs.

    Attributes:
        kind: how it is run.
        verb: its first word, in upper case.
        format: the format that it names.
        text: the statement; of an INSERT with data, without the data and its format.
        format_span: where the FORMAT of an answer stands in ``text``.
        data_at: where the data of an INSERT starts.
        file_at: where ``FROM INFILE`` belongs in an INSERT's ``text``.
        inputs: where the ``input`` functions stand in an ``INSERT … SELECT … FROM input(…)``.
        keeps: it leaves something in its session: a setting, a temporary table.
    """

    kind: Kind
    verb: str
    text: bytes
    format: str | None = None
    format_span: tuple[int, int] | None = None
    data_at: int | None = None
    file_at: int | None = None
    inputs: tuple[Token, ...] = ()
    keeps: bool = False

    def answering_into(self, path: str, output_format: str) -> bytes:
        """Return the statement with its answer going to a file."""
        start, end = self.format_span or (len(self.text), len(self.text))
        outfile = self._outfile(path, output_format).encode()
        return self.text[:start] + outfile + self.text[end:]

    def without_file(self, reason: str, path: str, output_format: str) -> str:
        """Return an error's text as if the statement had not been changed by ``answering_into``."""
        own = f"FORMAT {self.format}" if self.format else ""
        return reason.replace(self._outfile(path, output_format), own)

    def _outfile(self, path: str, output_format: str) -> str:
        return f"\nINTO OUTFILE {quote(path)} TRUNCATE FORMAT {self.format or output_format}\n"

    def reading(self, path: str) -> bytes:
        """Return an INSERT with its data coming from a file."""
        input_format = self.format or "Values"
        if self.file_at is None:
            return self._reading_through_select(path, input_format)
        infile = f"\nFROM INFILE {quote(path)} COMPRESSION 'none'\n"
        before, after = self.text[: self.file_at], self.text[self.file_at :]
        return before + infile.encode() + after + f"\nFORMAT {input_format}".encode()

    def _reading_through_select(self, path: str, input_format: str) -> bytes:
        # The engine reads nothing through input(), in silence; file() takes the same structure.
        text = self.text
        for token in reversed(self.inputs):
            call = f"file({quote(path)}, {quote(input_format)}, ".encode()
            opening = text.index(b"(", token.end)
            text = text[: token.start] + call + text[opening + 1 :]
        return text


def parse(text: bytes) -> Statement:
    """Take a statement apart.

    Args:
        text: the statement, of an INSERT perhaps with only the beginning of its data.

    Raises:
        QueryFailed: there is no statement, more than one, or one that names a file of the server.
    """
    found = tokens(text)
    first = next(found, None)
    if first is None:
        raise QueryFailed.of(Code.SYNTAX_ERROR, "Empty query")
    if first.text == "INSERT":
        return _insert(text, found)
    seen = [first]
    for token in _single(found):
        if first.text == "WITH" and (seen[-1].text, token.text) == ("INSERT", "INTO"):
            return _insert(text, found)
        seen.append(token)
    end = seen[-1].end
    if first.text in _ROWS | _FEW_ROWS:
        return _answering(text[:end], seen)
    keeps = first.text in ("SET", "USE", "BEGIN") or "TEMPORARY" in {t.text for t in seen[:4]}
    return Statement(Kind.OTHER, first.text, text[:end], keeps=keeps)


def _single(found: Iterator[Token]) -> Iterator[Token]:
    """Pass the tokens of one statement on, and refuse a second one."""
    for token in found:
        if token.text == ";" and token.depth == 0:
            if next((t for t in found if t.text != ";"), None) is not None:
                raise QueryFailed.of(
                    Code.SYNTAX_ERROR,
                    "Syntax error (Multi-statements are not allowed): "
                    f"failed at position {token.start + 1} (end of query): ;",
                )
            return
        yield token


def _answering(text: bytes, seen: list[Token]) -> Statement:
    verb = seen[0].text
    for token, following in pairwise(seen):
        if token.depth == 0 and (token.text, following.text) == ("INTO", "OUTFILE"):
            raise QueryFailed.of(Code.INTO_OUTFILE_NOT_ALLOWED, "INTO OUTFILE is not allowed")
    kind = Kind.FEW_ROWS if verb in _FEW_ROWS else Kind.ROWS
    at = _answer_format(seen)
    if at is None:
        return Statement(kind, verb, text)
    name = seen[at + 1]
    span = (seen[at].start, name.end)
    return Statement(kind, verb, text, text[name.start : name.end].decode(), format_span=span)


def _answer_format(seen: list[Token]) -> int | None:
    """Return the index of the FORMAT that ends a statement, before its SETTINGS at most."""
    for index in range(len(seen) - 2, 0, -1):
        last = index + 2 == len(seen) or seen[index + 2].text == "SETTINGS"
        if last and _is_format(seen[index - 1], seen[index], seen[index + 1]):
            return index
    return None


def _is_format(before: Token, token: Token, following: Token) -> bool:
    return (
        (token.kind, token.text, token.depth) == ("word", "FORMAT", 0)
        and following.kind == "word"
        and following.text not in _NOT_A_FORMAT
        and (before.kind, before.text) not in {("word", "AS"), ("symbol", ".")}
    )


def _insert(text: bytes, found: Iterator[Token]) -> Statement:
    """Take an INSERT apart: ``INTO table (columns) [SETTINGS …] {VALUES | FORMAT f | SELECT …}``."""
    inputs: list[Token] = []
    settings_at: int | None = None
    selecting = False
    before = last = Token("word", "INSERT", 0, 0, 0)
    for token in _single(found):
        if _is_format(before, last, token):
            name = text[token.start : token.end].decode()
            head, start = text[: last.start], _data_start(text, token.end)
            if not selecting:
                return _data(head, name, start, settings_at)
            return Statement(Kind.DATA, "INSERT", head, name, data_at=start, inputs=tuple(inputs))
        if token.kind == "word" and token.depth == 0 and last.text != ".":
            if token.text in ("SELECT", "WITH"):
                selecting = True
            elif token.text == "INFILE" and last.text == "FROM":
                raise QueryFailed.of(Code.QUERY_IS_PROHIBITED, "FROM INFILE is not allowed")
            elif token.text == "SETTINGS" and not selecting:
                settings_at = token.start
            elif token.text == "VALUES" and not selecting and last.text not in ("INTO", "TABLE"):
                return _data(text[: token.start], None, token.end, settings_at)
        if last.text == "INPUT" and last.kind == "word" and token.text == "(":
            inputs.append(last)
        before, last = last, token
    return Statement(Kind.OTHER, "INSERT", text[: last.end or len(text)])


def _data(head: bytes, name: str | None, start: int, settings_at: int | None) -> Statement:
    file_at = len(head) if settings_at is None else settings_at
    return Statement(Kind.DATA, "INSERT", head, name, data_at=start, file_at=file_at)


_BEFORE_DATA = re.compile(rb"[ \t\f]*\r?\n?")


def _data_start(text: bytes, after_format: int) -> int:
    """Return where the data starts: after blanks and at most one line end."""
    start = _BEFORE_DATA.match(text, after_format)
    return start.end() if start else after_format
