"""Every rule on contracts that keep it and on contracts that break it: tests/cases/contracts.

One file a rule; each case is the trees of ``base/`` with a few edits. A case under ``fail`` gives
exactly the places under ``find``; the rules under ``also`` have something to say too.

A case: ``copy`` (from: to), ``remove``, ``write`` and ``bytes`` (file: content), ``edit`` (file:
[[old, new], …]), ``schema`` (the same, on the working schema and its v1), ``restore`` (files of
the base). SHA256SUMS are written anew unless ``sums: kept``.
"""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.contracts.load import load_drafts
from contractline.contracts.sums import digest, written
from contractline.finding import Finding
from contractline.project import Project
from contractline.rules.check import findings_of
from contractline.rules.ruleset import RULES, RULES_OF_ALL

CASES = Path(__file__).parent / "contracts"
IDS = [rule.id for rule in (*RULES, *RULES_OF_ALL)]


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


def tree(root: Path, case: dict[str, Any]) -> Project:
    """Lay out the contracts of a case: the base, copies, removals, files, edits, records."""
    contracts = root / "contracts"
    shutil.copytree(CASES / "base", contracts)
    (root / "clickhouse_ddl").mkdir()
    folders = {k: v for k, v in case.get("copy", {}).items() if (contracts / k).is_dir()}
    for source, target in folders.items():
        shutil.copytree(contracts / source, contracts / target)
    put(contracts, case)
    for name, edits in case.get("edit", {}).items():
        edit(contracts / name, edits)
    for name, edits in case.get("schema", {}).items():
        folder, part = contracts / Path(name).parent, Path(name).name
        edit(folder / f"{part}.avsc", edits)
        edit(folder / "versions" / f"{part}.v1.avsc", edits)
    for source, target in case.get("copy", {}).items():
        if source not in folders:
            shutil.copy(contracts / source, contracts / target)
    for name in case.get("restore", []):
        shutil.copy(CASES / "base" / name, contracts / name)
    for folder in contracts.rglob("versions") if case.get("sums") != "kept" else []:
        record(folder)
    return Project.find(root)


def put(contracts: Path, case: dict[str, Any]) -> None:
    for name in case.get("remove", []):
        file = contracts / name
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    contents = {name: text.encode() for name, text in case.get("write", {}).items()}
    contents |= {name: bytes.fromhex(digits) for name, digits in case.get("bytes", {}).items()}
    for name, content in contents.items():
        (contracts / name).parent.mkdir(exist_ok=True)
        (contracts / name).write_bytes(content)


def edit(file: Path, edits: list[list[str]]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, f"{file}: {text.count(old)} times {old!r}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def record(folder: Path) -> None:
    files = sorted(f for f in folder.glob("*.avsc") if re.match(r"\w+\.v[1-9]\d*\.", f.name))
    sums = written({file.name: digest(file.read_bytes()) for file in files})
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def place(finding: Finding, project: Project) -> str:
    assert finding.file is not None
    file = finding.file.relative_to(project.contracts).as_posix()
    line = f":{finding.line}" if finding.line else ""
    return f"{file}{line} {finding.path}".strip()


def test_the_base_keeps_every_rule(tmp_path):
    assert findings_of(load_drafts(tree(tmp_path, {}))) == []


@pytest.mark.parametrize(("rule", "case"), each("pass"))
def test_kept(rule, case, tmp_path):
    assert findings_of(load_drafts(tree(tmp_path, case))) == []


@pytest.mark.parametrize(("rule", "case"), each("fail"))
def test_broken(rule, case, tmp_path):
    project = tree(tmp_path, case)
    findings = findings_of(load_drafts(project))
    assert [place(f, project) for f in findings if f.rule == rule] == case["find"]
    assert {finding.rule for finding in findings} == {rule, *case.get("also", [])}
    assert all(finding.message and finding.hint for finding in findings)


def test_every_rule_has_cases_and_no_case_is_without_a_rule():
    assert {file.stem for file in CASES.glob("*.yaml")} == set(IDS)
    assert [rule for rule in IDS if not cases(rule)["pass"] or not cases(rule)["fail"]] == []


def test_ids_are_unique_and_those_of_their_handlers():
    assert len(set(IDS)) == len(IDS)
    handlers = [*(rule.handler for rule in RULES), *(rule.handler for rule in RULES_OF_ALL)]
    assert [handler.__name__.upper() for handler in handlers] == IDS


@pytest.mark.parametrize("rule", [*RULES, *RULES_OF_ALL], ids=lambda rule: rule.id)
def test_the_page_gives_reason_and_examples(rule):
    assert all(word in rule.page for word in ("Why:", "Bad:", "Good:"))
