"""What a quality rule measures, as ClickHouse SQL that gives one number.

Metrics count as datacontract-cli and Soda do: a null is missing and never invalid, and duplicates are
the values that occur more than once, not the rows that hold them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from contractline.clickhouse.sql import identifier, literal, qualified
from contractline.contracts.quality import QualityRule

_OBJECT = re.compile(r"\$?\{(?:object|table)\}")
_PROPERTY = re.compile(r"\$?\{(?:property|column)\}")


def measurement(rule: QualityRule, table: str) -> str:
    """Return the query that measures a rule.

    Args:
        rule: the rule.
        table: ``database.table`` of the stream's current rows, to be read with ``final = 1``.
    """
    if rule.query:
        return query_in_place(rule.query, table, rule.field)
    source = qualified(table)
    if rule.metric == "duplicateValues":
        fields = [rule.field] if rule.field else rule.arguments["properties"]
        names = ", ".join(map(identifier, fields))
        known = " AND ".join(f"isNotNull({identifier(name)})" for name in fields)
        keys = f"SELECT count() AS times FROM {source} WHERE {known} GROUP BY {names}"  # noqa: S608
        return f"SELECT {_counted('countIf(times > 1)', 'sum(times)', rule)} FROM ({keys})"  # noqa: S608
    return f"SELECT {_counted(_count(rule), 'count()', rule)} FROM {source}"  # noqa: S608 - names are quoted


def query_in_place(query: str, table: str, field: str) -> str:
    """Return SQL of a contract with the names of its table and field in their places."""
    query = _OBJECT.sub(lambda _: qualified(table), query.strip().removesuffix(";"))
    return _PROPERTY.sub(lambda _: identifier(field), query) if field else query


def _count(rule: QualityRule) -> str:
    column = identifier(rule.field) if rule.field else ""
    match rule.metric:
        case "rowCount":
            return "count()"
        case "nullValues":
            return f"countIf(isNull({column}))"
        case "missingValues":
            values = rule.arguments["missingValues"]
            others = [value for value in values if value is not None]
            empty = f" OR {_in(column, others)}" if others else ""
            return f"countIf(isNull({column}){empty})"
    wrong = []
    if "validValues" in rule.arguments:
        wrong.append(f"NOT {_in(column, rule.arguments['validValues'])}")
    if "pattern" in rule.arguments:
        wrong.append(f"NOT match(toString({column}), {literal(rule.arguments['pattern'])})")
    return f"countIf(isNotNull({column}) AND ({' OR '.join(wrong)}))"


def _in(column: str, values: Sequence[Any]) -> str:
    return f"toString({column}) IN ({', '.join(literal(_text(value)) for value in values)})"


def _text(value: Any) -> str:
    """Return a value of the contract as ClickHouse writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _counted(count: str, total: str, rule: QualityRule) -> str:
    """Return a count, or its share of all rows in percent; of no rows at all that is 0."""
    if rule.unit != "percent":
        return count
    return f"if({total} = 0, 0, 100 * {count} / {total})"
