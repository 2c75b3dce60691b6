"""Every rule under its id."""

from __future__ import annotations

import difflib

from contractline.errors import ContractlineError
from contractline.rules.registry import (
    RULES_OF_ALL,
    RULES_OF_CHANGE,
    RULES_OF_CHECKOUT,
    RULES_OF_CONTRACT,
    RULES_OF_WAIVER,
)
from contractline.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *RULES_OF_CONTRACT,
    *RULES_OF_ALL,
    *RULES_OF_CHANGE,
    *RULES_OF_CHECKOUT,
    *RULES_OF_WAIVER,
)
"""The rules, in the order in which they are held against contracts."""


class RuleUnknown(ContractlineError):
    """When an id is named that no rule has."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        near = nearest_rule(rule)
        super().__init__(
            f"there is no rule `{rule}`",
            hint=f"did you mean {near}?" if near else "`contractline rules` lists them",
        )


def rule_named(rule_id: str) -> Rule:
    """Return the rule of an id, whatever the case of its letters.

    Raises:
        RuleUnknown: there is none.
    """
    wanted = _spelled(rule_id)
    for rule in RULES:
        if rule.id == wanted:
            return rule
    raise RuleUnknown(rule_id)


def nearest_rule(rule: str) -> str:
    """Return the id that is most like a misspelt one; empty when none is."""
    near = difflib.get_close_matches(_spelled(rule), [rule.id for rule in RULES], 1)
    return near[0] if near else ""


def _spelled(rule: str) -> str:
    return rule.strip().upper().replace("-", "_")
