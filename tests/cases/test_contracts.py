"""Every rule on contracts that keep it and on contracts that break it: tests/cases/contracts.

One file a rule; each case is the trees of ``base/`` with a few edits. A case under ``fail`` gives
exactly the places under ``find``; the rules under ``also`` have something to say too.

What a case may edit: tests/fixtures/trees.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.contracts.load import load_drafts
from contractline.rules.check import findings_of
from contractline.rules.registry import RULES_OF_ALL, RULES_OF_CONTRACT
from tests.fixtures.trees import place, tree

CASES = Path(__file__).parent / "contracts"
IDS = [rule.id for rule in (*RULES_OF_CONTRACT, *RULES_OF_ALL)]


@cache
def cases(rule: str) -> dict[str, list[dict[str, Any]]]:
    file = CASES / f"{rule}.yaml"
    found: dict[str, list[dict[str, Any]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def each(kind: str) -> list[Any]:
    return [
        pytest.param(rule, case, id=f"{rule}-{case['name'].replace(' ', '_')}")
        for rule in IDS
        for case in cases(rule)[kind]
    ]


def test_the_base_keeps_every_rule(tmp_path):
    assert findings_of(load_drafts(tree(tmp_path, {}))) == []


@pytest.mark.parametrize(("rule", "case"), each("pass"))
def test_kept(rule, case, tmp_path):
    assert findings_of(load_drafts(tree(tmp_path, case))) == []


@pytest.mark.parametrize(("rule", "case"), each("fail"))
def test_broken(rule, case, tmp_path, expect_places):
    project = tree(tmp_path, case)
    findings = findings_of(load_drafts(project))
    found = [place(f, project) for f in findings if f.rule == rule]
    expect_places(CASES / f"{rule}.yaml", case, found, {f.rule for f in findings} - {rule})
    assert all(finding.message and finding.hint for finding in findings)


def test_every_rule_has_cases_and_no_case_is_without_a_rule():
    assert {file.stem for file in CASES.glob("*.yaml")} == set(IDS)
    assert [rule for rule in IDS if not cases(rule)["pass"] or not cases(rule)["fail"]] == []


def test_ids_are_unique_and_those_of_their_handlers():
    assert len(set(IDS)) == len(IDS)
    handlers = [
        *(rule.handler for rule in RULES_OF_CONTRACT),
        *(rule.handler for rule in RULES_OF_ALL),
    ]
    assert [handler.__name__.upper() for handler in handlers] == IDS


@pytest.mark.parametrize("rule", [*RULES_OF_CONTRACT, *RULES_OF_ALL], ids=lambda rule: rule.id)
def test_the_page_gives_reason_and_examples(rule):
    assert all(word in rule.page for word in ("Why:", "Bad:", "Good:"))
