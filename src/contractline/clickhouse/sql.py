"""ClickHouse SQL as text: quoting, and the statements of a DDL file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_WORDS = """all and any array as asc between by case constraint cross desc distinct else end exists
false final from full group having ilike in index inner interval into is join left like limit not
null offset on or order outer prewhere primary projection right sample select set settings table
then top true union using values view when where window with"""
_NUMBERS = ("inf", "infinity", "nan")
"""What stands for a number where it has no backticks."""

_RESERVED = frozenset((*_WORDS.split(), *_NUMBERS))
_TOKEN = re.compile(
    r"""(?P<skip>--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`)|(?P<end>;)""",
    re.DOTALL,
)
_HEAD = re.compile(
    r"""^CREATE\s+(?:OR\s+REPLACE\s+)?
    (?P<kind>DATABASE|MATERIALIZED\s+VIEW|VIEW|DICTIONARY|TABLE)\s+(?:IF\s+NOT\s+EXISTS\s+)?
    (?P<name>[\w.`]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_TARGET = re.compile(
    r"\s+(?:REFRESH\s+(?P<refresh>.*?)\s)?TO\s+(?P<target>[\w.`]+)", re.IGNORECASE | re.DOTALL
)
_UNITS = ["second", "minute", "hour", "day", "week", "month", "year"]
_REFRESH_WORD = re.compile(
    rf"(?<![.`])\b(?:every|after|offset|randomize|for|depends|on|settings|append|(?:{'|'.join(_UNITS)})s?)\b",
    re.IGNORECASE,
)
_BODY = re.compile(r"\bAS\s+(?=\(?\s*(?:SELECT|WITH)\b)", re.IGNORECASE)
_ENGINE = re.compile(r"\bENGINE\s*=\s*(\w+)", re.IGNORECASE)


def modify_column(table: str, stream: str, column: str, old: str, new: str) -> str:
    """Return what a person does to give a column of a table another type, with its rows kept.

    ClickHouse takes a number that becomes a time for seconds, whatever its unit (milliseconds would
    be the year 2299), and does not read the bytes of a decimal: such rows come from the topic again.

    Args:
        table: the table, with its database.
        stream: whose it is.
        column: the column.
        old: its type.
        new: the type that it shall have.
    """
    before, after = (_BARE.sub("", type_) for type_ in (old, new))
    is_cast = not (
        (after.startswith("DateTime64") and before.startswith(("Int", "UInt", "Float")))
        or (after.startswith("Decimal") and before.startswith("String"))
    )
    if is_cast:
        return f"ALTER TABLE {table} MODIFY COLUMN {identifier(column)} {new}"
    return (
        f"RENAME TABLE {table} TO {table}_old; contractline apply tables;"
        f" contractline rebuild {stream}"
    )


_BARE = re.compile(r"^(Nullable|LowCardinality|\()*")
"""What stands around a type."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One ``CREATE`` statement of a DDL file.

    Attributes:
        kind: what it creates, in capitals: database, table, view, materialized view, dictionary.
        name: ``database.name``, or the database itself; without quotes.
        sql: the whole statement without its semicolon.
        head: where the name starts and ends in ``sql``.
    """

    kind: str
    name: str
    sql: str
    head: tuple[int, int]

    @property
    def target(self) -> str | None:
        """The table that a materialized view writes to, a refreshable one too."""
        found = self._to
        return found["target"].replace("`", "") if found else None

    @property
    def refresh(self) -> str:
        """When a refreshable view is refreshed, as the engine writes it: ``EVERY 1 DAY APPEND``.

        Empty for all else, so for a view that works with each insert, too.
        """
        found = self._to
        words = (found and found["refresh"]) or ""
        return _REFRESH_WORD.sub(_as_the_engine_writes, " ".join(words.split()))

    @property
    def _to(self) -> re.Match[str] | None:
        if self.kind != "MATERIALIZED VIEW":
            return None
        return _TARGET.match(self.sql, self.head[1], len(self.sql) - len(self.select))

    @property
    def database(self) -> str:
        """The database that it belongs to."""
        return self.name.partition(".")[0]

    @property
    def engine(self) -> str:
        """The table engine; empty for anything but a table."""
        found = _ENGINE.search(self.sql) if self.kind == "TABLE" else None
        return found.group(1) if found else ""

    @property
    def select(self) -> str:
        """The query of a view; empty for anything else."""
        found = _BODY.search(self.sql) if "VIEW" in self.kind else None
        return self.sql[found.end() :] if found else ""

    @property
    def body(self) -> str:
        """All that follows the name."""
        return self.sql[self.head[1] :]

    @property
    def replacing(self) -> str:
        """The statement so that it takes the place of what is there; for views and dictionaries."""
        return f"CREATE OR REPLACE {self.kind} {self.sql[self.head[0] :]}"

    def beside(self, name: str) -> str:
        """Return the statement under another name, so that what is there stays.

        A materialized view becomes a plain one, since it would begin to work.
        """
        if self.kind == "MATERIALIZED VIEW":
            return f"CREATE VIEW {name} AS {self.select}"
        return f"CREATE {self.kind} {name}{self.body}"


def _as_the_engine_writes(word: re.Match[str]) -> str:
    """Return a word of a refresh clause in capitals, and a unit of time in the singular."""
    unit = word[0].lower().removesuffix("s")
    return (unit if unit in _UNITS else word[0]).upper()


class StatementUnknown(ValueError):
    """When a DDL file holds something else than ``CREATE`` statements."""

    def __init__(self, text: str) -> None:
        self.text = text
        first = text.strip().splitlines()[0]
        super().__init__(
            f"not a CREATE statement of a database, table, view or dictionary: {first}"
        )


def statements(text: str) -> list[Statement]:
    """Return the statements of a DDL file, in order.

    Raises:
        StatementUnknown: a statement is not a ``CREATE`` of a known kind.
    """
    return [_statement(sql) for sql in _split(text)]


def filled(sql: str, values: Mapping[str, str]) -> str:
    """Return SQL with its ``${placeholders}`` filled in.

    Each stands inside a quoted string, so values are escaped for that.
    """
    for name, value in values.items():
        sql = sql.replace(f"${{{name}}}", escape(value))
    return sql


def identifier(name: str) -> str:
    """Return a name as SQL, in backticks where it needs them."""
    if _NAME.match(name) and name.lower() not in _RESERVED:
        return name
    quoted = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{quoted}`"


def qualified(table: str) -> str:
    """Return a ``database.name`` as SQL, each part in backticks where it needs them."""
    return ".".join(map(identifier, table.split(".", 1)))


def escape(text: str) -> str:
    """Return a text as it stands between single quotes."""
    out = text.replace("\\", "\\\\").replace("'", "\\'")
    return out.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("\0", "\\0")


def literal(text: str) -> str:
    """Return a text as a SQL string."""
    return f"'{escape(text)}'"


def _split(text: str) -> Iterator[str]:
    """Cut at semicolons, leave out comments between statements and keep those inside."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "end":
            yield text[start : token.start()]
            start = token.end()
    if _without_comments(text[start:]).strip():
        yield text[start:]


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda token: "" if token.lastgroup == "skip" else token.group(), text)


def _statement(raw: str) -> Statement:
    sql = _without_leading_comments(raw)
    match = _HEAD.match(sql)
    if match is None:
        raise StatementUnknown(sql)
    return Statement(
        kind=" ".join(match.group("kind").upper().split()),
        name=match.group("name").replace("`", ""),
        sql=sql,
        head=match.span("name"),
    )


def _without_leading_comments(raw: str) -> str:
    text = raw.strip()
    while (token := _TOKEN.match(text)) and token.lastgroup == "skip":
        text = text[token.end() :].lstrip()
    return text
