"""The steps of action.yml, run by bash as a runner does, against a GitHub on the loopback."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from contractline.gate.reports.markdown import MARKER
from tests.fixtures.github import ACTION, ROOT, GitHub, Runner
from tests.gate.conftest import cloned

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/contracts.yml").read_text())
(JOB,) = WORKFLOW["jobs"].values()
STEPS = [*ACTION["runs"]["steps"], *JOB["steps"]]
DOC = "clicks/contract.odcs.yaml"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub.answering() as server:
        yield server


@pytest.fixture
def runner(checkout, github, tmp_path):
    """A runner at the pull request of the checkout's branch."""
    base = {"sha": checkout.git("rev-parse", "main")}
    event = {"pull_request": {"number": 7, "base": base}}
    return Runner.of(checkout.root, tmp_path / "runner", github, event)


def test_a_comment_is_made_and_then_updated(checkout, runner, github):
    person = {"login": "somebody", "type": "User"}
    github.comments += [{"id": n, "body": "me too", "user": person} for n in range(1, 104)]
    github.comments.append({"id": 104, "body": f"> {MARKER}\nwhat is that?", "user": person})
    # Its author could write another verdict into it later.
    github.comments.append({"id": 105, "body": f"{MARKER}\n✅", "user": person})
    checkout.edit(DOC, ["partitions: 3", "partitions: 2"])
    assert runner.run({}) == 1
    assert "::error file=contracts/clicks/contract.odcs.yaml,line=26," in runner.log
    assert "made the comment 106" in runner.log
    assert "PARTITIONS_ONLY_GROW" in github.comments[-1]["body"]
    assert runner.summary.strip() == github.comments[-1]["body"].strip()

    checkout.edit(DOC, ["partitions: 2", "partitions: 3"])
    assert runner.run({}) == 0
    assert "updated the comment 106" in runner.log
    assert len(github.comments) == 106
    assert github.comments[104]["body"] == f"{MARKER}\n✅"
    assert "PARTITIONS_ONLY_GROW" not in github.comments[-1]["body"]
    assert {name.name for name in Path(runner.outputs["check"]["reports"]).iterdir()} == {
        "comment.md",
        "report.json",
        "report.sarif",
        "junit.xml",
        "errors.txt",
    }


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_token_without_the_right_fails_nothing(runner, github, status):
    github.status = status
    assert runner.run({"sarif": "true"}) == 0
    assert "::notice title=contractline::no comment: " in runner.log
    assert "::notice title=contractline::no sarif: " in runner.log
    assert str(status) in runner.log


@pytest.mark.parametrize(
    ("status", "headers"),
    [(403, {"x-ratelimit-remaining": "0"}), (403, {"retry-after": "60"}), (429, {})],
)
def test_a_limit_is_told_from_a_missing_right(runner, github, status, headers):
    github.status, github.headers = status, headers
    assert runner.run({}) == 0
    assert "::notice title=contractline::no comment: too many requests" in runner.log


def test_a_github_that_fails_for_a_moment_is_asked_again(runner, github):
    github.failing = 1
    assert runner.run({}) == 0
    assert "made the comment 1" in runner.log


def test_with_a_token_of_a_person_their_own_comment_is_updated(runner, github):
    github.login = "me"
    bot = {"login": "other[bot]", "type": "Bot"}
    github.comments.append({"id": 1, "body": MARKER, "user": bot})
    assert runner.run({}) == 0
    assert "made the comment 2" in runner.log
    assert runner.run({}) == 0
    assert "updated the comment 2" in runner.log


def test_a_check_that_could_not_be_made_replaces_what_an_earlier_one_said(runner, github):
    assert runner.run({}) == 0
    assert "nothing changes" in github.comments[0]["body"]
    assert runner.run({"against": "nowhere"}) == 2
    body = github.comments[0]["body"]
    assert body.startswith(f"{MARKER}\n## ❌ Contracts: the check could not be made\n")
    assert "the repository holds no commit `nowhere`" in body
    assert "nothing changes" not in body
    assert "the check could not be made" in runner.summary
    assert len(github.comments) == 1


def test_a_shallow_clone_gets_the_commit_that_it_needs(checkout, runner, github, tmp_path):
    checkout.edit(DOC, ["partitions: 3", "partitions: 2"])
    checkout.commit()
    clone = cloned(checkout, tmp_path / "clone", "--depth=1", "--branch=change")
    runner.workspace = clone.root
    runner.environment["GITHUB_BASE_REF"] = "main"
    assert runner.run({}) == 1
    assert "PARTITIONS_ONLY_GROW" in github.comments[0]["body"]
    assert "secret" not in clone.root.joinpath(".git/config").read_text()


def test_a_shallow_clone_that_can_not_have_it_says_what_to_do(checkout, runner, tmp_path):
    clone = cloned(checkout, tmp_path / "clone", "--depth=1", "--branch=change")
    clone.git("remote", "set-url", "origin", "file:///nowhere")
    checkout.commit()
    base = checkout.git("rev-parse", "HEAD")
    event = {"pull_request": {"number": 7, "base": {"sha": base}}}
    Path(runner.environment["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))
    runner.workspace = clone.root
    assert runner.run({}) == 2
    assert f"git fetch --depth=1 origin {base}" in runner.log


def test_a_folder_that_is_not_there_is_told(runner, github):
    assert runner.run({"project": "nowhere"}) == 2
    assert "::error title=contractline%3A the check could not be made" in runner.log
    assert "nowhere" in github.comments[0]["body"]


def test_a_group_that_is_merged_is_held_against_its_base(checkout, runner, github):
    base = checkout.git("rev-parse", "main")
    checkout.edit(DOC, ["partitions: 3", "partitions: 2"])
    checkout.commit()
    checkout.git("branch", "--delete", "--force", "main")
    event = json.dumps({"merge_group": {"base_sha": base}})
    Path(runner.environment["GITHUB_EVENT_PATH"]).write_text(event)
    assert runner.run({}) == 1
    assert "PARTITIONS_ONLY_GROW" in runner.log
    assert "the event is about no pull request" in runner.log


def test_a_github_that_is_away_fails_nothing(runner):
    runner.environment["GITHUB_API_URL"] = "http://127.0.0.1:1"
    assert runner.run({}) == 0
    assert "no comment: GitHub did not answer" in runner.log


def test_no_comment_where_none_is_wanted(runner, github):
    assert runner.run({"comment": "false"}) == 0
    assert github.requests == []


def test_no_comment_without_a_pull_request(runner, github):
    Path(runner.environment["GITHUB_EVENT_PATH"]).write_text('{"ref": "refs/heads/main"}')
    assert runner.run({}) == 0
    assert "the event is about no pull request" in runner.log
    assert github.requests == []


def test_findings_go_to_code_scanning(checkout, runner, github):
    checkout.edit(DOC, ["partitions: 3", "partitions: 2"])
    assert runner.run({"sarif": "true", "comment": "false"}) == 1
    (sent,) = github.sarif
    assert (sent["commit_sha"], sent["ref"]) == ("f" * 40, "refs/pull/7/merge")
    log = json.loads(gzip.decompress(base64.b64decode(sent["sarif"])))
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["PARTITIONS_ONLY_GROW"]


def test_inputs(checkout, runner):
    checkout.edit(DOC, ["    - username: web", "    - username: staff"])
    assert runner.run({"comment": "false"}) == 0
    assert runner.run({"comment": "false", "fail-on": "warning"}) == 1
    assert runner.run({"comment": "false", "fail-on": "warning", "against": "HEAD"}) == 1
    checkout.commit()
    assert runner.run({"comment": "false", "fail-on": "warning", "against": "HEAD"}) == 0


@pytest.mark.parametrize("against", ["$(touch hit)", "a b; touch hit", "`touch hit`", "-x\n::hit"])
def test_a_hostile_ref_stays_a_word(runner, github, against):
    assert runner.run({"against": against}) == 2
    assert not (runner.workspace / "hit").exists()
    assert "::error title=contractline%3A the check could not be made::error:" in runner.log
    assert "\n::hit" not in runner.log
    assert "\n::hit" not in re.sub(r"(?s)(`{3,})\n.*?\n\1", "", github.comments[0]["body"])


def test_what_others_say_reaches_scripts_only_through_the_environment():
    assert [step for step in STEPS if "${{" in step.get("run", "")] == []


def test_others_actions_are_pinned_and_rights_are_few():
    uses = [step["uses"] for step in STEPS if "uses" in step and step["uses"] != "./"]
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in uses)
    assert WORKFLOW["permissions"] == {}
    assert JOB["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_action_yml_keeps_its_schema():
    command = ["check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    subprocess.run([Path(sys.executable).parent / command[0], *command[1:]], cwd=ROOT, check=True)
