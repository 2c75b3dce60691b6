"""A record schema from samples: what all of them have in common, or in words why nothing is.

Whole numbers become ``long``, whatever their size: a sample can't tell that they stay small, and an
``int`` can't grow into a ``long`` later without breaking older readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from contractline.avro.paths import Steps, json_path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6}0*)?)?(?P<zone>Z|[+-]\d\d:?\d\d)?\Z"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_LONG = 2**63

_TEXTS: Mapping[str, Any] = {
    "time": {"type": "long", "logicalType": "timestamp-micros"},
    "date": {"type": "int", "logicalType": "date"},
    "uuid": {"type": "string", "logicalType": "uuid"},
}
_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number with decimals",
    "text": "text",
    "list": "a list",
    "record": "a record",
    "time": "a time with its zone",
    "local": "a time without a zone, kept as text",
    "date": "a date",
    "uuid": "a UUID",
}


@dataclass(frozen=True, slots=True)
class Unclear:
    """A place of the samples that no type fits.

    Attributes:
        path: the place, such as ``$.lines[].price``.
        problem: what is wrong.
        hint: what to do.
    """

    path: str
    problem: str
    hint: str


@dataclass(frozen=True, slots=True)
class Inferred:
    """What the samples say.

    Attributes:
        fields: the fields of the record, each with a doc that says what was seen.
        unclear: the places that no type fits; the fields are of no use while there are any.
        records: how many samples there were.
    """

    fields: tuple[dict[str, Any], ...]
    unclear: tuple[Unclear, ...]
    records: int


def infer(samples: Iterable[tuple[int, Mapping[str, Any]]], name: str) -> Inferred:
    """Return the schema of samples.

    Args:
        samples: each with its number, by which messages name it.
        name: what nested records are called after.
    """
    top = _Shape()
    for number, sample in samples:
        top.see(sample, number)
    making = _SchemaMaker(name)
    fields = tuple(making.fields(top, ()))
    return Inferred(fields, tuple(making.unclear), top.count)


def words_of(name: str) -> str:
    """Return a name as the beginning of a sentence: ``order_id`` as ``Order id``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_+", " ", name).strip().lower()
    return (words[:1].upper() + words[1:]) or name


def type_name(name: str) -> str:
    """Return a name as types are called: ``order_lines`` as ``OrderLines``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part) or "Record"


@dataclass(slots=True)
class _Shape:
    """What was seen at one place.

    Attributes:
        count: how often something stood there, null included.
        nulls: how often it was null.
        kinds: what else it was, with the number of the first sample.
        texts: what all texts were alike.
        too_large: the first whole number that 64 bits don't hold.
    """

    count: int = 0
    nulls: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    too_large: int | None = None
    item: _Shape | None = None
    fields: dict[str, _Shape] = field(default_factory=dict)

    def see(self, value: Any, number: int) -> None:
        """Take one more value into account."""
        self.count += 1
        kind = _kind(value)
        if kind == "null":
            self.nulls += 1
            return
        self.kinds.setdefault(kind, number)
        if kind == "integer" and not -_LONG <= value < _LONG:
            self.too_large = value if self.too_large is None else self.too_large
        elif kind == "text":
            self.texts.add(_text_kind(value))
        elif kind == "list":
            self.item = self.item or _Shape()
            for one in value:
                self.item.see(one, number)
        elif kind == "record":
            for name, inner in value.items():
                self.fields.setdefault(name, _Shape()).see(inner, number)

    @property
    def records(self) -> int:
        """How often a record stood there, where nothing else did."""
        return self.count - self.nulls

    @property
    def kind(self) -> str:
        """The one kind that all values are of; empty where they are of several or none."""
        kinds = self.kinds.keys()
        if kinds == {"integer", "number"}:
            return "number"
        return next(iter(kinds)) if len(kinds) == 1 else ""

    @property
    def meant(self) -> str:
        """The kind, for texts what they stand for."""
        return next(iter(self.texts)) if self.kind == "text" and len(self.texts) == 1 else self.kind


@dataclass(slots=True)
class _SchemaMaker:
    """One walk from shapes to fields; what no type fits is noted on the way."""

    name: str
    unclear: list[Unclear] = field(default_factory=list)

    def fields(self, shape: _Shape, at: Steps) -> Iterator[dict[str, Any]]:
        for name, inner in shape.fields.items():
            here = (*at, name)
            if not _NAME.match(name):
                self._note(
                    here, "is not a name that Avro takes", "use letters, digits and underscores"
                )
                continue
            lacking = shape.records - inner.count + inner.nulls
            made: dict[str, Any] = {"name": name, "type": self._type(inner, here)}
            if lacking:
                made |= {"type": ["null", made["type"]], "default": None}
            yield made | {"doc": _doc(name, inner, shape.records, lacking)}

    def _type(self, shape: _Shape, at: Steps) -> Any:
        if not shape.kinds:
            problem = "is null in every record, so its type can't be told"
            self._note(at, problem, "give one record a value, or take the field out of the sample")
            return "null"
        if not shape.kind:
            seen = ", ".join(f"{_WORDS[k]} in record {n}" for k, n in shape.kinds.items())
            self._note(
                at, f"is {seen}", "a field has one type: correct the sample, or what writes it"
            )
            return "null"
        if shape.too_large is not None and shape.kind == "integer":
            self._note(at, f"{shape.too_large} is more than 64 bits hold", "write it as a text")
        match shape.kind:
            case "text":
                return _TEXTS.get(shape.meant, "string")
            case "list":
                return {"type": "array", "items": self._items(shape, at)}
            case "record":
                return self._record(shape, at)
        return {"boolean": "boolean", "integer": "long", "number": "double"}[shape.kind]

    def _items(self, shape: _Shape, at: Steps) -> Any:
        here = (*at, "[]")
        if shape.item is None or not shape.item.count:
            problem = "is an empty list in every record, so the type of its items can't be told"
            self._note(at, problem, "give one record an item")
            return "null"
        inner = self._type(shape.item, here)
        return ["null", inner] if shape.item.nulls else inner

    def _record(self, shape: _Shape, at: Steps) -> Any:
        names = (type_name(str(step)) for step in at if step != "[]")
        if not shape.fields:
            self._note(at, "is an empty record", "take it out of the sample")
        return {
            "type": "record",
            "name": self.name + "".join(names),
            "doc": f"{words_of(str(at[-1] if at[-1] != '[]' else at[-2]))}, a part of the record.",
            "fields": list(self.fields(shape, at)),
        }

    def _note(self, at: Steps, problem: str, hint: str) -> None:
        self.unclear.append(Unclear(json_path(at).replace('["[]"]', "[]"), problem, hint))


def _doc(name: str, shape: _Shape, records: int, lacking: int) -> str:
    """Say what the samples showed of a field, and no more."""
    seen = f"null or absent in {lacking} of" if lacking else "present in all"
    return (
        f"{words_of(name)}: {_WORDS.get(shape.meant, 'unclear')}; {seen} {records} sample records."
    )


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case Decimal() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
    return "record"


def _text_kind(text: str) -> str:
    if _UUID.match(text):
        return "uuid" if _parses(UUID, text) else "text"
    if _DATE.match(text):
        return "date" if _parses(date.fromisoformat, text) else "text"
    time = _TIME.match(text)
    if time and _parses(datetime.fromisoformat, text):
        return "time" if time["zone"] else "local"
    return "text"


def _parses(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
