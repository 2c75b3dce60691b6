"""ClickHouse SQL as sqlglot's trees; what it does not understand is said with its line."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.dialects.dialect import DialectType
from sqlglot.errors import ParseError
from sqlglot.parsers.clickhouse import ClickHouseParser

# The parser logs what it can't read; here that is said where it is met.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


class Verbatim(ClickHouse):
    """ClickHouse's SQL whose functions keep their names: for trees that become SQL again.

    The parser's own trees say what a function means in any dialect, and ClickHouse then gets
    ``dateTrunc('MINUTE', …)`` for ``toStartOfMinute(…)``, which has another type.
    """

    class Parser(ClickHouseParser):
        """Knows no function but those with a syntax of their own."""

        FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}


class NotRead(Exception):
    """A piece of SQL is not understood.

    Attributes:
        words: why.
        line: the line, counted from 1 in what was parsed.
    """

    def __init__(self, words: str, line: int) -> None:
        self.words = words
        self.line = line
        super().__init__(words)


def trees_of(sql: str, dialect: DialectType = "clickhouse") -> list[exp.Expr]:
    """Return the statements of a text.

    Args:
        sql: the text.
        dialect: as what it is read: ``Verbatim`` for trees that become SQL again.

    Raises:
        NotRead: it is not understood.
    """
    filled = _PLACEHOLDER.sub(lambda found: found.group(1), sql)
    try:
        return [tree for tree in sqlglot.parse(filled, read=dialect) if tree is not None]
    except ParseError as problem:
        first: dict[str, Any] = problem.errors[0] if problem.errors else {}
        words = str(first.get("description") or problem).strip().rstrip(".")
        raise NotRead(words, first.get("line") or 1) from problem
    except RecursionError as problem:
        raise NotRead("it is nested too deep", 1) from problem
    # The parser lets out whatever its reading stumbles on.
    except Exception as problem:
        raise NotRead(" ".join(str(problem).split()) or type(problem).__name__, 1) from problem


def tree_of(sql: str, lines_before: int = 0, dialect: DialectType = "clickhouse") -> exp.Expr:
    """Return the only statement of a text.

    Args:
        sql: the text.
        lines_before: how many lines stand before it in the statement that it is a part of.
        dialect: as what it is read: ``Verbatim`` for trees that become SQL again.

    Raises:
        NotRead: it is not understood, or there are several.
    """
    try:
        trees = trees_of(sql, dialect)
    except NotRead as problem:
        raise NotRead(problem.words, problem.line + lines_before) from problem
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        raise NotRead("its syntax is not known", 1)
    return trees[0]


def only_query(tree: exp.Expr) -> exp.Expr:
    """Return a query.

    Raises:
        NotRead: it is another statement.
    """
    if not isinstance(tree, exp.Query):
        raise NotRead("it is not a query", 1)
    return tree
