"""What a reader chose: the values of the filters and of a question's own parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from contractline.errors import ContractlineError
from contractline.reports.model import (
    ChoiceFilter,
    Filters,
    PeriodFilter,
    Question,
    SwitchFilter,
    VariantFilter,
    is_period,
)

MAX_VALUES = 100
"""Values of one filter."""

MAX_CHARACTERS = 500
"""Characters of one value."""

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""What ``all`` means: all that ClickHouse's DateTime64(6) can be compared with safely."""

_BACK = re.compile(r"([1-9][0-9]{0,3})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ON, _OFF = "on", "off"


class SelectionInvalid(ContractlineError):
    """When a filter or parameter is given a value that it can't take.

    Attributes:
        name: the filter or parameter.
    """

    def __init__(self, name: str, problem: str, *, hint: str = "") -> None:
        self.name = name
        super().__init__(f"{name}: {problem}", hint=hint)


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters as a reader set them, in one normal form, so that equal ones are one key.

    Attributes:
        values: each filter that differs from its default, by name; values sorted.
    """

    values: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, name: str) -> tuple[str, ...]:
        """Return what is set for a filter; nothing where its default holds."""
        return dict(self.values).get(name, ())

    def only(self, names: Iterable[str]) -> Selection:
        """Return what is set for some of the filters."""
        kept = frozenset(names)
        return Selection(tuple(item for item in self.values if item[0] in kept))


def selection_of(filters: Filters, given: Mapping[str, Iterable[str]]) -> Selection:
    """Return the selection that a reader's values make.

    Args:
        filters: the filters.
        given: values by the filter's name, as they stand in a URL or on a command line.

    Raises:
        SelectionInvalid: a filter is not known, or can't take a value.
    """
    chosen = []
    for name, texts in given.items():
        if name not in filters.filters:
            known = ", ".join(filters.filters) or "none"
            raise SelectionInvalid(name, "is not a filter", hint=f"filters: {known}")
        values = tuple(sorted({text for text in texts if text}))
        kept = _checked(filters, name, values)
        if kept:
            chosen.append((name, kept))
    return Selection(tuple(sorted(chosen)))


def _checked(filters: Filters, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return a filter's values; none where they say what its default says."""
    if len(values) > MAX_VALUES or any(len(value) > MAX_CHARACTERS for value in values):
        limits = f"at most {MAX_VALUES} values of {MAX_CHARACTERS} characters"
        raise SelectionInvalid(name, f"takes {limits}")
    spec = filters.filters[name]
    if isinstance(spec, ChoiceFilter) or not values:
        return values
    if len(values) > 1:
        raise SelectionInvalid(name, f"takes one value, not {len(values)}")
    (value,) = values
    match spec:
        case PeriodFilter():
            bounds(value, datetime.now(UTC), name)
            default = spec.default
        case SwitchFilter():
            if value not in (_ON, _OFF):
                raise SelectionInvalid(name, f"`{value}` is neither {_ON} nor {_OFF}")
            default = _ON if spec.default else _OFF
        case VariantFilter():
            if value not in spec.values:
                allowed = ", ".join(spec.values)
                raise SelectionInvalid(name, f"`{value}` is none of {allowed}")
            default = spec.default
    return () if value == default else values


def bounds(period: str, now: datetime, name: str = "period") -> tuple[datetime, datetime]:
    """Return from when (included) to when (excluded) a period goes, UTC.

    Args:
        period: ``all``, ``today``, ``90d`` or two days with ``..``.
        now: what "back" is counted from.
        name: the filter, for the message.

    Raises:
        SelectionInvalid: it is not a period.
    """
    hint = "such as 24h, 7d, 12w, today, all or 2026-01-01..2026-03-31"
    if not is_period(period):
        raise SelectionInvalid(name, f"`{period}` is not a period", hint=hint)
    if period == "all":
        return FIRST, LAST
    if period == "today":
        return datetime.combine(now.date(), time(), UTC), LAST
    if back := _BACK.fullmatch(period):
        return now - timedelta(**{_UNITS[back[2]]: int(back[1])}), LAST
    try:
        first, last = (date.fromisoformat(day) for day in period.split(".."))
    except ValueError as problem:
        raise SelectionInvalid(name, f"`{period}`: {problem}", hint=hint) from problem
    if first > last:
        raise SelectionInvalid(name, f"`{period}` ends before it begins")
    begin = datetime.combine(first, time(), UTC)
    return begin, datetime.combine(last, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Given:
    """Values of a question's own parameters, checked against its YAML."""

    values: tuple[tuple[str, str], ...] = field(default=())


def given_of(question: Question, given: Mapping[str, str]) -> Given:
    """Return the values of a question's own parameters that differ from their defaults.

    Raises:
        SelectionInvalid: the question has no such parameter.
    """
    known = {parameter.name: str(parameter.default) for parameter in question.parameters}
    for name, value in given.items():
        if name not in known:
            hint = f"parameters: {', '.join(known) or 'none'}"
            raise SelectionInvalid(name, "is not a parameter of the question", hint=hint)
        if len(value) > MAX_CHARACTERS:
            raise SelectionInvalid(name, f"takes at most {MAX_CHARACTERS} characters")
    return Given(tuple(sorted(item for item in given.items() if item[1] != known[item[0]])))
