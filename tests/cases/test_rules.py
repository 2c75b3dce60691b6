"""Every rule is kept by one case at least, and broken by another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from contractline.rules.laws import LAWS
from contractline.rules.rule import Law
from contractline.rules.ruleset import RULES_OF_CHECKOUT, RULES_OF_WAIVER

CASES = Path(__file__).parent
TESTS = CASES.parent

WITHOUT_FILES = {law.id for law in (*RULES_OF_CHECKOUT, *RULES_OF_WAIVER)}
"""Rules that need more than a contract's files to be broken: tests name them."""

FILES = {file.stem: file for file in sorted(CASES.rglob("*.yaml"))}


def named(law: Law) -> list[Path]:
    """Return the tests, and the data of cases, that name a rule."""
    files = (*TESTS.rglob("*.py"), *CASES.rglob("*.yaml"), *CASES.rglob("*.toml"))
    return [file for file in files if law.id in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.id)
def test_a_rule_is_kept_and_broken(law):
    file = FILES.get(law.id)
    if file is None and (law.id in WITHOUT_FILES or law.category == "sinkbreaks"):
        assert named(law), f"no test names {law.id}: add one that keeps it and one that breaks it"
        return
    assert file is not None, (
        f"{law.id} has no cases: add tests/cases/contracts/{law.id}.yaml (a rule of contracts) or"
        f" tests/cases/changes/{law.id}.yaml (a rule of changes), with a list `pass` and a list `fail`"
    )
    cases = yaml.safe_load(file.read_text(encoding="utf-8"))
    for kind in ("pass", "fail"):
        assert cases.get(kind), f"{file.relative_to(TESTS)} has no case under `{kind}`: add one"
