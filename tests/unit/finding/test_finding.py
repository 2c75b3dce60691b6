from __future__ import annotations

from pathlib import Path

import pytest

from contractline.errors import ContractsInvalid
from contractline.finding import Finding, Position, RuleId, Severity

RULE = RuleId("FIELD_HAS_DOC")
PLACE = (Path("value.avsc"), Position(7, 5, 9), "$.fields[1]")


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (
            Finding(RULE, Severity.ERROR, "commits", "no doc", "add one", *PLACE),
            "value.avsc:7:5: error FIELD_HAS_DOC: commits at $.fields[1]: no doc (add one)",
        ),
        (
            Finding(RULE, Severity.WARNING, "commits", "no doc", file=Path("value.avsc")),
            "value.avsc: warning FIELD_HAS_DOC: commits: no doc",
        ),
        (Finding(RULE, Severity.ERROR, "a topic", "gone"), "error FIELD_HAS_DOC: a topic: gone"),
    ],
)
def test_a_finding_in_one_line(finding, text):
    assert str(finding) == text


def test_a_place_may_be_a_line_alone():
    finding = Finding(RULE, Severity.ERROR, "commits", "no doc", "", Path("a.sql"), Position(3))
    assert str(finding) == "a.sql:3: error FIELD_HAS_DOC: commits: no doc"
    assert finding.line == 3


def test_an_error_lists_its_findings():
    finding = Finding(RULE, Severity.ERROR, "commits", "no doc")
    error = ContractsInvalid([finding])
    assert str(finding) in str(error)
    assert error.findings == (finding,)
    assert error.exit_code == 2
