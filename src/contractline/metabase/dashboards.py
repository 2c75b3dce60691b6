"""Dashboards of ``reports/`` as dashboards of Metabase: layout, tabs, and filters that are wired."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contractline.metabase.cards import parameter_of
from contractline.metabase.marks import described
from contractline.metabase.native import SINCE, UNTIL
from contractline.reports.load import LoadedDashboard
from contractline.reports.model import GRID_COLUMNS, ChoiceFilter, Filters, Panel, PeriodFilter

METABASE_COLUMNS = 24
"""Columns of Metabase's grid."""
ROWS_PER_ROW = 1.5
"""Rows of Metabase's grid, of about 50 pixels, for one of ours, of about 80."""

DashboardState = dict[str, Any]
"""What of a dashboard is declared: its name, description, parameters, tabs and cards."""


def declared_dashboard(
    dashboard: LoadedDashboard,
    filters: Filters,
    cards: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]],
) -> DashboardState:
    """Return the dashboard that shall be.

    Args:
        dashboard: what is declared.
        filters: the filters.
        cards: the card of each question, with its id.
        options: the card of each filter's values, with its id and the name of its column.
    """
    spec = dashboard.spec
    names = _filter_names(dashboard, filters)
    state = {
        "name": spec.title,
        "width": "full",
        "parameters": [_parameter(name, filters, options) for name in names],
        "tabs": [tab.title for tab in spec.tabs] if len(spec.tabs) > 1 else [],
        "dashcards": [
            _dashcard(panel, place, number if len(spec.tabs) > 1 else None, cards, names)
            for number, tab in enumerate(spec.tabs)
            for panel, place in _placed(tab.panels)
        ],
    }
    return described(state, spec.description, f"reports/dashboards/{dashboard.name}.yaml")


def live_dashboard(dashboard: Mapping[str, Any]) -> DashboardState:
    """Return what of a dashboard on the server is declared, in the same form."""
    tabs = sorted(dashboard.get("tabs") or [], key=lambda tab: tab.get("position", 0))
    position = {tab["id"]: number for number, tab in enumerate(tabs)}
    return {
        "name": dashboard["name"],
        "description": dashboard.get("description") or "",
        "width": dashboard.get("width", "fixed"),
        "parameters": [
            {key: value for key, value in parameter.items() if value is not None}
            for parameter in dashboard.get("parameters") or []
        ],
        "tabs": [tab["name"] for tab in tabs],
        "dashcards": [
            {
                "card_id": dashcard.get("card_id"),
                "tab": position.get(dashcard.get("dashboard_tab_id")),
                **{key: dashcard[key] for key in ("row", "col", "size_x", "size_y")},
                "visualization_settings": dashcard.get("visualization_settings") or {},
                "parameter_mappings": sorted(
                    dashcard.get("parameter_mappings") or [],
                    key=lambda mapping: str(mapping["parameter_id"]),
                ),
            }
            for dashcard in sorted(
                dashboard.get("dashcards") or [],
                key=lambda d: (position.get(d.get("dashboard_tab_id"), 0), d["row"], d["col"]),
            )
        ],
    }


def request_of(state: DashboardState, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return a declared dashboard as the API takes it, all in one request.

    A tab or card that is there keeps its id, so that links to it go on working; a negative id makes
    a new one, and what is not named is removed.

    Args:
        state: what shall be.
        live: the dashboard on the server, as the API answers it.
    """
    by_name = {tab["name"]: tab["id"] for tab in reversed(live.get("tabs") or [])}
    tabs = [
        {"id": by_name.pop(name, -number), "name": name}
        for number, name in enumerate(state["tabs"], 1)
    ]
    by_card: dict[int, list[int]] = {}
    for dashcard in live.get("dashcards") or []:
        by_card.setdefault(dashcard.get("card_id"), []).append(dashcard["id"])
    dashcards = []
    for number, dashcard in enumerate(state["dashcards"], 1):
        known = by_card.get(dashcard["card_id"])
        place = {key: value for key, value in dashcard.items() if key != "tab"}
        tab = None if dashcard["tab"] is None else tabs[dashcard["tab"]]["id"]
        card_id = known.pop(0) if known else -number
        dashcards.append({"id": card_id, "dashboard_tab_id": tab, "series": [], **place})
    kept = {key: state[key] for key in ("name", "description", "width", "parameters")}
    return {**kept, "tabs": tabs, "dashcards": dashcards}


def _filter_names(dashboard: LoadedDashboard, filters: Filters) -> list[str]:
    """Return the names of a dashboard's parameters, in the order in which they are offered."""
    offered = dashboard.spec.filters
    names: list[str] = []
    for name in filters.filters if offered is None else offered:
        names.append(name)
        if isinstance(filters.filters[name], PeriodFilter):
            names += [SINCE, UNTIL]
    return names


def _parameter(
    name: str, filters: Filters, options: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    spec = filters.filters.get(name)
    title = spec.title if spec else {SINCE: "From", UNTIL: "To"}[name]
    parameter = parameter_of(parameter_id(name), name, title, {"type": "date"}, filters)
    if isinstance(spec, ChoiceFilter):
        card = options[name]
        field = ["field", card["column"], {"base-type": "type/Text"}]
        parameter |= {
            "values_source_type": "card",
            "values_source_config": {"card_id": card["id"], "value_field": field},
        }
    return parameter


def parameter_id(name: str) -> str:
    """Return the id of a dashboard's parameter: the same one on every dashboard."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def _placed(panels: Sequence[Panel]) -> Iterator[tuple[Panel, dict[str, int]]]:
    """Return where each panel goes: from left to right, then below the tallest of the row."""
    scale = METABASE_COLUMNS // GRID_COLUMNS
    row = column = tallest = 0
    for panel in panels:
        width, height = panel.width * scale, round(panel.height * ROWS_PER_ROW)
        if column + width > METABASE_COLUMNS:
            row, column, tallest = row + tallest, 0, 0
        yield panel, {"row": row, "col": column, "size_x": width, "size_y": height}
        column, tallest = column + width, max(tallest, height)


def _dashcard(
    panel: Panel,
    place: Mapping[str, int],
    tab: int | None,
    cards: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
) -> dict[str, Any]:
    card = cards[panel.question]
    used = card["query"]["template-tags"]
    mappings = [
        {
            "parameter_id": parameter_id(name),
            "card_id": card["id"],
            "target": ["variable", ["template-tag", name]],
        }
        for name in names
        if name in used
    ]
    return {
        "card_id": card["id"],
        "tab": tab,
        **place,
        "visualization_settings": {"card.title": panel.title} if panel.title else {},
        "parameter_mappings": sorted(mappings, key=lambda mapping: str(mapping["parameter_id"])),
    }
