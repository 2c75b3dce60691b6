"""What a check compares with: found by itself, named, or said by a host; and when it can't be had."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.gate.conftest import cloned, emptied

DOC = "clicks/contract.odcs.yaml"
FEWER = ["partitions: 3", "partitions: 2"]


def found(out: str) -> set[str]:
    """Return the rules of the findings in a text."""
    return {line.split(" ")[2].rstrip(":") for line in out.splitlines() if ": error " in line}


def test_where_the_branch_began(checkout):
    start = checkout.git("rev-parse", "main")
    checkout.edit(DOC, FEWER)
    checkout.commit()
    code, out, err = checkout.contractline("check")
    assert (code, found(out), err) == (1, {"PARTITIONS_ONLY_GROW"}, "")
    assert out.splitlines()[-1] == f"2 contracts against main ({start[:7]}): 1 error"


def test_what_the_default_branch_did_since_is_not_this_change(checkout):
    start = checkout.git("rev-parse", "main")
    checkout.git("switch", "--quiet", "main")
    checkout.edit(DOC, ["partitions: 3", "partitions: 6"])
    checkout.commit()
    checkout.git("switch", "--quiet", "change")
    checkout.edit(DOC, ["value: 500", "value: 400"])
    checkout.generate()
    code, out, _ = checkout.contractline("check")
    assert (code, out.splitlines()[-1]) == (
        0,
        f"2 contracts against main ({start[:7]}): nothing wrong",
    )
    assert "partitions" not in out


def test_on_the_default_branch_what_is_not_committed(checkout):
    checkout.git("switch", "--quiet", "main")
    assert checkout.contractline("check")[0] == 0
    checkout.edit(DOC, FEWER)
    assert found(checkout.contractline("check")[1]) == {"PARTITIONS_ONLY_GROW"}


def test_the_default_branch_of_a_clone(checkout, tmp_path):
    checkout.git("branch", "--move", "main", "trunk")
    checkout.git("switch", "--quiet", "trunk")
    clone = cloned(checkout, tmp_path / "clone")
    clone.git("switch", "--quiet", "--create", "other")
    clone.edit(DOC, FEWER)
    code, out, _ = clone.contractline("check")
    assert code == 1
    assert "against origin/trunk (" in out


@pytest.mark.parametrize("named", ["main", "v1", "HEAD~1", "sha", "short"])
def test_a_ref(checkout, named):
    start = checkout.git("rev-parse", "main")
    checkout.git("tag", "v1")
    checkout.edit(DOC, FEWER)
    checkout.commit()
    ref = {"sha": start, "short": start[:10]}.get(named, named)
    code, out, _ = checkout.contractline("check", "--against", ref)
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    assert f"{start[:7]}" in out.splitlines()[-1]


@pytest.mark.parametrize("ref", ["nowhere", "--all", "-x", "main:contracts", "a" * 40, "a\nb", "*"])
def test_a_ref_that_is_not_there(checkout, ref):
    code, out, err = checkout.contractline("check", f"--against={ref}")
    assert (code, out) == (2, "")
    assert "the repository holds no commit" in err
    assert "hint: `git " in err


def test_another_folder(checkout, tmp_path):
    shutil.copytree(checkout.root, tmp_path / "other", ignore=shutil.ignore_patterns(".git"))
    checkout.edit(DOC, FEWER)
    code, out, _ = checkout.contractline("check", "--against", str(tmp_path / "other"))
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    assert f"against {tmp_path / 'other'}" in out


def test_a_folder_without_contracts(checkout, tmp_path):
    code, _, err = checkout.contractline("check", "--against", str(tmp_path))
    assert code == 2
    assert f"{tmp_path} holds no contracts/" in err


def test_no_repository(folder):
    code, out, _ = folder.contractline("check")
    assert code == 0
    assert "this checkout is in no git repository, so no change was looked at" in out
    code, _, err = folder.contractline("check", "--against", "main")
    assert code == 2
    assert "in no git repository; name a folder" in err


def test_no_git(folder, environment):
    environment.setenv("PATH", "/nowhere")
    assert "in no git repository" in folder.contractline("check")[1]


def test_no_git_where_there_is_a_repository(checkout, environment):
    environment.setenv("PATH", "/nowhere")
    code, out, err = checkout.contractline("check")
    assert (code, out) == (2, "")
    assert "it is not installed" in err


@pytest.mark.parametrize("part", ["HEAD", "objects", "everything"])
def test_a_damaged_repository_is_not_taken_for_none(checkout, part):
    if part == "everything":
        shutil.rmtree(checkout.root / ".git")
        (checkout.root / ".git").write_text("gitdir: /nowhere/repository\n")
    else:
        (checkout.root / ".git" / part).rename(checkout.root / "moved")
    code, out, err = checkout.contractline("check")
    assert (code, out) == (2, "")
    assert f"hint: is {checkout.root / '.git'} whole?" in err


def test_git_is_asked_in_english(folder, environment):
    environment.setenv("LC_ALL", "de_DE.UTF-8")
    environment.setenv("LANGUAGE", "de")
    assert "in no git repository" in folder.contractline("check")[1]


def test_a_repository_without_a_commit(folder):
    folder.git("init", "--quiet", "--initial-branch", "main")
    code, out, _ = folder.contractline("check")
    assert code == 0
    assert "the repository has no commit yet" in out


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_the_default_branch_that_a_host_names(checkout, environment, tmp_path, host):
    checkout.git("branch", "--move", "main", "trunk")
    clone = cloned(checkout, tmp_path / "clone")
    clone.git("remote", "set-head", "origin", "--delete")
    clone.edit(DOC, FEWER)
    assert "no branch main or master" in clone.contractline("check")[1]
    if host == "github":
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"repository": {"default_branch": "trunk"}}))
        environment.setenv("GITHUB_EVENT_PATH", str(event))
    else:
        environment.setenv("CI_DEFAULT_BRANCH", "trunk")
    code, out, _ = clone.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    assert "against origin/trunk (" in out


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"pull_request": {"base": 1}}'])
def test_an_event_that_tells_nothing(checkout, environment, tmp_path, text):
    (tmp_path / "event.json").write_text(text)
    environment.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    assert checkout.contractline("check")[0] == 0


def test_no_branch_that_could_be_the_default_one(folder):
    folder.git("init", "--quiet", "--initial-branch", "trunk")
    folder.commit()
    code, out, _ = folder.contractline("check")
    assert code == 0
    assert "no branch main or master" in out


def test_a_repository_that_git_refuses(checkout, environment):
    environment.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    code, _, err = checkout.contractline("check")
    assert code == 2
    assert "git config --global --add safe.directory" in err


def test_a_history_of_its_own(checkout):
    checkout.git("switch", "--quiet", "--orphan", "other")
    checkout.git("checkout", "main", "--", ".")
    checkout.edit(DOC, FEWER)
    checkout.commit()
    assert found(checkout.contractline("check")[1]) == {"PARTITIONS_ONLY_GROW"}


def test_a_project_below_the_top_of_its_repository(folder, tmp_path):
    above = type(folder)(tmp_path, folder.capsys)
    above.git("init", "--quiet", "--initial-branch", "main")
    above.commit()
    folder.edit(DOC, FEWER)
    code, out, _ = folder.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    out = folder.contractline("check", "--format", "github")[1]
    assert "::error file=checkout/contracts/clicks/contract.odcs.yaml,line=26," in out


def test_in_a_hook_of_a_repository_above(folder, tmp_path, environment):
    above = type(folder)(tmp_path, folder.capsys)
    above.git("init", "--quiet", "--initial-branch", "main")
    above.commit()
    folder.edit(DOC, FEWER)
    environment.setenv("GIT_DIR", str(tmp_path / ".git"))
    environment.setenv("GIT_INDEX_FILE", str(tmp_path / ".git" / "index"))
    code, out, _ = folder.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})


def test_a_removed_contract_is_called_by_its_place_in_the_checkout(checkout):
    shutil.rmtree(checkout.root / "contracts/clicks")
    checkout.root.joinpath("clickhouse_ddl/streams/clicks.sql").unlink()
    code, out, _ = checkout.contractline("check")
    assert code == 1
    assert "contracts/clicks/contract.odcs.yaml: error CONTRACT_KEPT" in out
    assert tempfile.gettempdir() not in out.replace(str(checkout.root), "")


def test_what_was_laid_out_is_removed(checkout, environment, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment.setattr(tempfile, "tempdir", str(scratch))
    checkout.edit(DOC, FEWER)
    checkout.contractline("check")
    assert list(scratch.iterdir()) == []


def test_links_submodules_and_large_files_of_a_base_are_left_out(checkout):
    checkout.git("switch", "--quiet", "main")
    clicks = checkout.root / "contracts/clicks"
    (clicks / "link.avsc").symlink_to("/etc/passwd")
    (clicks / "large.bin").write_bytes(b"0" * 3_000_000)
    (clicks / "ünï\tcode.md").write_text("x")
    (clicks / "empty.md").write_text("")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},contracts/module")
    checkout.git("commit", "--quiet", "-m", "x")
    checkout.commit()
    (clicks / "link.avsc").unlink()
    checkout.edit(DOC, FEWER)
    assert found(checkout.contractline("check")[1]) == {"PARTITIONS_ONLY_GROW"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("reports", "none yet", id="a_file_where_a_folder_is_expected"),
        pytest.param(".gitattributes", "contracts/** export-ignore\n", id="attributes"),
    ],
)
def test_what_a_base_holds_besides_hides_nothing(checkout, file, text):
    checkout.git("switch", "--quiet", "main")
    (checkout.root / file).write_text(text)
    checkout.commit()
    checkout.edit(DOC, FEWER)
    assert found(checkout.contractline("check")[1]) == {"PARTITIONS_ONLY_GROW"}


def test_a_pull_request_of_github(checkout, environment, tmp_path):
    checkout.edit(DOC, FEWER)
    checkout.commit()
    clone = cloned(checkout, tmp_path / "clone")
    environment.setenv("GITHUB_BASE_REF", "main")
    code, out, _ = clone.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    assert "against origin/main (" in out


def test_a_shallow_clone_of_github(checkout, environment, tmp_path):
    base = checkout.git("rev-parse", "main")
    checkout.edit(DOC, FEWER)
    checkout.commit()
    clone = cloned(checkout, tmp_path / "clone", "--depth=1", "--branch=change")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"sha": base}}}))
    environment.setenv("GITHUB_BASE_REF", "main")
    environment.setenv("GITHUB_EVENT_PATH", str(event))
    code, _, err = clone.contractline("check")
    assert code == 2
    assert f"the repository holds no commit `{base}`" in err
    hint = err.split("`")[3]
    assert hint == f"git fetch --depth=1 origin {base}"
    subprocess.run(shlex.split(hint), cwd=clone.root, check=True, capture_output=True)
    code, out, _ = clone.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})


def test_a_shallow_clone_does_not_reach_back(checkout, tmp_path):
    checkout.commit()
    checkout.edit(DOC, FEWER)
    checkout.commit()
    checkout.git("switch", "--quiet", "main")
    clone = cloned(checkout, tmp_path / "clone", "--depth=1", "--no-single-branch")
    clone.git("switch", "--quiet", "change")
    for arguments in (["check"], ["check", "--against", "origin/main"]):
        code, out, err = clone.contractline(*arguments)
        assert (code, out) == (2, "")
        assert "shallow and does not reach back" in err
        assert "git fetch --unshallow origin" in err
    clone.git("fetch", "--quiet", "--unshallow", "origin")
    assert found(clone.contractline("check")[1]) == {"PARTITIONS_ONLY_GROW"}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"pull_request": 1}', '{"pull_request": {}}'])
def test_an_event_that_is_about_no_pull_request(checkout, environment, tmp_path, content):
    event = tmp_path / "event.json"
    event.write_text(content)
    environment.setenv("GITHUB_EVENT_PATH", str(event))
    assert "against main (" in checkout.contractline("check")[1]


def test_a_merge_request_of_gitlab(checkout, environment):
    base = checkout.git("rev-parse", "main")
    checkout.git("branch", "--delete", "--force", "main")
    checkout.edit(DOC, FEWER)
    environment.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", base)
    code, out, _ = checkout.contractline("check")
    assert (code, found(out)) == (1, {"PARTITIONS_ONLY_GROW"})
    assert f"against {base[:7]}:" in out


def test_a_registry_that_is_away(checkout, environment):
    environment.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    code, out, err = checkout.contractline("check", "--against", "registry")
    assert (code, out) == (2, "")
    assert "127.0.0.1:1" in err


def test_no_registry_at_all(checkout, environment):
    environment.delenv("SCHEMA_REGISTRY_URL", raising=False)
    code, _, err = checkout.contractline("check", "--against", "registry")
    assert code == 2
    assert "SCHEMA_REGISTRY_URL" in err


def test_a_base_without_contracts(checkout):
    emptied(checkout.root / "contracts")
    checkout.git("switch", "--quiet", "--orphan", "before")
    Path(checkout.root / "README.md").write_text("x")
    checkout.commit()
    start = checkout.git("rev-parse", "HEAD")
    checkout.git("checkout", "main", "--", ".")
    code, out, _ = checkout.contractline("check", "--against", start)
    assert code == 0
    assert "clicks is new" in out


@pytest.fixture
def registry(environment):
    """A registry that holds one version of each subject, as its ``schema`` says."""
    held = {"schema": '"int"'}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            one = {"subject": "x", "version": 1, "id": 1} | held
            body = json.dumps([1] if self.path.endswith("/versions") else one).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        environment.setenv("SCHEMA_REGISTRY_URL", f"http://127.0.0.1:{server.server_port}")
        yield held
        server.shutdown()


@pytest.mark.parametrize(
    "held", [{"schema": "{"}, {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"}]
)
def test_a_registry_that_holds_no_avro_is_not_taken_for_empty(checkout, registry, held):
    registry.update(held)
    code, out, err = checkout.contractline("check", "--against", "registry")
    assert (code, out) == (2, "")
    assert "holds no Avro schema as version 1 of shop_clicks-" in err


@pytest.mark.parametrize("name", ["value.avsc", "contract.odcs.yaml"])
def test_a_contract_that_cant_be_read_against_a_registry(checkout, registry, name):
    (checkout.root / "contracts/clicks" / name).write_text("{")
    code, out, err = checkout.contractline("check", "--against", "registry")
    assert (code, err) == (1, "")
    assert f"contracts/clicks/{name}:" in out


def test_a_check_that_is_ended_leaves_nothing_behind(checkout, tmp_path, environment):
    left = tmp_path / "left"
    left.mkdir()
    command = [sys.executable, "-m", "contractline", "--project", str(checkout.root), "check"]
    environment.setenv("TMPDIR", str(left))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        while not list(left.iterdir()) and running.poll() is None:
            time.sleep(0.001)
        running.terminate()
    assert list(left.iterdir()) == []
