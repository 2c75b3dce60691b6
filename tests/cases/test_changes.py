"""Every rule of change on changes that keep it and on changes that break it: tests/cases/changes.

One file a rule. A case lays out ``previous`` and ``current``, each the trees of
tests/cases/contracts/base with a few edits (tests/fixtures/trees.py). A case under ``fail`` gives
exactly the places under ``find``; the rules under ``also`` have something to say too.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.contracts.change import changes
from contractline.contracts.load import load_drafts
from contractline.finding import Finding
from contractline.rules.check import findings_of_change
from contractline.rules.registry import RULES_OF_CHANGE
from tests.fixtures.trees import place, tree

CASES = Path(__file__).parent / "changes"
IDS = [rule.id for rule in RULES_OF_CHANGE if rule.category == "changes"]


@cache
def cases(rule: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load((CASES / f"{rule}.yaml").read_text())
    return found


def each(kind: str) -> list[Any]:
    return [
        pytest.param(rule, case, id=f"{rule}-{case['name'].replace(' ', '_')}")
        for rule in IDS
        for case in cases(rule)[kind]
    ]


def found(case: dict[str, Any], root: Path) -> tuple[list[Finding], Any]:
    """Return what the rules of change say of a case, and where."""
    for side in ("previous", "current"):
        (root / side).mkdir()
    previous, current = (tree(root / side, case.get(side, {})) for side in ("previous", "current"))
    findings = findings_of_change(changes(load_drafts(previous), load_drafts(current)))
    own = [finding for finding in findings if finding.rule in IDS]
    return own, lambda one: place(one, previous if previous.root in one.file.parents else current)


@pytest.mark.parametrize(("rule", "case"), each("pass"))
def test_kept(rule, case, tmp_path):
    assert found(case, tmp_path)[0] == []


@pytest.mark.parametrize(("rule", "case"), each("fail"))
def test_broken(rule, case, tmp_path, expect_places):
    findings, where = found(case, tmp_path)
    places = [where(finding) for finding in findings if finding.rule == rule]
    expect_places(CASES / f"{rule}.yaml", case, places, {f.rule for f in findings} - {rule})
    assert all(finding.message and finding.hint for finding in findings)


def test_every_rule_has_cases_and_no_case_is_without_a_rule():
    assert {file.stem for file in CASES.glob("*.yaml")} == set(IDS)
    assert [rule for rule in IDS if not cases(rule)["pass"] or not cases(rule)["fail"]] == []


@pytest.mark.parametrize("rule", RULES_OF_CHANGE, ids=lambda rule: rule.id)
def test_the_page_gives_reason_and_examples(rule):
    assert rule.handler.__name__.upper() == rule.id
    assert all(word in rule.page for word in ("Why:", "Bad:", "Good:"))
