"""Questions as cards of Metabase: what a card shall be, what it is, and what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contractline.metabase.marks import described, unmarked
from contractline.metabase.native import Native, default_of, native_query
from contractline.reports.load import LoadedQuestion
from contractline.reports.model import (
    ChoiceFilter,
    Filters,
    PeriodFilter,
    Question,
    ShownColumn,
    SwitchFilter,
    VariantFilter,
)

Card = dict[str, Any]
"""What of a card is declared: its name, description, display, settings, query and parameters."""

NOTE = "the note of what was applied"
"""The difference of an object that was brought to its declared state by hand."""

_DISPLAYS = {
    "number": "scalar",
    "line": "line",
    "area": "area",
    "column": "bar",
    "bar": "row",
    "heatmap": "table",
    "table": "table",
    "feed": "table",
}
_STYLES = {"percent": "percent"}


def question_card(question: LoadedQuestion, filters: Filters, database: int) -> Card:
    """Return the card that a question shall be.

    Raises:
        QuestionUntranslatable: its SQL can't be a native query of Metabase.
    """
    spec = question.spec
    native = native_query(question, filters)
    card = _card(
        spec.title,
        _display(spec),
        _settings(spec),
        native,
        database,
        tag_parameters(native, filters),
    )
    return described(card, spec.description, f"reports/questions/{question.name}.sql")


def options_card(name: str, spec: ChoiceFilter, database: int) -> Card:
    """Return the card whose answer a filter offers as its values."""
    card = _card(f"Filter: {spec.title}", "table", {}, Native(spec.options, {}), database, [])
    return described(
        card, f"The values of the filter {spec.title}.", f"reports/filters.yaml#{name}"
    )


def live_card(card: Mapping[str, Any]) -> Card:
    """Return what of a card on the server is declared, in the same form.

    Args:
        card: the answer of the API, its query in the form before stages.
    """
    query = card.get("dataset_query") or {}
    native = query.get("native") or {}
    tags = native.get("template-tags") or {}
    return {
        "name": card["name"],
        "description": card.get("description") or "",
        "display": card["display"],
        "visualization_settings": card.get("visualization_settings") or {},
        "parameters": [_without_nulls(p) for p in card.get("parameters") or []],
        "query": {
            "database": query.get("database"),
            "native": native.get("query", ""),
            "template-tags": {name: _without_nulls(tag) for name, tag in tags.items()},
        },
    }


def request_of(card: Card) -> dict[str, Any]:
    """Return a declared card as the API takes it, its query in stages.

    A query in the older form would be converted, and was seen to break the questions of others
    when it replaced a query in stages.
    """
    query = card["query"]
    stage = {"lib/type": "mbql.stage/native", **{k: query[k] for k in ("native", "template-tags")}}
    return {
        **{key: value for key, value in card.items() if key != "query"},
        "type": "question",
        "dataset_query": {
            "lib/type": "mbql/query",
            "database": query["database"],
            "stages": [stage],
        },
    }


def differences(declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two objects in the declared form."""
    words = {
        "query": "the query",
        "visualization_settings": "the chart's settings",
        "display": "the kind of chart",
        "parameters": "the filters",
        "dashcards": "the cards on it",
        "tabs": "the tabs",
        "name": "the title",
    }
    changed = [key for key in declared if key != "description" and declared[key] != live.get(key)]
    found = [words.get(key, f"the {key}") for key in changed]
    if unmarked(declared["description"]) != unmarked(live["description"]):
        found.append("the description")
    elif not found and declared["description"] != live["description"]:
        found.append(NOTE)
    return found


def tag_parameters(native: Native, filters: Filters) -> list[dict[str, Any]]:
    """Return the parameters of a card: one a tag, wired to it."""
    return [
        {
            **parameter_of(str(tag["id"]), name, str(tag["display-name"]), tag, filters),
            "target": ["variable", ["template-tag", name]],
        }
        for name, tag in native.tags.items()
    ]


def parameter_of(
    parameter_id: str, name: str, title: str, tag: Mapping[str, Any], filters: Filters
) -> dict[str, Any]:
    """Return a parameter: how a reader sets a value, and what is offered."""
    spec = filters.filters.get(name)
    parameter: dict[str, Any] = {"id": parameter_id, "name": title, "slug": name}
    if spec is None:
        kind = {"date": "date/single", "number": "number/="}.get(str(tag["type"]), "string/=")
        parameter |= {"type": kind, "sectionId": kind.split("/")[0]}
        return parameter | ({"default": [tag["default"]]} if "default" in tag else {})
    parameter |= {"type": "string/=", "sectionId": "string"}
    match spec:
        case ChoiceFilter():
            return parameter | {"isMultiSelect": True}
        case PeriodFilter():
            choices = [[choice, choice] for choice in dict.fromkeys((*spec.choices, spec.default))]
        case SwitchFilter():
            choices = [["on", "on"], ["off", "off"]]
        case VariantFilter():
            choices = [[value, words] for value, words in spec.values.items()]
    return parameter | {
        "isMultiSelect": False,
        "required": True,
        "default": [default_of(spec)],
        "values_source_type": "static-list",
        "values_source_config": {"values": choices},
    }


def _card(
    name: str,
    display: str,
    settings: Mapping[str, Any],
    native: Native,
    database: int,
    parameters: list[dict[str, Any]],
) -> Card:
    return {
        "name": name,
        "display": display,
        "visualization_settings": dict(settings),
        "parameters": parameters,
        "query": {
            "database": database,
            "native": native.sql,
            "template-tags": {tag: dict(value) for tag, value in native.tags.items()},
        },
    }


def _display(spec: Question) -> str:
    if spec.chart == "number" and len(spec.y) > 1:
        return "table"
    return _DISPLAYS[spec.chart]


def _settings(spec: Question) -> dict[str, Any]:
    columns = {_column(shown.column): _column_settings(shown) for shown in spec.shown}
    settings: dict[str, Any] = {"column_settings": columns}
    match spec.chart:
        case "number":
            if len(spec.y) == 1:
                settings["scalar.field"] = spec.y[0].column
        case "line" | "area" | "column" | "bar":
            dimensions = [shown.column for shown in (spec.x, spec.series) if shown]
            settings["graph.dimensions"] = dimensions
            settings["graph.metrics"] = [shown.column for shown in spec.y]
            settings["graph.x_axis.title_text"] = spec.x.label if spec.x else ""
            settings["graph.y_axis.title_text"] = ", ".join(shown.label for shown in spec.y)
            if spec.series and spec.chart != "line":
                settings["stackable.stack_type"] = "stacked"
        case "heatmap":
            settings["table.pivot"] = True
            settings["table.pivot_column"] = spec.x.column if spec.x else ""
            settings["table.cell_column"] = spec.y[0].column
        case "table" | "feed":
            settings["table.columns"] = [
                {"name": shown.column, "enabled": True} for shown in spec.columns
            ]
    return settings


def _column(name: str) -> str:
    """Return a column as Metabase's settings name it."""
    return json.dumps(["name", name], separators=(",", ":"), ensure_ascii=False)


def _column_settings(shown: ShownColumn) -> dict[str, Any]:
    settings: dict[str, Any] = {"column_title": shown.label}
    if shown.unit in _STYLES:
        settings["number_style"] = _STYLES[shown.unit]
    elif shown.unit:
        settings["suffix"] = f" {shown.unit}"
    return settings


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if part is not None}
