"""ClickHouse's spelling of column types, read into a tree. Pure.

One type has one spelling, the one that the engine itself shows; aliases such as ``BIGINT`` are not
taken.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, TypeVar

from contractline.clickhouse.sql import identifier, literal
from contractline.errors import ContractlineError

_SIGNED = ("Int8", "Int16", "Int32", "Int64", "Int128", "Int256")
_UNSIGNED = tuple(f"U{name}" for name in _SIGNED)
_BARE = (*_SIGNED, *_UNSIGNED, "Float32", "Float64", "BFloat16", "Bool", "String", "UUID", "Date")
_BARE += ("Date32", "IPv4", "IPv6", "Time", "JSON", "Dynamic")
_WRAPPERS = ("Nullable", "LowCardinality", "Array")
_LISTS = ("Map", "Tuple", "Variant")
_NUMBERED = {
    "FixedString": ((1, 0xFFFFFF),),
    "DateTime64": ((0, 9),),
    "Time64": ((0, 9),),
    "Decimal": ((1, 76), (0, 76)),
}
_ENUMS = {"Enum8": 8, "Enum16": 16}
NAMES = (*_BARE, *_WRAPPERS, *_LISTS, *_NUMBERED, *_ENUMS, "DateTime")
"""Every type that can be named."""

DEEPEST = 497
"""Types inside each other, the innermost not counted.

A statement's tree may be 1,000 levels deep (``max_ast_depth``), and each type takes two of them.
The statement around it has the rest.
"""

_NEVER_NULL = ("Nullable", "Array", "Map", "LowCardinality", "Variant", "Dynamic", "JSON")
_DICTIONARY: tuple[str, ...] = ("String", "FixedString", "UUID", "Date", "Date32", "DateTime")
_DICTIONARY += (*_SIGNED, *_UNSIGNED, "Float32", "Float64", "Nullable", "IPv4", "IPv6")
_TOKEN = re.compile(
    r"\s*(?:([A-Za-z_]\w*|`(?:[^`\\]|\\.)*`)|('(?:[^'\\]|\\.)*')|(-?\d+)|(.))", re.S
)
_ESCAPED = re.compile(r"\\(.)", re.S)
_HINTS = {
    "Array": "a list that is null is read as an empty one",
    "Map": "a map that is null is read as an empty one",
    "LowCardinality": "write LowCardinality(Nullable(String))",
}

_SHOWN = 200
_T = TypeVar("_T")


class TypeMisspelt(ContractlineError):
    """When a text can't be a ClickHouse type.

    Attributes:
        text: the text.
        problem: what is wrong with it.
    """

    def __init__(self, text: str, problem: str, *, hint: str = "") -> None:
        self.text = text
        self.problem = problem
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        super().__init__(f"`{shown}` is not a ClickHouse type: {problem}", hint=hint)


@dataclass(frozen=True, slots=True)
class Type:
    """A ClickHouse type.

    Attributes:
        name: its name, without what stands in brackets.
        inner: the types in its brackets.
        labels: the names in its brackets: elements of a Tuple, symbols of an Enum.
        numbers: the numbers in its brackets: sizes, precision and scale, numbers of an Enum.
        zone: the time zone of a DateTime or DateTime64; empty without one.
    """

    name: str
    inner: tuple[Type, ...] = ()
    labels: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    zone: str = ""

    def __str__(self) -> str:
        """Return the type as the engine spells it."""
        if self.labels and self.numbers:
            inside = [f"{literal(n)} = {v}" for n, v in zip(self.labels, self.numbers, strict=True)]
        elif self.labels:
            inside = [f"{identifier(n)} {t}" for n, t in zip(self.labels, self.inner, strict=True)]
        else:
            inside = [*map(str, self.inner), *map(str, self.numbers)]
        inside += [literal(self.zone)] if self.zone else []
        return f"{self.name}({', '.join(inside)})" if inside else self.name

    @property
    def bare(self) -> Type:
        """The type without Nullable and LowCardinality around it."""
        return self.inner[0].bare if self.name in ("Nullable", "LowCardinality") else self

    @property
    def is_nullable(self) -> bool:
        """Whether a column of it holds NULL."""
        return self.name == "Nullable" or (
            self.name == "LowCardinality" and self.inner[0].is_nullable
        )


@lru_cache(maxsize=1024)
def parse(text: str) -> Type:
    """Return the type that a text names.

    Raises:
        TypeMisspelt: it can't be one; whether the engine takes it is not said otherwise.
    """
    return _TypeParser(text).whole()


class _TypeParser:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [match.groups() for match in _TOKEN.finditer(text.rstrip())]
        self._next = 0
        self._levels = 0

    def whole(self) -> Type:
        found = self._type()
        if self._next < len(self._tokens):
            self._fail(f"`{self._shown()}` stands after its end")
        return found

    def _type(self) -> Type:
        name = self._word("a type")
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1, 0.5)
            if name == "Nested":
                self._fail("`Nested` would fall apart", "write Array(Tuple(a String, b Int64))")
            near = [known for known in NAMES if known.lower() == name.lower()] or near
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(NAMES)}"
            self._fail(f"ClickHouse has no type `{name}`", hint)
        if name in _BARE:
            return Type(name)
        if name == "DateTime":
            return Type(name, zone=self._brackets(self._zone) if self._peek("(") else "")
        if name in _WRAPPERS:
            return self._fitting(Type(name, (self._brackets(self._type),)))
        if name in _LISTS:
            labels, inner = self._brackets(self._elements)
            return self._fitting(Type(name, inner, labels))
        if name in _ENUMS:
            labels, numbers = self._brackets(self._symbols)
            return self._fitting(Type(name, (), labels, numbers))
        numbers, zone = self._brackets(lambda: self._numbers(name))
        return self._fitting(Type(name, numbers=numbers, zone=zone))

    def _fitting(self, found: Type) -> Type:
        """Refuse what the engine would not put together."""
        match found:
            case Type("Nullable", (inner,)) if inner.name in _NEVER_NULL:
                self._fail(f"`Nullable` can't hold {inner.name}", _HINTS.get(inner.name, ""))
            case Type("LowCardinality", (inner,)) if inner.name not in _DICTIONARY:
                self._fail(f"`LowCardinality` can't hold {inner.name}")
            case Type("Map", inner) if len(inner) != 2:
                self._fail("`Map` holds two types", "write Map(String, Int64)")
            case Type("Map", (key, _)) if key.is_nullable:
                self._fail("the key of a `Map` is never null")
            case Type("Decimal", numbers=(precision, scale)) if scale > precision:
                self._fail(f"the scale {scale} is larger than the precision {precision}")
            case Type("Enum8" | "Enum16", labels=labels, numbers=numbers):
                limit = 2 ** (_ENUMS[found.name] - 1)
                if len(set(labels)) < len(labels) or len(set(numbers)) < len(numbers):
                    self._fail("a symbol or a number stands twice")
                if any(not -limit <= number < limit for number in numbers):
                    self._fail(f"a number does not fit into {_ENUMS[found.name]} bits")
        return found

    def _elements(self) -> tuple[tuple[str, ...], tuple[Type, ...]]:
        """Read ``name Type, …`` or ``Type, …``."""
        pairs = self._listed(self._element)
        labels = tuple(label for label, _ in pairs if label)
        if labels and len(labels) < len(pairs):
            self._fail("some elements have a name and some have none")
        if len(set(labels)) < len(labels):
            self._fail("a name stands twice")
        return labels, tuple(inner for _, inner in pairs)

    def _element(self) -> tuple[str, Type]:
        following = self._tokens[self._next + 1] if self._next + 1 < len(self._tokens) else ()
        if not (following and following[0]):
            return "", self._type()
        label = self._word("a name")
        return label, self._type()

    def _symbols(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Read ``'symbol' = number, …``; a number that is not written follows the one before."""
        labels: list[str] = []
        numbers: list[int] = []
        for label, number in self._listed(self._symbol):
            labels.append(label)
            numbers.append(number if number is not None else numbers[-1] + 1 if numbers else 1)
        return tuple(labels), tuple(numbers)

    def _symbol(self) -> tuple[str, int | None]:
        label = self._quoted("a symbol in quotes")
        if not self._peek("="):
            return label, None
        self._sign("=")
        return label, self._number()

    def _numbers(self, name: str) -> tuple[tuple[int, ...], str]:
        found: list[int] = []
        limits = _NUMBERED[name]
        for low, high in limits:
            if found:
                if not self._peek(","):
                    return (*found, 0), ""  # Decimal(9) has no digits behind the point
                self._sign(",")
            number = self._number()
            if not low <= number <= high:
                self._fail(f"{number} is not between {low} and {high}")
            found.append(number)
        if name == "DateTime64" and self._peek(","):
            self._sign(",")
            return tuple(found), self._zone()
        return tuple(found), ""

    def _zone(self) -> str:
        return self._quoted("a time zone in quotes")

    # Signs

    def _listed(self, read: Callable[[], _T]) -> list[_T]:
        found = [read()]
        while self._peek(","):
            self._sign(",")
            found.append(read())
        return found

    def _brackets(self, read: Callable[[], _T]) -> _T:
        self._sign("(")
        with self._deeper(2):
            found = read()
        self._sign(")")
        return found

    @contextmanager
    def _deeper(self, levels: int) -> Iterator[None]:
        """Count the levels of the statement's tree."""
        self._levels += levels
        if self._levels > 2 * DEEPEST:
            self._fail(
                f"more than {DEEPEST} types inside each other", "keep what lies deeper as text"
            )
        yield
        self._levels -= levels

    def _peek(self, sign: str) -> bool:
        return self._next < len(self._tokens) and self._tokens[self._next][3] == sign

    def _sign(self, sign: str) -> None:
        if not self._peek(sign):
            self._fail(
                f"`{sign}` is missing before `{self._shown()}`"
                if self._shown()
                else f"`{sign}` is missing at its end"
            )
        self._next += 1

    def _word(self, what: str) -> str:
        return self._take(0, what).strip("`")

    def _quoted(self, what: str) -> str:
        return _ESCAPED.sub(r"\1", self._take(1, what)[1:-1])

    def _number(self) -> int:
        return int(self._take(2, "a number"))

    def _take(self, kind: int, what: str) -> str:
        token = self._tokens[self._next][kind] if self._next < len(self._tokens) else None
        if not token:
            shown = self._shown()
            self._fail(f"{what} should stand where `{shown}` is" if shown else f"{what} is missing")
        self._next += 1
        return token

    def _shown(self) -> str:
        rest = self._tokens[self._next] if self._next < len(self._tokens) else ()
        return next((part for part in rest if part), "")

    def _fail(self, problem: str, hint: str = "") -> NoReturn:
        raise TypeMisspelt(self._text, problem, hint=hint or _HINT)


_HINT = "write a type as ClickHouse shows it, such as Nullable(Int64) or DateTime64(3, 'UTC')"
