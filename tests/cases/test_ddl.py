"""The DDL of a contract, case by case: tests/cases/ddl.

Each folder is a contract; ``out.sql`` is what is generated from it, or ``refusal.txt`` why nothing
is. ``pytest --update-cases`` rewrites them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from contractline.clickhouse.ddl import render, stream_files
from contractline.clickhouse.sql import statements
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.load import load_contract, load_contracts
from contractline.project import Project

CASES = Path(__file__).parent / "ddl"
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_ddl(folder: Path, expect: Callable[[Path, str], None]) -> None:
    loaded = load_contract(folder)
    assert loaded.contract, loaded.findings
    if folder.name.startswith("refused_"):
        with pytest.raises(SchemaUnmappable) as refusal:
            render(loaded.contract)
        expect(folder / "refusal.txt", f"{refusal.value}\n{refusal.value.hint}\n")
    else:
        text = render(loaded.contract)
        expect(folder / "out.sql", text)
        assert statements(text)[-1].name == f"ingestion.{folder.name}_feed"


def test_committed_files_are_what_the_contracts_give() -> None:
    project = Project(REPOSITORY)
    wanted = stream_files(project, load_contracts(project))
    present = {f: f.read_text(encoding="utf-8") for f in (project.ddl / "streams").glob("*.sql")}
    assert present == wanted, "`contractline generate tables` writes them"
