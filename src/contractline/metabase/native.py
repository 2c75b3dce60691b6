"""A question as a native query of Metabase: its filters become template tags.

A condition whose filter is not set has to vanish, and Metabase's optional parts ``[[ … ]]`` do just
that. Everything else, such as the period, has a value at all times, so its tag has a default.

Source: Metabase's documentation, "SQL parameters" and "Optional variables".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contractline.errors import ContractlineError
from contractline.reports.load import LoadedQuestion
from contractline.reports.model import (
    ChoiceFilter,
    Filter,
    Filters,
    Parameter,
    PeriodFilter,
    Relation,
    SwitchFilter,
    VariantFilter,
)
from contractline.reports.render import with_relations
from contractline.reports.selection import FIRST, LAST

SINCE, UNTIL = "since", "until"

_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
_OWN_SYNTAX = re.compile(r"\[\[|\]\]|\{\{|\}\}")
_NUMBER = re.compile(r"U?Int\d+|Float\d+|Decimal\w*", re.ASCII)
_IDS = uuid.UUID("7f2d5a52-0f5e-4c0e-9f0b-6a3f7f0a5d11")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class QuestionUntranslatable(ContractlineError):
    """When a question's SQL can't be a native query of Metabase."""

    def __init__(self, question: str, problem: str, *, hint: str = "") -> None:
        self.question = question
        super().__init__(f"{question}: {problem}", hint=hint)


@dataclass(frozen=True, slots=True)
class Native:
    """A native query.

    Attributes:
        sql: its text, with ``{{name}}`` where a tag stands.
        tags: the tags by name, as Metabase keeps them.
    """

    sql: str
    tags: Mapping[str, Mapping[str, Any]]


def native_query(question: LoadedQuestion, filters: Filters) -> Native:
    """Return the native query of a question.

    Raises:
        QuestionUntranslatable: its SQL uses signs that mean something else to Metabase.
    """
    _check_syntax(question.name, question.sql)
    sql = with_relations(
        question.sql,
        filters,
        lambda relation: _conditions(relation, filters, question.spec.without),
    )
    sql = with_tags(sql, filters)
    known = _tag_specs(filters, question.spec.parameters)
    used = [name for name in known if "{{" + name + "}}" in sql]
    return Native(sql, {name: {**known[name], "id": _tag_id(name)} for name in used})


def _check_syntax(name: str, sql: str) -> None:
    found = _OWN_SYNTAX.search(sql)
    if found is not None:
        raise QuestionUntranslatable(
            name,
            f"its SQL has `{found[0]}`, which Metabase takes for a tag or an optional part",
            hint="put a space between the two signs",
        )


def _conditions(relation: Relation, filters: Filters, without: tuple[str, ...]) -> Iterator[str]:
    """Return the conditions of a relation as Metabase decides on them."""
    for name, condition in relation.conditions.items():
        if name in without:
            continue
        match filters.filters[name]:
            case ChoiceFilter():
                yield f"1 [[AND ({condition})]]"
            case PeriodFilter():
                yield f"{{{{{name}}}}} = 'all' OR ({condition})"
            case SwitchFilter():
                yield f"{{{{{name}}}}} = 'on' OR ({condition})"
            case VariantFilter():
                yield condition


def with_tags(sql: str, filters: Filters) -> str:
    """Return SQL with tags in place of ClickHouse's parameters."""
    periods = {
        name: spec for name, spec in filters.filters.items() if isinstance(spec, PeriodFilter)
    }

    def tag(parameter: re.Match[str]) -> str:
        name, kind = parameter[1], parameter[2].strip()
        spec = filters.filters.get(name)
        if name in (SINCE, UNTIL) and periods:
            period, period_filter = next(iter(periods.items()))
            return _bound(name, period, period_filter)
        if isinstance(spec, ChoiceFilter):
            return f"[{{{{{name}}}}}]"
        if spec is None and not _NUMBER.fullmatch(kind.split("(")[0]) and kind != "String":
            return f"CAST({{{{{name}}}}}, '{kind}')"
        return f"{{{{{name}}}}}"

    return _PARAMETER.sub(tag, sql)


def sql_of(tagged: str, filters: Filters, own: tuple[Parameter, ...]) -> str:
    """Return SQL with ClickHouse's parameters in place of tags; of the question's own part only.

    A tag that is not known stays as it is, and the check of the reports names it.
    """
    sql = tagged
    for name, spec in filters.filters.items():
        kind = "Array(String)" if isinstance(spec, ChoiceFilter) else "String"
        sql = sql.replace(f"[{{{{{name}}}}}]", f"{{{name}:{kind}}}")
        sql = sql.replace(f"{{{{{name}}}}}", f"{{{name}:{kind}}}")
    for parameter in own:
        declared = f"{{{parameter.name}:{parameter.type}}}"
        sql = sql.replace(f"CAST({{{{{parameter.name}}}}}, '{parameter.type}')", declared)
        sql = sql.replace(f"{{{{{parameter.name}}}}}", declared)
    return sql


def _bound(name: str, period: str, spec: PeriodFilter) -> str:
    """Return the beginning or the end of the chosen period.

    Two days that a reader gives count before the period; the last one is included.
    """
    day = f"toDateTime64({{{{{name}}}}}, 6, 'UTC')"
    if name == UNTIL:
        return f"coalesce([[addDays({day}, 1), ]]{_instant(LAST.year)})"
    seconds = {choice: _seconds(choice) for choice in (*spec.choices, spec.default)}
    back = {choice: count for choice, count in seconds.items() if count}
    choices = ", ".join(f"'{choice}'" for choice in back)
    counts = ", ".join(str(count) for count in back.values())
    length = f"transform({{{{{period}}}}}, [{choices}], [{counts}], 0)"
    start = (
        f"multiIf({{{{{period}}}}} = 'all', {_instant(FIRST.year)},"
        f" {{{{{period}}}}} = 'today', toDateTime64(toStartOfDay(now('UTC')), 6, 'UTC'),"
        f" now64(6, 'UTC') - toIntervalSecond({length}))"
    )
    return f"coalesce([[{day}, ]]{start})"


def _seconds(choice: str) -> int:
    """Return how many seconds back a period begins; 0 where it is not a number of units."""
    count, unit = choice[:-1], choice[-1]
    return int(count) * _UNIT_SECONDS[unit] if count.isdecimal() and unit in _UNIT_SECONDS else 0


def _instant(year: int) -> str:
    return f"toDateTime64('{year}-01-01 00:00:00', 6, 'UTC')"


def _tag_specs(filters: Filters, own: tuple[Parameter, ...]) -> dict[str, dict[str, Any]]:
    """Return every tag that a query may use, by name."""
    tags: dict[str, dict[str, Any]] = {}
    for name, spec in filters.filters.items():
        tags[name] = _tag(name, spec.title, "text", default_of(spec))
        if isinstance(spec, PeriodFilter):
            tags[SINCE] = _tag(SINCE, "From", "date", None)
            tags[UNTIL] = _tag(UNTIL, "To", "date", None)
    for parameter in own:
        is_number = _NUMBER.fullmatch(parameter.type.split("(")[0]) is not None
        kind = "number" if is_number else "text"
        default = parameter.default if is_number else str(parameter.default)
        tags[parameter.name] = _tag(
            parameter.name, parameter.title or parameter.name, kind, default
        )
    return tags


def default_of(spec: Filter) -> str | None:
    """Return the value that a filter has unless a reader sets it."""
    match spec:
        case PeriodFilter() | VariantFilter():
            return spec.default
        case SwitchFilter():
            return "on" if spec.default else "off"
        case ChoiceFilter():
            return None


def _tag(name: str, title: str, kind: str, default: object) -> dict[str, Any]:
    tag: dict[str, Any] = {"name": name, "display-name": title, "type": kind}
    return tag if default is None else {**tag, "required": True, "default": default}


def _tag_id(name: str) -> str:
    """Return the id of a tag: the same one in every query, and on every instance."""
    return str(uuid.uuid5(_IDS, name))
