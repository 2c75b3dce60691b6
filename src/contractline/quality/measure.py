"""One measurement of the quality rules of a stream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from contractline.clickhouse.quality import measurement
from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import QueryRefused, Warehouse
from contractline.contracts.model import Contract
from contractline.contracts.quality import Bound, QualityRule, quality_rules
from contractline.contracts.sla import promised_latency

LATENCY_RULE = "latency"
"""The rule that the SLA of the same name makes."""

LATE_PERCENT = 1.0
"""The latency that a contract promises is the 99th percentile."""

_LATE = """
SELECT if(sum(messages) = 0, 0, 100 * sum(late) / sum(messages))
FROM reporting.arrivals
WHERE stream = {stream} AND minute >= now() - INTERVAL 1 HOUR"""

LIMITS = {
    # Whatever the account may do, a rule reads only, and never rows that newer ones have replaced.
    "readonly": "2",
    "final": "1",
    "max_execution_time": "60",
    "max_memory_usage": "2000000000",
    "max_rows_to_read": "1000000000",
    "max_result_rows": "1",
    "result_overflow_mode": "throw",
}
"""What ClickHouse is told of each query of a rule."""


class State(StrEnum):
    """What came of a rule: ``unknown`` where it could not be measured."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured of one rule.

    Attributes:
        stream: the stream.
        rule: the rule.
        at: when.
        state: whether it holds.
        value: the number; None where it could not be measured.
        problem: why it could not be; empty otherwise.
    """

    stream: str
    rule: QualityRule
    at: datetime
    state: State
    value: float | None = None
    problem: str = ""


def rules_of(contract: Contract) -> list[QualityRule]:
    """Return the rules of a stream: those of its contract, and the latency that it promises."""
    if contract.sink is None:
        return []
    rules = quality_rules(contract.odcs)
    promise = promised_latency(contract.odcs)
    if promise is None or any(rule.name == LATENCY_RULE for rule in rules):
        return rules
    late = QualityRule(
        LATENCY_RULE,
        Bound("mustBeLessOrEqualTo", (LATE_PERCENT,)),
        query=_LATE.format(stream=literal(contract.name)),
        unit="percent",
        dimension="timeliness",
        description=f"Records of the last hour that took more than {promise.total_seconds():g} s.",
    )
    return [*rules, late]


def measure(warehouse: Warehouse, contract: Contract, rules: Sequence[QualityRule]) -> list[Result]:
    """Measure rules of a stream.

    Args:
        warehouse: ClickHouse, by an account that reads.
        contract: the stream.
        rules: some of its rules.

    Raises:
        ClickHouseAway: ClickHouse did not answer.
    """
    return [_measured(warehouse, contract, rule) for rule in rules]


def _measured(warehouse: Warehouse, contract: Contract, rule: QualityRule) -> Result:
    assert contract.sink is not None  # noqa: S101 - only streams with a table have rules
    at = datetime.now(UTC)
    try:
        sql = measurement(rule, contract.sink.current)
        answer = json.loads(warehouse.raw(sql, "JSONCompact", settings=LIMITS))
    except QueryRefused as problem:
        words = " ".join(problem.words.split())
        return Result(contract.name, rule, at, State.UNKNOWN, problem=words)
    value = _number(answer["data"])
    if value is None:
        words = "its query does not give one number"
        return Result(contract.name, rule, at, State.UNKNOWN, problem=words)
    state = State.HOLDS if rule.bound.holds(value) else State.FAILS
    return Result(contract.name, rule, at, state, value)


def _number(rows: Sequence[Sequence[object]]) -> float | None:
    """Return the number that an answer is; None where it is none, or not one."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return None
    value = rows[0][0]
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None
