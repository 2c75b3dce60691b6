"""Pairs of schemas made at random: what the rules foretell of ClickHouse, and what the engine does.

Only pairs whose records Avro itself can read with the newer schema: what it can't is its own rule.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contractline.avro.compatibility import can_read
from contractline.clickhouse.hazards import has_tables
from contractline.contracts.change import StreamChange
from contractline.project import Project
from contractline.proof.proof import Prover, prover
from contractline.rules.clickhouse_verdict import verdict
from tests.fixtures.edits import Edit
from tests.integration.oracles.pairs import drawn

ROOT = Path(__file__).parents[3]
PAIRS = 400
TRIED = 60
RECORDS = 10


@pytest.fixture(scope="module")
def prove() -> Iterator[Prover]:
    with prover(Project(ROOT)) as one:
        yield one


def edits() -> Iterator[Edit]:
    """Return pairs as cases of the gate."""
    readable = ((newer, older) for newer, older in drawn(PAIRS) if can_read(newer, older))
    for number, (newer, older) in enumerate(readable):
        yield Edit(f"pair_{number}", "made at random", older.definition, newer.definition)


def renames_a_constant(change: StreamChange) -> bool:
    """Tell whether a renamed field holds an enum of one symbol.

    The rules speak of every rename. Of this one nothing is lost: the default that the table shows
    in place of the old value is the only value that there is.
    """
    both = [draft for draft in (change.before, change.after) if draft]
    renamed = (f for draft in both for f in draft.value.fields if f.get("aliases"))
    types = (field["type"] for field in renamed if isinstance(field["type"], dict))
    return any(len(one.get("symbols", ())) == 1 for one in types)


def test_the_engine_does_what_the_rules_foretell(prove: Prover, tmp_path: Path) -> None:
    differences: list[str] = []
    kinds: Counter[str] = Counter()
    for edit in edits():
        change = edit.change(tmp_path / edit.name)
        # Without any tables there is nothing to try: the refusal is the verdict.
        if change.before is None or not has_tables(change.before):
            continue
        foretold, proof = verdict(change), prove.prove(change, records=RECORDS)
        if foretold is None or proof is None:
            continue
        kinds[foretold.kind.value] += 1
        if foretold.kind is not proof.verdict and not renames_a_constant(change):
            texts = [json.dumps(schema) for schema in (edit.previous, edit.current)]
            said = [finding.message for finding in proof.findings][:2]
            differences.append(
                f"{edit.name}: rules {foretold.kind}, engine {proof.verdict}\n  "
                + "\n  ".join([*texts, *said])
            )

    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert kinds.total() >= TRIED
    assert len(kinds) > 1, kinds
