"""Every rule under its id."""

from __future__ import annotations

import difflib

from contractline.errors import ContractlineError
from contractline.rules.rule import Law
from contractline.rules.ruleset import (
    RULES,
    RULES_OF_ALL,
    RULES_OF_CHANGE,
    RULES_OF_CHECKOUT,
    RULES_OF_WAIVER,
)

LAWS: tuple[Law, ...] = (
    *RULES,
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


def law_named(rule: str) -> Law:
    """Return the rule of an id, whatever the case of its letters.

    Raises:
        RuleUnknown: there is none.
    """
    wanted = _spelled(rule)
    for law in LAWS:
        if law.id == wanted:
            return law
    raise RuleUnknown(rule)


def nearest_rule(rule: str) -> str:
    """Return the id that is most like a misspelt one; empty when none is."""
    near = difflib.get_close_matches(_spelled(rule), [law.id for law in LAWS], 1)
    return near[0] if near else ""


def _spelled(rule: str) -> str:
    return rule.strip().upper().replace("-", "_")
