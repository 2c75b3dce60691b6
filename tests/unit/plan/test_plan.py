from __future__ import annotations

import pytest

from contractline.finding import Finding, RuleId, Severity
from contractline.plan import Change, Plan, Step

STEP = Step(Change.ALTER, "commits_topic", "partitions 1 → 3")


def finding(severity: Severity) -> Finding:
    return Finding(RuleId("RETENTION_KEPT"), severity, "commits_topic", "would lose data")


def test_a_step_in_one_line():
    assert str(STEP) == "alter commits_topic: partitions 1 → 3"


@pytest.mark.parametrize(
    ("steps", "severities", "is_clean"),
    [
        ((), (), True),
        ((), (Severity.WARNING,), True),
        ((), (Severity.WARNING, Severity.ERROR), False),
        ((STEP,), (), False),
    ],
)
def test_a_plan_is_clean_without_steps_and_errors(steps, severities, is_clean):
    plan = Plan("topics", steps, tuple(finding(severity) for severity in severities))
    assert plan.is_clean is is_clean
    assert len(plan.refusals) == severities.count(Severity.ERROR)
