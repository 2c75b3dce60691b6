"""What the YAML files of ``reports/`` may say: questions, dashboards and filters.

The JSON Schemas beside the files are made of these classes, so editors complete what is read here.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=60)]
Title = Annotated[str, Field(min_length=1, max_length=80)]
Column = Annotated[str, Field(min_length=1, max_length=80)]

Chart = Literal["number", "line", "area", "column", "bar", "heatmap", "table", "feed"]
GRID_COLUMNS = 12
"""Columns of a dashboard's grid."""

_PERIOD = re.compile(
    r"all|today|[1-9][0-9]{0,3}[mhdw]|\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d", re.ASCII
)


class _ReportsSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShownColumn(_ReportsSection):
    """A column of the answer and how it is shown.

    Attributes:
        column: its name in the answer.
        title: what people read; its name with spaces unless said.
        unit: what is counted, in the plural (``commits``, ``lines``). ``percent`` is a fraction of
            1, ``seconds`` and ``bytes`` are shown in the size that fits.
    """

    column: Column
    title: Title | None = None
    unit: Annotated[str, Field(min_length=1, max_length=30)] | None = None

    @property
    def label(self) -> str:
        """What people read."""
        return self.title or self.column.replace("_", " ")


class Threshold(_ReportsSection):
    """A limit of a measure that a reader should notice.

    Attributes:
        column: the measure.
        above: values above it count.
        below: values below it count.
        level: how it is shown.
        meaning: what it means, in a few words.
    """

    column: Column
    above: float | None = None
    below: float | None = None
    level: Literal["good", "warning", "bad"] = "warning"
    meaning: Annotated[str, Field(max_length=120)] = ""

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a threshold has `above` or `below`, one of the two")
        return self


class Parameter(_ReportsSection):
    """A parameter of the question itself, beside the filters.

    Attributes:
        name: its name in the SQL, ``{name:type}``.
        type: its ClickHouse type, as the SQL says it.
        default: its value unless somebody gives another.
        title: what people read.
    """

    name: Name
    type: Annotated[str, Field(min_length=1, max_length=60)]
    default: str | int | float | bool
    title: Title | None = None


class Question(_ReportsSection):
    """What is said about a question beside its SQL.

    Attributes:
        title: its name for people.
        description: what it answers, and how it counts.
        chart: how the answer is drawn. ``number``: one row, its measures in large digits. ``line``
            and ``area``: measures over ``x``. ``column``: upright bars over ``x``. ``bar``: lying
            bars, one a row. ``heatmap``: ``x`` by ``series``, coloured by the measure. ``table``.
            ``feed``: the latest rows; its columns are the time, a headline and details.
        x: the column of the horizontal axis; of a bar, of its labels.
        y: the measures.
        series: the column whose values become lines, stacked bars or, in a heat map, rows.
        columns: the columns of a table or a feed.
        thresholds: limits that a reader should notice.
        parameters: parameters of its own.
        without: filters that don't apply to it.
        refresh_seconds: it is asked again after this time even when nothing new arrived.
        empty: what is shown when there are no rows.
    """

    title: Title
    description: Annotated[str, Field(min_length=1, max_length=500)]
    chart: Chart
    x: ShownColumn | None = None
    y: tuple[ShownColumn, ...] = ()
    series: ShownColumn | None = None
    columns: tuple[ShownColumn, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    without: tuple[Name, ...] = ()
    refresh_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    empty: Annotated[str, Field(min_length=1, max_length=120)] = "Nothing in this period."

    @model_validator(mode="after")
    def _fits_its_chart(self) -> Self:
        needs, may = _PARTS[self.chart]
        given = {part for part in ("x", "y", "series", "columns") if getattr(self, part)}
        for part in sorted(needs - given):
            raise ValueError(f"a {self.chart} needs `{part}`")
        for part in sorted(given - needs - may):
            raise ValueError(f"a {self.chart} has no `{part}`")
        if self.series and len(self.y) > 1:
            raise ValueError("with `series`, a chart has one measure in `y`")
        measures = {shown.column for shown in (*self.y, *self.columns)}
        for threshold in self.thresholds:
            if threshold.column not in measures:
                raise ValueError(f"`{threshold.column}` of a threshold is not a measure")
        return self

    @property
    def shown(self) -> tuple[ShownColumn, ...]:
        """Every column that the chart shows."""
        parts = (self.x, self.series, *self.y, *self.columns)
        return tuple(part for part in parts if part is not None)


_PARTS: dict[str, tuple[set[str], set[str]]] = {
    "number": ({"y"}, set()),
    "line": ({"x", "y"}, {"series"}),
    "area": ({"x", "y"}, {"series"}),
    "column": ({"x", "y"}, {"series"}),
    "bar": ({"x", "y"}, {"series"}),
    "heatmap": ({"x", "y", "series"}, set()),
    "table": ({"columns"}, set()),
    "feed": ({"columns"}, set()),
}
"""What each chart needs, and what it may have beside that."""


def _not_empty(value: tuple[object, ...]) -> tuple[object, ...]:
    if not value:
        raise ValueError("at least one is needed")
    return value


# Its own minimum would be reported beside every mistake inside an item.
_SOME = (AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1}))


class Panel(_ReportsSection):
    """A question on a dashboard.

    Attributes:
        question: the name of the question's file.
        width: columns of the grid, of 12. Panels flow from left to right.
        height: rows of the grid, of about 80 pixels.
        title: a title for this place, in the stead of the question's own.
    """

    question: Name
    width: Annotated[int, Field(ge=2, le=GRID_COLUMNS)] = 6
    height: Annotated[int, Field(ge=1, le=12)] = 4
    title: Title | None = None


class Tab(_ReportsSection):
    """A page of a dashboard: panels one after the other."""

    title: Title
    panels: Annotated[tuple[Panel, ...], *_SOME]


class Dashboard(_ReportsSection):
    """A dashboard.

    Attributes:
        title: its name for people.
        description: whom it is for and what it shows.
        order: where it stands among the dashboards.
        filters: the filters that it offers, in order; all unless said.
        tabs: its pages.
    """

    title: Title
    description: Annotated[str, Field(min_length=1, max_length=500)]
    order: Annotated[int, Field(ge=0)] = 100
    filters: tuple[Name, ...] | None = None
    tabs: Annotated[tuple[Tab, ...], *_SOME]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels of all tabs."""
        return tuple(panel for tab in self.tabs for panel in tab.panels)


class PeriodFilter(_ReportsSection):
    """From when to when: gives the parameters ``since`` and ``until``.

    Attributes:
        default: ``all``, ``today``, a number of minutes, hours, days or weeks back (``90d``), or
            two days, the last one included (``2026-01-01..2026-03-31``).
        choices: the periods that are offered.
    """

    kind: Literal["period"]
    title: Title
    description: str = ""
    default: Annotated[str, Field(pattern=rf"^(?:{_PERIOD.pattern})$")] = "90d"
    choices: tuple[str, ...] = ("24h", "7d", "30d", "90d", "365d", "all")


class ChoiceFilter(_ReportsSection):
    """Any of several values: gives an ``Array(String)`` parameter of its name.

    Attributes:
        options: a query whose first column lists the values that are offered.
    """

    kind: Literal["choice"]
    title: Title
    description: str = ""
    options: Annotated[str, Field(min_length=1)]


class SwitchFilter(_ReportsSection):
    """On or off: its condition holds while it is off.

    Attributes:
        default: whether it is on unless somebody says otherwise.
    """

    kind: Literal["switch"]
    title: Title
    description: str = ""
    default: bool = False


class VariantFilter(_ReportsSection):
    """One of a few: gives a ``String`` parameter of its name.

    Attributes:
        values: each value, with what people read.
        default: the value unless somebody names another.
    """

    kind: Literal["variant"]
    title: Title
    description: str = ""
    values: Annotated[dict[Name, Title], Field(min_length=2)]
    default: Name

    @model_validator(mode="after")
    def _knows_its_default(self) -> Self:
        if self.default not in self.values:
            raise ValueError(f"`{self.default}` is none of its values")
        return self


Filter = Annotated[
    PeriodFilter | ChoiceFilter | SwitchFilter | VariantFilter, Field(discriminator="kind")
]


_View = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*\.[A-Za-z_]\w*$")]


class Origin(_ReportsSection):
    """Where the rows of a relation come from, so that a number can be followed to the messages.

    Attributes:
        view: the view with one row a record: its key, what is told of it, and its place in Kafka in
            the columns ``topic``, ``partition`` and ``offset``.
        key: the columns that name a record, in the relation and in the view alike.
        newest: the column by which the newest records are shown first.
        credits: the view that says to whom a record is credited, by the same key.
    """

    view: _View
    key: Annotated[tuple[Column, ...], *_SOME]
    newest: Column
    credits: _View | None = None


class Lighter(_ReportsSection):
    """A view with the same rows and fewer columns, which is quicker to read.

    Attributes:
        view: the view.
        lacks: the columns that it does not have.
    """

    view: _View
    lacks: Annotated[tuple[Column, ...], AfterValidator(_not_empty)]


class Relation(_ReportsSection):
    """A view that questions read, with what the filters do to it.

    Attributes:
        view: the view.
        lighter: what is read in its place by a question that names nothing it lacks: the last that
            does.
        columns: expressions that take the place of its columns, such as the team that a filter
            chooses.
        conditions: of each filter, the condition over the columns; it holds when the filter is set
            (a switch: when it is off).
        origin: where its rows come from; without it, numbers made of it can't be explained.
    """

    view: _View
    lighter: tuple[Lighter, ...] = ()
    columns: dict[Column, str] = {}
    conditions: dict[Name, str] = {}
    origin: Origin | None = None


class Filters(_ReportsSection):
    """The filters, and what questions read through them.

    Attributes:
        filters: each filter by its name, in the order in which they are offered.
        relations: what a question may read by a short name, filters applied.
    """

    filters: dict[Name, Filter] = {}
    relations: dict[Name, Relation] = {}

    @model_validator(mode="after")
    def _conditions_are_of_filters(self) -> Self:
        for name, relation in self.relations.items():
            for condition in relation.conditions:
                if condition not in self.filters:
                    raise ValueError(f"`{condition}` in relation `{name}` is not a filter")
        return self


def is_period(text: str) -> bool:
    """Tell whether a text says a period."""
    return _PERIOD.fullmatch(text) is not None
