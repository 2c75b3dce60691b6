"""Every rule is kept by one case at least, and broken by another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from contractline.rules.by_id import RULES
from contractline.rules.registry import RULES_OF_CHECKOUT, RULES_OF_WAIVER
from contractline.rules.rule import Rule

CASES = Path(__file__).parent
TESTS = CASES.parent

WITHOUT_FILES = {rule.id for rule in (*RULES_OF_CHECKOUT, *RULES_OF_WAIVER)}
"""Rules that need more than a contract's files to be broken: tests name them."""

FILES = {file.stem: file for file in sorted(CASES.rglob("*.yaml"))}


def named(rule: Rule) -> list[Path]:
    """Return the tests, and the data of cases, that name a rule."""
    files = (*TESTS.rglob("*.py"), *CASES.rglob("*.yaml"), *CASES.rglob("*.toml"))
    return [file for file in files if rule.id in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_kept_and_broken(rule):
    file = FILES.get(rule.id)
    if file is None and (rule.id in WITHOUT_FILES or rule.category == "clickhouse_reads"):
        assert named(rule), f"no test names {rule.id}: add one that keeps it and one that breaks it"
        return
    assert file is not None, (
        f"{rule.id} has no cases: add tests/cases/contracts/{rule.id}.yaml (a rule of contracts) or"
        f" tests/cases/changes/{rule.id}.yaml (a rule of changes), with a list `pass` and a list `fail`"
    )
    cases = yaml.safe_load(file.read_text(encoding="utf-8"))
    for kind in ("pass", "fail"):
        assert cases.get(kind), f"{file.relative_to(TESTS)} has no case under `{kind}`: add one"
