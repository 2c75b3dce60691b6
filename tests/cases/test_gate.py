"""Edits of a schema, and what Avro and the rules about ClickHouse say of each: tests/cases/gate.

``pytest --update-cases`` writes what they say; tests/integration/gate/test_edits.py then tries
every case on the engine, which must do the same.
"""

from __future__ import annotations

import pytest

from contractline.rules import clickhouse_reads
from contractline.rules.registry import RULES_OF_CONTRACT
from tests.fixtures.cases import OPTION
from tests.fixtures.edits import Edit, edits, update

EDITS = edits()
LEAST = 60


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_edit(edit: Edit, tmp_path, request):
    foretold, verdict = edit.foretold(edit.change(tmp_path))
    if request.config.getoption(OPTION):
        update(edit, foretold)
    else:
        assert foretold == edit.expected, f"`pytest {OPTION}` writes it"
    assert all(one.message and one.hint and one.file and one.path for one in verdict.findings)


def test_enough_edits_and_a_case_for_each_rule():
    assert len(EDITS) >= LEAST
    named = {rule for edit in EDITS if edit.expected for rule in edit.expected.rules}
    ours = {
        rule.id
        for rule in RULES_OF_CONTRACT
        if rule.handler.__module__ == clickhouse_reads.__name__
    }
    assert ours <= named
