from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contractline.contracts.load import load_drafts
from contractline.finding import Severity
from contractline.project import Project
from contractline.rules.check import findings_of
from contractline.rules.registry import MENDED_BY_RELEASE, RULES_OF_ALL, RULES_OF_CONTRACT

BASE = Path(__file__).parents[2] / "cases" / "contracts" / "base"


@pytest.fixture
def project(tmp_path):
    shutil.copytree(BASE, tmp_path / "contracts")
    (tmp_path / "clickhouse_ddl").mkdir()
    return Project(tmp_path)


def test_the_contracts_of_this_checkout_keep_every_rule():
    checkout = Project.find(Path(__file__))
    assert findings_of(load_drafts(checkout)) == []


def test_a_part_that_can_not_be_read_silences_only_what_needs_it(project):
    clicks = project.contracts / "clicks"
    (clicks / "key.avsc").write_text("{")
    document = clicks / "contract.odcs.yaml"
    document.write_text(document.read_text().replace("      role: owner\n", ""))
    value = clicks / "value.avsc"
    value.write_text(value.read_text().replace(', "doc": "When, UTC."', ""))
    assert [finding.rule for finding in findings_of(load_drafts(project))] == [
        "CONTRACT_HAS_OWNER",
        "SCHEMA_VALID",
        "FIELD_HAS_DOC",
    ]


def test_findings_come_in_the_order_of_contracts_files_and_lines(project):
    for name in ("people", "clicks"):
        document = project.contracts / name / "contract.odcs.yaml"
        text = document.read_text().replace("      role: owner\n", "")
        document.write_text(text.replace("id: ", "id: x"))
    found = [(f.subject, f.line) for f in findings_of(load_drafts(project))]
    assert found == [("clicks", 3), ("clicks", 9), ("people", 3), ("people", 9)]


def test_a_finding_carries_what_was_and_what_is(project):
    document = project.contracts / "clicks" / "contract.odcs.yaml"
    document.write_text(document.read_text().replace("id: clicks", "id: click"))
    (finding,) = findings_of(load_drafts(project))
    assert (finding.old, finding.new) == ("clicks", "click")
    assert (finding.path, finding.severity) == ("$.id", Severity.ERROR)
    assert finding.file == document


def test_what_a_release_mends_are_rules():
    assert {rule.id for rule in RULES_OF_CONTRACT} > MENDED_BY_RELEASE
    assert not MENDED_BY_RELEASE & {rule.id for rule in RULES_OF_ALL}
