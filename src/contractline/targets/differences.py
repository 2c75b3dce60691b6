"""Differences between a target's live and declared state: steps where safe, findings where not."""

from __future__ import annotations

from collections.abc import Iterable

from contractline.finding import Finding, RuleId, Severity
from contractline.plan import Plan, Step


def plan_of(target: str, differences: Iterable[Step | Finding]) -> Plan:
    """Return the plan that a target's differences make, in their order."""
    found = list(differences)
    return Plan(
        target,
        tuple(one for one in found if isinstance(one, Step)),
        tuple(one for one in found if isinstance(one, Finding)),
    )


def refused(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    """Return the finding for a difference that keeps the target from its declared state."""
    return Finding(RuleId(rule), Severity.ERROR, subject, message, hint)


def noticed(rule: str, subject: str, message: str, hint: str = "") -> Finding:
    """Return the finding for a difference that the reader should know and that breaks nothing."""
    return Finding(RuleId(rule), Severity.WARNING, subject, message, hint)
