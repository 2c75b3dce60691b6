"""An answer as text: a table or bars for a terminal, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from contractline.reports.answer import Cell, QuestionAnswer
from contractline.reports.load import LoadedQuestion

BAR_WIDTH = 32
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that spreadsheets take for a formula."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SIZES = ("B", "KB", "MB", "GB", "TB")


def as_json(question: LoadedQuestion, answer: QuestionAnswer) -> str:
    """Return an answer for programs: its columns with types, its rows, and when it was asked."""
    return json.dumps(values(question, answer), ensure_ascii=False, indent=1)


def values(question: LoadedQuestion, answer: QuestionAnswer) -> dict[str, Any]:
    """Return an answer as JSON holds it."""
    return {
        "question": question.name,
        "title": question.spec.title,
        "columns": [
            {"name": name, "type": type_}
            for name, type_ in zip(answer.columns, answer.types, strict=True)
        ],
        "rows": [list(row) for row in answer.rows],
        "at": answer.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(answer.seconds, 4),
        "is_cut": answer.is_cut,
    }


def as_csv(answer: QuestionAnswer) -> str:
    """Return an answer as CSV; a text that a spreadsheet would run as a formula is quoted by ``'``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_inert(name) for name in answer.columns])
    for row in answer.rows:
        writer.writerow(["" if cell is None else _inert(cell) for cell in row])
    return out.getvalue()


def as_table(question: LoadedQuestion, answer: QuestionAnswer) -> str:
    """Return an answer as a table of plain text, numbers to the right."""
    labels = {shown.column: shown.label for shown in question.spec.shown}
    units = {shown.column: shown.unit for shown in question.spec.shown}
    head = [labels.get(name, name) for name in answer.columns]
    body = [
        [in_words(cell, units.get(name)) for name, cell in zip(answer.columns, row, strict=True)]
        for row in answer.rows
    ]
    numeric = [
        any(isinstance(row[place], int | float) for row in answer.rows)
        for place in range(len(head))
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [_line(head, widths, numeric), "  ".join("─" * width for width in widths)]
    lines += (_line(row, widths, numeric) for row in body)
    return "\n".join(lines if body else (*lines[:2], question.spec.empty))


def as_chart(question: LoadedQuestion, answer: QuestionAnswer) -> str:
    """Return an answer as bars of plain text, one a row; as a table where it has no one measure."""
    spec = question.spec
    if not spec.y or spec.x is None or not answer.rows:
        return as_table(question, answer)
    measure = answer.columns.index(spec.y[0].column)
    labels = [
        answer.columns.index(shown.column) for shown in (spec.x, spec.series) if shown is not None
    ]
    unit = spec.y[0].unit
    rows = [
        (" · ".join(in_words(row[place]) for place in labels), row[measure]) for row in answer.rows
    ]
    most = max((number(value) for _, value in rows), default=0) or 1
    width = min(max(len(label) for label, _ in rows), 40)
    heading = f"{spec.title} ({spec.y[0].label})"
    lines = [
        f"{label[:width]:<{width}} {_bar(number(value) / most)} {in_words(value, unit)}"
        for label, value in rows
    ]
    return "\n".join([heading, *lines])


def number(cell: Cell) -> float:
    """Return a measure as a number; 0 where it is none."""
    return float(cell) if isinstance(cell, int | float) else 0.0


def in_words(cell: Cell, unit: str | None = None) -> str:
    """Return a value as people read it, with its unit where that changes its size."""
    if cell is None:
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return _visible(str(cell))
    match unit:
        case "percent":
            return f"{cell * 100:.1f} %"
        case "seconds":
            return _duration(cell)
        case "bytes":
            return _size(cell)
        case _:
            return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.2f}"


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds * 1000:,.0f} ms"


def _size(size: float) -> str:
    for name in _SIZES[:-1]:
        if abs(size) < 1000:
            return f"{size:,.0f} {name}"
        size /= 1000
    return f"{size:,.0f} {_SIZES[-1]}"


def _bar(share: float) -> str:
    eighths = round(max(0.0, min(share, 1.0)) * BAR_WIDTH * 8)
    full, rest = divmod(eighths, 8)
    return f"{'█' * full}{_EIGHTHS[rest].strip()}".ljust(BAR_WIDTH)


def _line(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    parts = (
        f"{cell:>{width}}" if right else f"{cell:<{width}}"
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return "  ".join(parts).rstrip()


def _visible(text: str) -> str:
    """Return a text whose control characters, those of the reading direction too, do nothing."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _inert(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


FORMATS: Mapping[str, Callable[[LoadedQuestion, QuestionAnswer], str]] = {
    "table": as_table,
    "chart": as_chart,
    "csv": lambda _, answer: as_csv(answer),
    "json": as_json,
}
"""How an answer can be written."""
