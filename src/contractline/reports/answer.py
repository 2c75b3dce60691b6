"""Asking ClickHouse a question, and its answer as plain values."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contractline.clients.clickhouse import Warehouse
from contractline.reports.render import Query

MAX_ROWS = 10_000
"""Rows of an answer that are kept; more can't be looked at."""

MAX_TEXT = 2_000
"""Characters of a text that are kept."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """The answer to a question.

    Attributes:
        columns: the names of its columns.
        types: their ClickHouse types.
        rows: the rows; times are UTC in ISO 8601.
        at: when it was asked.
        seconds: how long ClickHouse took, the way there included.
        is_cut: whether there were more rows than are kept.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    at: datetime
    seconds: float
    is_cut: bool = False


_SETTINGS = {
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "0",
}
"""Times with their zone, and every number as a number; what is not one (nan) as null."""


def ask(warehouse: Warehouse, query: Query) -> QuestionAnswer:
    """Ask ClickHouse.

    Raises:
        ServiceUnavailable: it did not answer, or refused.
    """
    at, began = datetime.now(UTC), time.perf_counter()
    whole = asked(warehouse, query)
    seconds = time.perf_counter() - began
    columns = whole["meta"]
    rows = tuple(tuple(map(cell, row)) for row in whole["data"][:MAX_ROWS])
    return QuestionAnswer(
        tuple(column["name"] for column in columns),
        tuple(column["type"] for column in columns),
        rows,
        at,
        seconds,
        len(whole["data"]) > MAX_ROWS,
    )


def asked(warehouse: Warehouse, query: Query) -> Any:
    """Return what ClickHouse answers as its format JSONCompact has it: ``meta`` and ``data``.

    Raises:
        ServiceUnavailable: it did not answer, or refused.
    """
    return json.loads(warehouse.raw(query.sql, "JSONCompact", dict(query.parameters), _SETTINGS))


def cell(value: Any) -> Cell:
    """Return a value of a JSON answer as a plain one; lists and objects as text."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
        case list():
            return cell(", ".join(str(cell(item)) for item in value))
        case _:
            return cell(json.dumps(value, ensure_ascii=False))
