"""The ODCS file of a contract: read, held against the standard, and our part of it picked out.

The standard's package checks types; it lets unknown names below the top pass and misses nothing
that is missing. Both are mistakes that would otherwise be silent, so they are found here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, get_args, get_origin

from open_data_contract_standard import model as standard
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contractline.avro.paths import Steps
from contractline.contracts.model import (
    ClickHouseSink,
    DerivedColumn,
    PipelineProperties,
    PostgresSource,
    ProducerSource,
    RowVersion,
    SystemSource,
    Topic,
)

SECTIONS = ("topic", "compatibility", "source", "clickhouse")
"""The custom properties that are ours; all others belong to other tools and are left alone."""

REQUIRED: Mapping[type[BaseModel], tuple[str, ...]] = {
    OpenDataContractStandard: ("apiVersion", "kind", "id", "version"),
    standard.SchemaObject: ("name",),
    standard.SchemaProperty: ("name",),
    standard.TeamMember: ("username",),
    standard.Role: ("role",),
    standard.Server: ("server", "type"),
    standard.Support: ("channel",),
    standard.ServiceLevelAgreementProperty: ("property", "value"),
    standard.CustomProperty: ("property", "value"),
    standard.AuthoritativeDefinition: ("url", "type"),
    standard.Synonym: ("synonym",),
    standard.EnumValue: ("value",),
}
"""What the standard requires of each part."""

VALUES: Mapping[tuple[type[BaseModel], str], tuple[str, ...]] = {
    (OpenDataContractStandard, "kind"): ("DataContract",),
    (OpenDataContractStandard, "apiVersion"): ("v3.2.0", "v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0"),
    (standard.SchemaObject, "logicalType"): ("object",),
    (standard.SchemaProperty, "semanticType"): ("column", "measure", "dimension"),
    (standard.SchemaProperty, "logicalType"): (
        "string",
        "date",
        "timestamp",
        "time",
        "number",
        "integer",
        "object",
        "array",
        "boolean",
        "map",
        "vector",
    ),
}
"""The values that the standard allows, where it lists them (of version 3, which has our parts)."""

_TOP = OpenDataContractStandard

_OPEN = (standard.Server,)
"""Parts whose names depend on a type that the package does not model."""


@dataclass(frozen=True, slots=True)
class DocumentMistake:
    """One mistake in an ODCS file."""

    steps: Steps
    text: str
    hint: str


def mistakes(data: Any) -> Iterator[DocumentMistake]:
    """Yield where a document's names and listed values are not those of the standard."""
    if isinstance(data, Mapping):
        yield from _part(data, OpenDataContractStandard, ())


def standard_part(data: Any) -> OpenDataContractStandard | list[DocumentMistake]:
    """Return the whole document as values, or what keeps it from being read."""
    if not isinstance(data, Mapping):
        return [DocumentMistake((), "the document is not a mapping of names to values", _DOCS)]
    known = {name: value for name, value in data.items() if name in _members(_TOP)}
    try:
        return OpenDataContractStandard.model_validate(known)
    except ValidationError as problem:
        return [
            _in_words(error, error["loc"], ("odcs", *error["loc"])) for error in problem.errors()
        ]


def pipeline_part(odcs: OpenDataContractStandard) -> PipelineProperties | list[DocumentMistake]:
    """Return our custom properties as values, or what keeps them from being read."""
    places: dict[str, int] = {}
    values: dict[str, Any] = {}
    for place, one in enumerate(odcs.customProperties or []):
        if one.property not in SECTIONS:
            continue
        if one.property in places:
            at: Steps = ("customProperties", place)
            return [DocumentMistake(at, f"`{one.property}` stands twice", "keep one of them")]
        places[one.property], values[one.property] = place, one.value
    try:
        return PipelineProperties.model_validate(values)
    except ValidationError as problem:
        return [
            _in_words(error, _place(error["loc"], places, odcs), error["loc"])
            for error in problem.errors()
        ]


def near_misses(odcs: OpenDataContractStandard) -> Iterator[DocumentMistake]:
    """Yield custom properties whose names look like misspelt ones of ours."""
    ours = {one.property for one in odcs.customProperties or []}
    for place, one in enumerate(odcs.customProperties or []):
        if not one.property or one.property in SECTIONS or one.vendor:
            continue
        for near in difflib.get_close_matches(one.property.lower(), SECTIONS, 1, 0.8):
            if near not in ours:
                yield DocumentMistake(
                    ("customProperties", place, "property"),
                    f"`{one.property}` is not read; it looks like `{near}`",
                    f"write `{near}`, or name a `vendor` when it belongs to another tool",
                )


def _part(data: Mapping[Any, Any], part: type[BaseModel], at: Steps) -> Iterator[DocumentMistake]:
    members = _members(part)
    for name in REQUIRED.get(part, ()):
        if data.get(name) is None and not (
            name == "name" and at[-1:] in (("items",), ("key",), ("value",))
        ):
            yield DocumentMistake(at, f"`{name}` is missing", f"ODCS requires it: add `{name}: …`")
    for name, value in data.items():
        if name not in members:
            if part not in _OPEN:
                yield DocumentMistake(
                    (*at, str(name)),
                    f"`{name}` is not a name that ODCS knows here",
                    _known(str(name), members),
                )
            continue
        allowed = VALUES.get((part, name))
        if allowed and value is not None and value not in allowed:
            yield DocumentMistake((*at, name), f"`{value}` is none of {', '.join(allowed)}", _DOCS)
        yield from _inside(value, members[name], (*at, name))


def _inside(value: Any, parts: _Parts, at: Steps) -> Iterator[DocumentMistake]:
    """Yield the mistakes of a member that is a part, or a list of parts."""
    if isinstance(value, list) and parts.listed:
        for place, item in enumerate(value):
            if isinstance(item, Mapping):
                yield from _part(item, parts.listed, (*at, place))
    elif isinstance(value, Mapping) and parts.single:
        yield from _part(value, parts.single, at)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Which part may stand at a name: by itself, and in a list."""

    single: type[BaseModel] | None = None
    listed: type[BaseModel] | None = None


@cache
def _members(part: type[BaseModel]) -> Mapping[str, _Parts]:
    return {info.alias or name: _parts(info.annotation) for name, info in part.model_fields.items()}


def _parts(annotation: Any) -> _Parts:
    single = listed = None
    for choice in get_args(annotation) or (annotation,):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            single = choice
        elif get_origin(choice) is list:
            listed = _parts(get_args(choice)[0]).single
    return _Parts(single, listed)


def _known(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"


def _place(loc: Steps, places: Mapping[str, int], odcs: OpenDataContractStandard) -> Steps:
    """Return where in the ODCS file a place in :class:`PipelineProperties` is."""
    section, *inner = loc
    if section not in places:
        return ("customProperties",) if odcs.customProperties else ()
    if section == "source":
        inner = inner[1:]
    return ("customProperties", places[str(section)], "value", *inner)


def _in_words(error: ErrorDetails, at: Steps, loc: Steps) -> DocumentMistake:
    name = next((str(step) for step in reversed(loc) if isinstance(step, str)), "")
    value = error["input"]
    match error["type"]:
        case "missing" if loc == (name,):
            return DocumentMistake(at, f"the custom property `{name}` is missing", _DOCS)
        case "missing":
            return DocumentMistake(at[:-1], f"`{name}` is missing", f"add `{name}: …`")
        case "extra_forbidden":
            names = _NAMES.get(tuple(s for s in loc[:-1] if isinstance(s, str)), ())
            return DocumentMistake(
                at, f"`{name}` is not a name that is read here", _known(name, names)
            )
        case "union_tag_not_found" | "union_tag_invalid":
            words = "`kind` is none of producer, postgres, system"
            return DocumentMistake(at, words, "say who writes the stream: `kind: producer`")
        case "string_pattern_mismatch" | "string_too_long" | "string_too_short":
            return DocumentMistake(at, f"`{value}` can't be a {name}", _SPELLINGS.get(name, _DOCS))
        case "time_delta_parsing" | "time_delta_type":
            hint = "write an ISO 8601 duration, such as P7D or PT12H"
            return DocumentMistake(at, f"`{value}` is not a duration", hint)
        case "greater_than" | "greater_than_equal" if name in ("retention", "minCompactionLag"):
            return DocumentMistake(at, f"`{value}` is too short", "a time above zero, such as P7D")
        case "string_type" if isinstance(value, int | float | date):
            return DocumentMistake(
                at, f"`{value}` is not a text", f'put it in quotes: {name}: "{value}"'
            )
    words = error["msg"].removeprefix("Input should be ")
    shown = type(value).__name__ if isinstance(value, list | dict) else value
    return DocumentMistake(
        at, f"`{shown}` is not {words}" if words != error["msg"] else words, _DOCS
    )


_DOCS = "docs/contracts.md says what may stand here"

_TABLE = "write database.table, in letters, digits and underscores"

_SPELLINGS = {
    "name": "letters, digits, dots (not alone), underscores and hyphens; at most 249 for a topic",
    "current": _TABLE,
    "history": _TABLE,
    "table": "write schema.table",
    "connector": "the name of a file in connect/connectors, without .json",
}
"""How names are written whose pattern would tell people little."""


def _aliases(part: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in part.model_fields.items())


_NAMES = {
    ("topic",): _aliases(Topic),
    ("source", "producer"): _aliases(ProducerSource),
    ("source", "system"): _aliases(SystemSource),
    ("source", "postgres"): _aliases(PostgresSource),
    ("clickhouse",): _aliases(ClickHouseSink),
    ("clickhouse", "version"): _aliases(RowVersion),
    ("clickhouse", "derived"): _aliases(DerivedColumn),
}
