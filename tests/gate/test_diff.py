"""``contractline diff`` between commits of a real git repository."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from contractline.cli import run

BASE = Path(__file__).parents[1] / "cases" / "contracts" / "base"
PAGE = '"fields": [{"name": "page", "type": "string", "default": "", "doc": "Address."},'


@pytest.fixture
def repository(tmp_path, environment):
    """Three commits: the contracts, one with a field more (tag ``page``), one stream less."""
    folder = tmp_path / "repository"
    shutil.copytree(BASE, folder / "contracts")
    (folder / "clickhouse_ddl").mkdir()
    (folder / "clickhouse_ddl" / "databases.sql").write_text("CREATE DATABASE shop;\n")
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "contracts")
    value = folder / "contracts" / "clicks" / "value.avsc"
    value.write_text(value.read_text().replace('"fields": [', PAGE))
    commit(folder, "page")
    git(folder, "tag", "page")
    shutil.rmtree(folder / "contracts" / "people")
    commit(folder, "no people")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, words: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", words)


@pytest.fixture
def diff(repository, capsys):
    def command(*arguments: str) -> tuple[int, list[str], str]:
        code = run(["--project", str(repository), "diff", *arguments])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return command


@pytest.mark.parametrize(
    "arguments", [["main~2..page"], ["main~2", "page"], ["--from", "main~2", "--to", "page"]]
)
def test_between_two_commits(diff, arguments):
    code, out, _ = diff(*arguments)
    assert code == 0
    assert out[0].startswith("clicks: main~2 (")
    assert out[0].partition(" → ")[2].startswith("page (")
    assert out[1] == '  adds `page` (string, default "")'


def test_a_commit_and_the_checkout(diff, repository):
    code, out, _ = diff("page")
    assert (code, len(out)) == (0, 1)
    assert out[0].startswith("people was removed since page (")
    assert diff("main")[1] == ["no contract differs"]
    assert diff("HEAD~1..")[1][0].startswith("people was removed since HEAD~1 (")
    value = repository / "contracts" / "clicks" / "value.avsc"
    value.write_text(value.read_text().replace('"default": ""', '"default": "/"'))
    assert diff("main")[1][1] == '  default of `page`: "" → "/"'


def test_one_stream_between_commits(diff):
    assert diff("clicks", "--from", "main~2")[1][0].startswith("clicks: main~2 (")
    assert diff("clicks", "--from", "main~2", "--to", "main~2")[1] == ["no contract differs"]


def test_where_the_branch_began(diff, repository):
    git(repository, "checkout", "-q", "-b", "mine")
    assert diff()[1] == ["no contract differs"]
    document = repository / "contracts" / "clicks" / "contract.odcs.yaml"
    document.write_text(document.read_text().replace("partitions: 3", "partitions: 6"))
    assert diff()[1][1] == "  partitions: 3 → 6"


def test_for_programs(diff):
    code, out, _ = diff("main~2..main", "--format", "json")
    found = json.loads("\n".join(out))["differences"]
    assert code == 0
    assert [(one["stream"], one["after"] == "") for one in found] == [
        ("clicks", False),
        ("people", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["nothing"], "`nothing` is neither a stream nor a commit", "streams: clicks, heartbeat"),
        (["click", "v1"], "`click` is neither a stream nor a commit", "did you mean clicks?"),
        (["--from", "nothing"], "the repository holds no commit `nothing`", "git branch -a"),
        (["page..nothing"], "the repository holds no commit `nothing`", "git branch -a"),
        (["clicks", "v7"], "clicks has no version `v7`", "it has v1, working"),
        (["clicks", "v1", "v2", "v3"], "two versions or two commits at most", ""),
        (["clicks", "v1", "--from", "page"], "name versions or commits once", ""),
    ],
)
def test_what_can_not_be_told(diff, arguments, error, hint):
    code, out, printed = diff(*arguments)
    assert (code, out) == (2, [])
    assert error in printed
    assert hint in printed
    assert "Traceback" not in printed


def test_outside_of_git_commits_are_unknown(tmp_path, capsys, environment):
    shutil.copytree(BASE, tmp_path / "contracts")
    (tmp_path / "clickhouse_ddl").mkdir()
    project = ["--project", str(tmp_path), "diff"]
    assert run(project) == 2
    assert "no git repository" in capsys.readouterr().err
    assert run([*project, "--from", "main"]) == 2
    assert "no git repository" in capsys.readouterr().err
    assert run([*project, "clicks", "v1"]) == 0
