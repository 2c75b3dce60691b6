"""Differences of streams as people and programs read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from contractline.gate.diff import FieldDifference, StreamDifference
from contractline.markdown import code, prose, table

HEADINGS = (
    "field",
    "before",
    "after",
    "new reads old",
    "old reads new",
    "ClickHouse before",
    "ClickHouse after",
)


def text(differences: Sequence[StreamDifference]) -> str:
    """Return the differences for a terminal: the words, then the fields in columns."""
    return "\n\n".join("\n".join(_text(one)) for one in differences)


def markdown(differences: Sequence[StreamDifference]) -> str:
    """Return the differences as Markdown."""
    return "\n\n".join("\n\n".join(_markdown(one)) for one in differences)


def field_table(difference: StreamDifference) -> str:
    """Return the fields of a difference as a Markdown table."""
    return table([HEADINGS, *(_marked(row) for row in difference.fields)])


def as_json(differences: Sequence[StreamDifference]) -> str:
    """Return the differences as one JSON document."""
    found = [asdict(one) for one in differences]
    return json.dumps({"differences": found}, ensure_ascii=False, indent=2)


def _title(one: StreamDifference) -> str:
    if not one.before:
        return f"{one.stream} is new in {one.after}"
    if not one.after:
        return f"{one.stream} was removed since {one.before}"
    nothing = ": nothing differs" if one.is_empty else ""
    return f"{one.stream}: {one.before} → {one.after}{nothing}"


def _reasons(one: StreamDifference) -> Iterator[str]:
    yield from one.broken
    if one.unmappable:
        yield f"ClickHouse: {one.unmappable}"


def _text(one: StreamDifference) -> Iterator[str]:
    yield _title(one)
    yield from (f"  {words}" for words in one.words)
    if one.fields:
        rows = [HEADINGS, *(_cells(row) for row in one.fields)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
        yield ""
        for row in rows:
            cells = (words.ljust(width) for words, width in zip(row, widths, strict=True))
            yield f"  {'  '.join(cells)}".rstrip()
    if reasons := list(_reasons(one)):
        yield from ("", *(f"  {words}" for words in reasons))


def _markdown(one: StreamDifference) -> Iterator[str]:
    yield f"### {prose(_title(one))}"
    if one.words:
        yield "\n".join(f"- {prose(words)}" for words in one.words)
    if one.fields:
        yield field_table(one)
    if reasons := list(_reasons(one)):
        yield "\n".join(f"- {prose(words)}" for words in reasons)


def _cells(row: FieldDifference) -> tuple[str, ...]:
    columns = row.column_before, row.column_after
    words = row.field, row.before, row.after, _yes(row.backward), _yes(row.forward), *columns
    return tuple(one or "-" for one in words)


def _marked(row: FieldDifference) -> tuple[str, ...]:
    types = code(row.field), code(row.before), code(row.after)
    columns = code(row.column_before), code(row.column_after)
    return (*types, _yes(row.backward), _yes(row.forward), *columns)


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
