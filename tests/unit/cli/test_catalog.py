from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contractline.cli import run

BASE = Path(__file__).parents[2] / "cases" / "contracts" / "base"


@pytest.fixture
def root(tmp_path):
    shutil.copytree(BASE, tmp_path / "contracts")
    (tmp_path / "clickhouse_ddl").mkdir()
    return tmp_path


def test_the_page_and_its_markdown_are_written(root, capsys):
    folder = root / "some" / "where"
    assert run(["--project", str(root), "catalog", "--output", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {folder / 'index.html'}",
        f"wrote {folder / 'catalog.md'}",
    ]
    assert (folder / "index.html").read_text().startswith("<!DOCTYPE html>\n")
    assert "\n## clicks\n" in (folder / "catalog.md").read_text()


def test_a_folder_that_can_not_be_written(root, capsys):
    (root / "file").write_text("")
    assert run(["--project", str(root), "catalog", "--output", str(root / "file")]) == 2
    assert "error: " in capsys.readouterr().err


def test_the_committed_catalog_follows_the_contracts(root, capsys):
    generate = ["--project", str(root), "generate", "catalog"]
    assert run([*generate, "--check"]) == 1
    assert capsys.readouterr().out == "docs/catalog.md: is missing\n"
    assert run(generate) == 0
    assert run([*generate, "--check"]) == 0
    document = root / "contracts" / "clicks" / "contract.odcs.yaml"
    document.write_text(document.read_text().replace("value: 500", "value: 900"))
    capsys.readouterr()
    assert run([*generate, "--check"]) == 1
    assert capsys.readouterr().out.startswith("docs/catalog.md: differs from line ")


def test_contracts_that_can_not_be_read(root, capsys):
    (root / "contracts" / "clicks" / "value.avsc").write_text("{")
    assert run(["--project", str(root), "catalog"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the contracts hold" in printed.err
