from __future__ import annotations

import json
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


@pytest.fixture
def contractline(root, capsys):
    """Run a command in the checkout; give its exit code, output and errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(["--project", str(root), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


PAGE = '"fields": [{"name": "page", "type": "string", "default": "", "doc": "Address."},'


def test_nothing_wrong(contractline):
    assert contractline("check", "contracts") == (0, "3 contracts: nothing wrong\n", "")


def test_a_mistake_has_its_place_and_what_to_do(contractline, root):
    replace(root / "contracts/clicks/value.avsc", ', "doc": "When, UTC."', "")
    code, out, _ = contractline("check", "contracts")
    assert code == 1
    assert out.splitlines() == [
        "contracts/clicks/value.avsc:10:5: error FIELD_HAS_DOC at $.fields[3]:"
        " the field `seen_at` has no doc",
        "    add a sentence: what it holds, its unit, when it is null",
        "3 contracts: 1 error",
    ]


def test_a_warning_fails_nothing(contractline, root):
    document = root / "contracts/clicks/contract.odcs.yaml"
    replace(document, "property: compatibility", "property: compatability")
    code, out, _ = contractline("check", "contracts")
    assert code == 0
    assert "warning CUSTOM_PROPERTY_KNOWN" in out
    assert out.endswith("3 contracts: 1 warning\n")


def test_findings_for_programs(contractline, root):
    replace(root / "contracts/clicks/contract.odcs.yaml", "id: clicks", "id: click")
    code, out, _ = contractline("check", "contracts", "--format", "json")
    assert code == 1
    assert json.loads(out)["findings"] == [
        {
            "rule": "FOLDER_NAME_IS_ID",
            "severity": "error",
            "subject": "clicks",
            "message": "the id is `click` and the folder is called `clicks`",
            "hint": "rename one of the two",
            "file": "contracts/clicks/contract.odcs.yaml",
            "line": 3,
            "column": 1,
            "end_column": 3,
            "path": "$.id",
            "old": "clicks",
            "new": "click",
        }
    ]


def test_outside_a_checkout_nothing_can_be_told(contractline, root):
    shutil.rmtree(root / "clickhouse_ddl")
    code, out, err = contractline("check", "contracts")
    assert (code, out) == (2, "")
    assert "no contractline project" in err


def test_a_release_writes_and_says_what(contractline, root):
    replace(root / "contracts/clicks/value.avsc", '"fields": [', PAGE)
    assert contractline("check", "contracts")[0] == 1
    code, out, _ = contractline("release", "clicks", "--message", "Reports ask for pages.")
    assert code == 0
    assert out.splitlines() == [
        "clicks v2 is released",
        '  adds `page` (string, default "")',
        "  wrote contracts/clicks/CHANGELOG.md",
        "  wrote contracts/clicks/versions/value.v2.avsc",
        "  wrote contracts/clicks/versions/SHA256SUMS",
        "  wrote contracts/clicks/contract.odcs.yaml",
        "next: `contractline generate`, commit it, `contractline apply`",
    ]
    assert contractline("check", "contracts")[0] == 0
    code, out, _ = contractline("release", "clicks")
    assert (code, out) == (0, "nothing to release: clicks/value.avsc is v2\n")
    replace(root / "contracts/clicks/value.avsc", "Address.", "Address of the page.")
    _, out, _ = contractline("release", "clicks")
    assert out == "nothing to release: clicks/value.avsc is v2, docs aside\n"


def test_a_break_is_not_released(contractline, root):
    page = PAGE.replace(' "default": "",', "")
    replace(root / "contracts/clicks/value.avsc", '"fields": [', page)
    code, out, _ = contractline("release", "clicks")
    assert code == 1
    assert "it can't read records of v1: `page`" in out
    assert out.endswith("clicks is not released: 1 error\n")
    assert not (root / "contracts/clicks/versions/value.v2.avsc").exists()


def test_a_break_is_released_at_the_level_none(contractline, root):
    page = PAGE.replace(' "default": "",', "")
    replace(root / "contracts/clicks/value.avsc", '"fields": [', page)
    document = root / "contracts/clicks/contract.odcs.yaml"
    replace(document, "value: FULL_TRANSITIVE", "value: NONE")
    assert contractline("release", "clicks")[0] == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        ("key.avsc", '"click", "type": "string"', '"click", "type": "long"', "KEY_NEVER_CHANGES"),
        ("contract.odcs.yaml", "      role: owner\n", "", "CONTRACT_HAS_OWNER"),
        ("versions/value.v1.avsc", "One click.", "A click.", "RELEASED_VERSION_UNCHANGED"),
    ],
)
def test_a_mistake_elsewhere_keeps_a_release_back(contractline, root, file, old, new, rule):
    replace(root / "contracts/clicks/value.avsc", '"fields": [', PAGE)
    replace(root / "contracts/clicks" / file, old, new)
    code, out, _ = contractline("release", "clicks")
    assert code == 1
    assert rule in out
    assert not (root / "contracts/clicks/versions/value.v2.avsc").exists()


def test_a_mistake_in_another_contract_does_not(contractline, root):
    replace(root / "contracts/clicks/value.avsc", '"fields": [', PAGE)
    replace(root / "contracts/people/contract.odcs.yaml", "      role: owner\n", "")
    assert contractline("release", "clicks")[0] == 0


def test_a_column_of_a_table_has_its_place(contractline, root):
    people = root / "contracts/people"
    level = '{"name": "level", "type": ["null", "string"], "default": null}'
    replace(people / "value.avsc", '"default": null}\n  ]', f'"default": null}},\n{level}\n  ]')
    document = people / "contract.odcs.yaml"
    described = "      - name: level\n        description: x\ncustomProperties:"
    replace(document, "customProperties:", described)
    code, out, _ = contractline("release", "people")
    assert code == 1
    assert "the column `level` stands behind Debezium's fields" in out


def test_an_unknown_stream(contractline):
    code, _, err = contractline("release", "click")
    assert code == 2
    assert "there is no contract `click`" in err
    assert "clicks, heartbeat, people" in err
