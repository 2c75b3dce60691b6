"""What retiring a stream takes out of a checkout, and what keeps it from being retired."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from contractline.cli import run
from contractline.contracts.load import contract_named, load_contracts
from contractline.project import Project
from contractline.scaffold.retire import (
    PlaceTaken,
    StillRead,
    carry_out,
    refuse_read,
    removal,
)
from contractline.scaffold.table_sql import _HEAD

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("contracts", "clickhouse_ddl", "connect", "reports"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return Project(tmp_path)


def names(project: Project, paths: object) -> list[str]:
    return [str(path.relative_to(project.root)) for path in paths]  # type: ignore[attr-defined]


def test_what_people_wrote_and_still_read_keeps_a_stream(project: Project) -> None:
    contracts = load_contracts(project)
    with pytest.raises(StillRead) as raised:
        refuse_read(project, contract_named(contracts, "github_users"))
    assert "view reporting.users (clickhouse_ddl/reporting/users.sql:" in str(raised.value)
    shutil.rmtree(project.ddl / "reporting")
    shutil.rmtree(project.reports / "questions")
    (project.reports / "questions").mkdir()
    refuse_read(project, contract_named(contracts, "github_users"))
    (project.reports / "questions" / "raw.sql").write_text("SELECT team FROM github.users")
    with pytest.raises(StillRead, match=r"question raw \(reports/questions/raw\.sql:1\)"):
        refuse_read(project, contract_named(contracts, "github_users"))


def test_the_machinery_and_unknown_streams_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--project", str(project.root), "retire", "heartbeat"]) == 2
    assert "heartbeat belongs to the machinery" in capsys.readouterr().err
    assert run(["--project", str(project.root), "retire", "nobody"]) == 2
    assert "there is no contract `nobody`" in capsys.readouterr().err


def test_sql_that_people_wrote_stays(project: Project) -> None:
    contracts = load_contracts(project)
    found = removal(project, contract_named(contracts, "github_users"), contracts)
    assert names(project, found.moved) == [
        "clickhouse_ddl/streams/github_users.sql",
        "contracts/github_users",
    ]
    assert found.written == {}


def test_sql_that_was_read_from_the_table_goes_with_what_was_captured(project: Project) -> None:
    file = project.postgres_sql / "030_github_users.sql"
    table = "public.github_users"
    file.write_text(_HEAD.format(table=table) + file.read_text().partition("\n")[2])
    contracts = load_contracts(project)

    found = removal(project, contract_named(contracts, "github_users"), contracts)

    assert names(project, found.moved) == [
        "clickhouse_ddl/streams/github_users.sql",
        "connect/captured/postgres.public.github_users-key.avsc",
        "connect/captured/postgres.public.github_users-value.avsc",
        "connect/postgres/030_github_users.sql",
        "contracts/github_users",
    ]
    ((index, text),) = found.written.items()
    before = json.loads(index.read_text())
    del before["made_from"]["connect/postgres/030_github_users.sql"]
    del before["keys"]["postgres.public.github_users"]
    assert json.loads(text) == before
    aside = project.root / "retired" / "github_users"
    moved = list(carry_out(project, found, aside))
    assert [target for _, target in moved] == [
        aside / path.relative_to(project.root) for path in found.moved
    ]
    assert all(target.exists() and not path.exists() for path, target in moved)
    with pytest.raises(PlaceTaken):
        list(carry_out(project, found, aside))
