"""What quality rules of a contract mean, and what keeps one from being measured."""

from __future__ import annotations

from typing import Any

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from contractline.contracts.quality import (
    HOURLY,
    OPERATORS,
    Bound,
    quality_mistakes,
    quality_rules,
)


def odcs(of_table: list[dict[str, Any]], **of_fields: list[dict[str, Any]]) -> Any:
    properties = [{"name": name, "quality": rules} for name, rules in of_fields.items()]
    schema = {"name": "orders", "quality": of_table, "properties": properties}
    return OpenDataContractStandard.model_validate({"schema": [schema]})


@pytest.mark.parametrize(
    ("operator", "limits", "holding", "failing"),
    [
        ("mustBe", (5,), 5, 6),
        ("mustNotBe", (5,), 6, 5),
        ("mustBeGreaterThan", (5,), 5.1, 5),
        ("mustBeGreaterOrEqualTo", (5,), 5, 4.9),
        ("mustBeLessThan", (5,), 4, 5),
        ("mustBeLessOrEqualTo", (5,), 5, 6),
        ("mustBeBetween", (0, 100), 1, 100),
        ("mustNotBeBetween", (0, 100), 0, 99),
    ],
)
def test_each_operator_compares(operator, limits, holding, failing):
    bound = Bound(operator, limits)
    assert bound.holds(holding)
    assert not bound.holds(failing)
    assert str(bound).startswith(OPERATORS[operator])


def test_rules_of_table_and_fields_are_read_with_what_they_leave_out():
    rules = quality_rules(
        odcs(
            [
                {"type": "text", "description": "All orders are here."},
                {"type": "custom", "engine": "soda", "implementation": "x"},
                {"metric": "rowCount", "mustBeBetween": [1, 9]},
                {
                    "id": "fresh",
                    "type": "sql",
                    "query": "SELECT 1",
                    "mustBe": 1,
                    "schedule": "*/5 * * * *",
                },
            ],
            item=[{"metric": "nullValues", "mustBeLessThan": 1, "unit": "percent"}],
        )
    )
    assert [(r.name, str(r.bound), r.unit, r.schedule) for r in rules] == [
        ("rowCount", "between 1 and 9", "rows", HOURLY),
        ("fresh", "= 1", "", "*/5 * * * *"),
        ("item.nullValues", "< 1", "percent", HOURLY),
    ]
    assert [r.field for r in rules] == ["", "", "item"]


def test_a_rule_with_a_mistake_is_not_measured():
    document = odcs([{"metric": "rowCount"}, {"id": "ok", "metric": "rowCount", "mustBe": 1}])
    assert [rule.name for rule in quality_rules(document)] == ["ok"]
    assert [mistake.text for mistake in quality_mistakes(document)] == [
        "does not say what it must be"
    ]
