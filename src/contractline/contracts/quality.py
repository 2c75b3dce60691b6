"""The quality rules of an ODCS file that run by themselves: metrics of the standard, and SQL.

Rules of the types ``text`` and ``custom`` are for people and for other tools.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cronsim import CronSim, CronSimError
from open_data_contract_standard.model import DataQuality, OpenDataContractStandard

from contractline.avro.paths import Steps
from contractline.contracts.odcs import DocumentMistake

HOURLY = "0 * * * *"
"""When a rule runs whose contract says nothing, as cron writes it, in UTC."""

OPERATORS: Mapping[str, str] = {
    "mustBe": "=",
    "mustNotBe": "≠",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": "≥",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "≤",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not between",
}
"""The standard's operators, and how they are shown."""

_OF_FIELD = ("nullValues", "missingValues", "invalidValues", "duplicateValues")
_OF_STREAM = ("rowCount", "duplicateValues")
_NEEDED = {"missingValues": ("missingValues",), "invalidValues": ("validValues", "pattern")}
"""Metrics that need one of these arguments at least."""

_LISTS = ("missingValues", "validValues", "properties")
_UNITS = ("rows", "percent")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a measured value must be.

    Attributes:
        operator: one of :data:`OPERATORS`.
        limits: the number that it compares with; two for a range.
    """

    operator: str
    limits: tuple[float, ...]

    def holds(self, value: float) -> bool:
        """Tell whether a value is as it must be; a range leaves its ends out, as ODCS says."""
        first, last = self.limits[0], self.limits[-1]
        match self.operator:
            case "mustBe":
                return value == first
            case "mustNotBe":
                return value != first
            case "mustBeGreaterThan":
                return value > first
            case "mustBeGreaterOrEqualTo":
                return value >= first
            case "mustBeLessThan":
                return value < first
            case "mustBeLessOrEqualTo":
                return value <= first
            case "mustBeBetween":
                return first < value < last
            case _:
                return not first < value < last

    def __str__(self) -> str:
        return f"{OPERATORS[self.operator]} {' and '.join(f'{one:g}' for one in self.limits)}"


@dataclass(frozen=True, slots=True)
class QualityRule:
    """A rule about the rows of a stream that is measured and compared.

    Attributes:
        name: its ``id`` in the contract, else its name, else field and metric.
        bound: what the measured value must be.
        field: the field that it is about; empty for one about the whole table.
        metric: the metric of the standard; empty for SQL.
        query: the SQL; empty for a metric.
        arguments: the arguments of the metric.
        unit: ``rows``, ``percent`` or what the query counts.
        dimension: which side of quality it is about; empty where nobody says.
        severity: how bad it is that it fails; empty where nobody says.
        description: what it means.
        schedule: when `contractline watch` measures it, as cron writes it, in UTC.
    """

    name: str
    bound: Bound
    field: str = ""
    metric: str = ""
    query: str = ""
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unit: str = ""
    dimension: str = ""
    severity: str = ""
    description: str = ""
    schedule: str = HOURLY


def quality_rules(odcs: OpenDataContractStandard) -> list[QualityRule]:
    """Return the rules that can be measured; what is wrong with others, the mistakes tell."""
    return [
        _rule(quality, property_name)
        for steps, property_name, quality in written_rules(odcs)
        if not any(_mistakes(quality, property_name, steps))
    ]


def quality_mistakes(odcs: OpenDataContractStandard) -> Iterator[DocumentMistake]:
    """Yield what keeps rules from being measured."""
    names: set[str] = set()
    for steps, property_name, quality in written_rules(odcs):
        yield from _mistakes(quality, property_name, steps)
        name = _name(quality, property_name)
        if name in names:
            yield DocumentMistake(
                steps, f"two quality rules are called `{name}`", "give it an `id`"
            )
        names.add(name)


def written_rules(odcs: OpenDataContractStandard) -> Iterator[tuple[Steps, str, DataQuality]]:
    """Yield the rules that are to be measured, with their places and fields."""
    for number, one in enumerate(odcs.schema_ or []):
        at: Steps = ("schema", number)
        for place, quality in enumerate(one.quality or []):
            if quality.type not in ("text", "custom"):
                yield (*at, "quality", place), "", quality
        for position, item in enumerate(one.properties or []):
            for place, quality in enumerate(item.quality or []):
                if quality.type not in ("text", "custom"):
                    yield (*at, "properties", position, "quality", place), item.name or "", quality


def _name(quality: DataQuality, property_name: str) -> str:
    own = quality.id or quality.name
    return own or ".".join(filter(None, (property_name, quality.metric or quality.type)))


def _rule(quality: DataQuality, property_name: str) -> QualityRule:
    is_sql = quality.type == "sql"
    (operator,) = _operators(quality)
    limits = getattr(quality, operator)
    return QualityRule(
        name=_name(quality, property_name),
        bound=Bound(operator, tuple(limits) if isinstance(limits, list) else (limits,)),
        field=property_name,
        metric="" if is_sql else quality.metric or "",
        query=(quality.query or "") if is_sql else "",
        arguments=quality.arguments or {},
        unit=quality.unit or ("" if is_sql else "rows"),
        dimension=quality.dimension or "",
        severity=quality.severity or "",
        description=quality.description or "",
        schedule=quality.schedule or HOURLY,
    )


def _operators(quality: DataQuality) -> list[str]:
    return [name for name in OPERATORS if getattr(quality, name) is not None]


def _mistakes(quality: DataQuality, property_name: str, at: Steps) -> Iterator[DocumentMistake]:
    yield from _bound_mistakes(quality, at)
    yield from _schedule_mistakes(quality, at)
    if quality.type == "sql":
        if not quality.query:
            yield DocumentMistake(at, "a rule of the type sql has no `query`", "add `query: …`")
        return
    allowed = _OF_FIELD if property_name else _OF_STREAM
    if quality.metric not in allowed:
        place = "a field" if property_name else "the whole table"
        words = (
            "`rule` was renamed"
            if quality.rule and not quality.metric
            else f"`{quality.metric}` is not a metric of {place}"
            if quality.metric
            else "has no `metric`"
        )
        yield DocumentMistake(at, words, f"write `metric:` with one of {', '.join(allowed)}")
        return
    yield from _argument_mistakes(quality, property_name, at)
    if quality.unit and quality.unit not in _UNITS:
        hint = f"write one of {', '.join(_UNITS)}"
        yield DocumentMistake((*at, "unit"), f"`{quality.unit}` can't be counted", hint)


def _bound_mistakes(quality: DataQuality, at: Steps) -> Iterator[DocumentMistake]:
    operators = _operators(quality)
    if len(operators) != 1:
        words = "names more than one operator" if operators else "does not say what it must be"
        yield DocumentMistake(at, words, f"write one of {', '.join(OPERATORS)}")
        return
    limits = getattr(quality, operators[0])
    numbers = limits if isinstance(limits, list) else [limits]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        yield DocumentMistake((*at, operators[0]), f"`{limits}` is not a number", "write a number")


def _schedule_mistakes(quality: DataQuality, at: Steps) -> Iterator[DocumentMistake]:
    if not quality.schedule:
        return
    if quality.scheduler not in (None, "cron"):
        words = f"the scheduler `{quality.scheduler}` is not known"
        yield DocumentMistake((*at, "scheduler"), words, "write `scheduler: cron`")
        return
    try:
        CronSim(quality.schedule, _ANY_TIME)
    except CronSimError:
        words = f"`{quality.schedule}` is not a schedule of cron"
        yield DocumentMistake((*at, "schedule"), words, 'such as "0 * * * *", every hour')


def _argument_mistakes(
    quality: DataQuality, property_name: str, at: Steps
) -> Iterator[DocumentMistake]:
    arguments, metric = quality.arguments or {}, quality.metric or ""
    needed = _NEEDED.get(metric, ())
    if metric == "duplicateValues" and not property_name:
        needed = ("properties",)
    if needed and not any(name in arguments for name in needed):
        hint = f"add `arguments:` with {' or '.join(needed)}"
        yield DocumentMistake(at, f"`{metric}` has no {' or '.join(needed)}", hint)
    for name, value in arguments.items():
        at_argument: Steps = (*at, "arguments", name)
        if name not in needed:
            words = f"`{name}` is not an argument of {metric}"
            yield DocumentMistake(at_argument, words, f"known here: {', '.join(needed) or 'none'}")
        elif name in _LISTS and not (isinstance(value, list) and value):
            yield DocumentMistake(at_argument, f"`{name}` is not a list", "write `[…]`")
        elif name == "pattern" and not isinstance(value, str):
            yield DocumentMistake(at_argument, f"`{value}` is not a text", "put it in quotes")
