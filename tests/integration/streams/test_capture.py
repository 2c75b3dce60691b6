"""``contractline generate cdc`` on the real PostgreSQL and Debezium, and what the rules make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contractline.cli import run
from contractline.contracts.captured import Index, load_capture
from contractline.contracts.checksums import digest
from contractline.gate.reports.markdown import MARKER
from contractline.project import Project
from contractline.stack.control import Stack
from tests.fixtures.github import GitHub, Runner
from tests.fixtures.stack import clean_environment

Make = Callable[[str], Project]

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def artefacts() -> None:
    Stack(Project.find(PROJECT), clean_environment()).artefacts.provide(
        lambda arrived: None, lambda: None
    )


def test_what_is_committed_is_what_comes_out(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--project", str(PROJECT), "generate", "cdc", "--check"])
    assert code == 0, capsys.readouterr().out


def test_a_changed_table_is_told_from_the_contract(
    make_project: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project("changed")
    file = project.postgres_sql / "030_github_users.sql"
    text = file.read_text()
    begin, _, rest = text.partition("\\copy")
    table = (
        begin.replace("  team       text NOT NULL,", "  team       varchar(20),\n  level      int,")
        .replace("  birth_date date,\n", "")
        .replace("  position   text NOT NULL,", "  position   int NOT NULL,")
    )
    assert rest
    assert table.count("\n") == begin.count("\n")
    file.write_text(table)

    assert run(["--project", str(project.root), "check", "contracts"]) == 1
    assert "030_github_users.sql changed since" in capsys.readouterr().out
    assert run(["--project", str(project.root), "generate", "cdc"]) == 0
    capsys.readouterr()

    assert run(["--project", str(project.root), "check", "contracts"]) == 1
    said = capsys.readouterr().out
    path = "connect/postgres/030_github_users.sql"
    assert (
        f"{path}:7:3: error CDC_CAPTURE_MATCHES: column `position` of public.github_users is int"
        in said
    )
    assert (
        f"{path}:8:3: error CDC_CAPTURE_MATCHES: column `team` of public.github_users takes NULL"
        in said
    )
    assert (
        f"{path}:9:3: warning CDC_CAPTURE_MATCHES: public.github_users has a column `level`" in said
    )
    assert (
        f"{path}:5:1: error CDC_CAPTURE_MATCHES: public.github_users has no column `birth_date`"
        in said
    )
    assert "github_identities" not in said


def test_a_pull_request_is_told_what_was_not_tried(make_project: Make, tmp_path: Path) -> None:
    project = make_project("pull_request")
    file = project.postgres_sql / "030_github_users.sql"
    file.write_text(file.read_text().replace("birth_date date,", "birth_date date, level int,"))
    captured = project.captured / "capture.json"
    index = Index.parse(captured.read_text())
    name = file.relative_to(project.root).as_posix()
    # As if somebody had written the digest by hand: no rule can tell.
    forged = {**index.made_from, name: digest(file.read_bytes())}
    captured.write_text(replace(index, made_from=forged).text)

    with GitHub.answering() as github:
        event = {"pull_request": {"number": 7}}
        runner = Runner.of(project.root, tmp_path / "runner", github, event)
        assert runner.run({}) == 0
        assert runner.run({"cdc": "true"}) == 1

    (comment,) = github.comments
    assert comment["body"].startswith(
        f"{MARKER}\n## ❌ Contracts: connect/captured is not what Debezium makes\n"
    )
    assert "connect/captured/postgres.public.github_users-value.avsc: differs" in comment["body"]
    assert "`contractline generate cdc` writes them" in comment["body"]
    assert "::error title=contractline%3A connect/captured is not" in runner.log


TYPES = """-- creates: table public.types
CREATE TYPE public.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN public.large AS int CHECK (VALUE > 5);
CREATE TABLE public.types (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  small smallint NOT NULL, exact numeric(5,2) NOT NULL CHECK (exact > 3), bits bit(3) NOT NULL,
  raw bytea NOT NULL, day date NOT NULL, clock time NOT NULL, at timestamptz NOT NULL,
  place point NOT NULL, host inet NOT NULL, span int4range NOT NULL, mood mood NOT NULL,
  moods mood[] NOT NULL, id2 uuid NOT NULL, doc jsonb NOT NULL, size large NOT NULL,
  parent int NOT NULL REFERENCES public.types, twice int GENERATED ALWAYS AS (small * 2) STORED,
  shape polygon
);
"""


def test_a_table_without_rows_is_captured_whatever_its_types(make_project: Make) -> None:
    project = make_project("types")
    (project.postgres_sql / "070_types.sql").write_text(TYPES)

    assert run(["--project", str(project.root), "generate", "cdc"]) == 0

    value = load_capture(project).schema("postgres.public.types", "value")
    assert value is not None
    types = {field["name"]: field["type"] for field in value.fields}
    assert list(types)[-4:] == ["__deleted", "__op", "__lsn", "__source_ts_ms"]
    assert types["bits"] == "bytes"
    assert types["exact"] == types["at"] == types["span"] == types["mood"] == "string"
    assert types["place"]["name"] == "Point"
    assert types["moods"] == {"type": "array", "items": "string"}
    assert not {"twice", "shape"} & types.keys()


def test_sql_that_postgres_refuses_is_named(
    make_project: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project("broken")
    file = project.postgres_sql / "040_github_identities.sql"
    file.write_text(file.read_text().replace("text NOT NULL CHECK", "txt NOT NULL CHECK", 1))

    code = run(["--project", str(project.root), "generate", "cdc"])

    assert code == 2
    assert f'{file}: PostgreSQL refuses it: type "txt" does not exist' in capsys.readouterr().err
    assert not (project.root / ".contractline" / "data").exists()
