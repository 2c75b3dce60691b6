"""The results that are kept in ClickHouse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from contractline.clickhouse.ddl import QUALITY_RESULTS
from contractline.clients.clickhouse import Warehouse
from contractline.quality.measure import Result

NEWEST_RESULTS = "reporting.quality"
"""The view of the newest result of each rule."""

_IS_THERE = "SELECT count() FROM system.tables WHERE database = 'reporting' AND name = 'quality'"
_NEWEST = """
SELECT stream, rule, at, state, value, expected, unit, dimension, severity, problem
FROM reporting.quality
ORDER BY stream, rule"""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result as the table holds it; its columns say what each is."""

    stream: str
    rule: str
    at: datetime
    state: str
    value: float | None
    expected: str
    unit: str
    dimension: str
    severity: str
    problem: str


def keep(warehouse: Warehouse, results: Iterable[Result]) -> None:
    """Keep results.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    lines = (json.dumps(to_json(result)) for result in results)
    data = "\n".join(lines).encode()
    if data:
        warehouse.run(
            f"INSERT INTO {QUALITY_RESULTS} SETTINGS date_time_input_format = 'best_effort'"
            " FORMAT JSONEachRow",
            data=data,
        )


def to_json(result: Result) -> Mapping[str, object]:
    """Return a result by the names of the table's columns."""
    return {
        "stream": result.stream,
        "rule": result.rule.name,
        "at": f"{result.at:%Y-%m-%dT%H:%M:%S}.{result.at.microsecond // 1000:03d}Z",
        "state": str(result.state),
        "value": result.value,
        "expected": str(result.rule.bound),
        "unit": result.rule.unit,
        "dimension": result.rule.dimension,
        "severity": result.rule.severity,
        "problem": result.problem,
    }


def newest(warehouse: Warehouse) -> list[KeptResult]:
    """Return the newest result of each rule; none where ClickHouse has no table of them yet.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    if not warehouse.rows(_IS_THERE)[0][0]:
        return []
    found = [KeptResult(*row) for row in warehouse.rows(_NEWEST)]
    return [replace(one, at=one.at.replace(tzinfo=UTC)) for one in found]
