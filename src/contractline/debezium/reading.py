"""How a captured table is read so that its values stay exact, as far as its contract tells. Pure.

In a snapshot the driver hands out dates in a calendar that lacks ten days of October 1582, so a query
reads them as text, which the converter of connect/plugin takes too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from contractline.avro.schema import Schema


def date_columns(schema: Schema) -> tuple[str, ...]:
    """Return the fields of a record that are dates."""
    return tuple(name for name, kind in _kinds(schema) if _logical(kind) == "date")


def label_lists(schema: Schema) -> tuple[str, ...]:
    """Return the fields of a record that are lists of an enumeration: their items are never null."""
    return tuple(
        name
        for name, kind in _kinds(schema)
        if isinstance(kind, dict) and (kind["type"], kind.get("items")) == ("array", "string")
    )


def snapshot_query(table: str, columns: Sequence[str], dates: Collection[str]) -> str:
    """Return the query by which a snapshot reads a table.

    Args:
        table: ``schema.table``.
        columns: the columns that are read; none for every one.
        dates: those of them that are dates.
    """
    texts = {name: f"{quoted(name)}::text AS {quoted(name)}" for name in dates}
    # Beside * they come twice, and Debezium takes the second.
    whole = ["*", *texts.values()]
    selected = [texts.get(name, quoted(name)) for name in columns] or whole
    return f"SELECT {', '.join(selected)} FROM {'.'.join(map(quoted, table.split('.', 1)))}"  # noqa: S608


def quoted(name: str) -> str:
    """Return a name as PostgreSQL takes it whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _kinds(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Yield each field with its type, null left out."""
    for field in schema.fields:
        kind = field["type"]
        branches = [one for one in kind if one != "null"] if isinstance(kind, list) else [kind]
        if len(branches) == 1:
            yield field["name"], branches[0]


def _logical(kind: Any) -> str:
    return str(kind.get("logicalType", "")) if isinstance(kind, dict) else ""
