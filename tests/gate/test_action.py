"""The steps of action.yml, run by bash as a runner does, against a GitHub on the loopback."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.gate.reports.markdown import MARKER
from contractline.settings import environment

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/contracts.yml").read_text())
(JOB,) = WORKFLOW["jobs"].values()
STEPS = [*ACTION["runs"]["steps"], *JOB["steps"]]
DOC = "clicks/contract.odcs.yaml"
_EXPRESSION = re.compile(r"\$\{\{ *([^}]+?) *\}\}")


class GitHub(ThreadingHTTPServer):
    """GitHub's comments and code scanning, as far as the action uses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = []
        self.sarif: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.status = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: GitHub

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        self.server.requests.append(f"{self.command} {self.path}")
        status = self.server.status or 200
        found = {"message": "Resource not accessible"} if status >= 400 else self._do(body)
        content = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _answer

    def _do(self, body: Any) -> Any:
        assert self.headers["Authorization"] == "Bearer secret"
        comments = self.server.comments
        path, _, query = self.path.partition("?")
        if path == "/repos/me/shop/code-scanning/sarifs":
            self.server.sarif.append(body)
            return {"id": "1"}
        if self.command == "GET":
            page = int(re.findall(r"(?<!per_)page=(\d+)", query)[0])
            return comments[(page - 1) * 100 : page * 100]
        if self.command == "POST":
            comments.append(body | {"id": len(comments) + 1})
            return comments[-1]
        changed = next(c for c in comments if path.endswith(f"/issues/comments/{c['id']}"))
        return changed.update(body) or changed

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Runner:
    """What a runner gives a composite action, and what its steps left."""

    workspace: Path
    temporary: Path
    environment: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def run(self, inputs: dict[str, str]) -> int:
        values = {name: str(one["default"]) for name, one in ACTION["inputs"].items()} | inputs
        self.log = ""
        # Installing is left to a trial with a package index.
        self.outputs = {"install": {"bin": str(Path(sys.executable).parent)}}
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or step.get("id") == "install":
                continue
            if "if" in step and not self._holds(step["if"], values):
                continue
            if code := self._step(step, values):
                return code
        return 0

    def _step(self, step: dict[str, Any], inputs: dict[str, str]) -> int:
        output = self.temporary / "output"
        output.write_text("")
        own = {name: self._filled(value, inputs) for name, value in step.get("env", {}).items()}
        script = self.temporary / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=self.environment | own | {"GITHUB_OUTPUT": str(output)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.log += done.stdout + done.stderr
        lines = (line.partition("=") for line in output.read_text().splitlines())
        self.outputs[step.get("id", "")] = {name: value for name, _, value in lines}
        return done.returncode

    def _filled(self, text: str, inputs: dict[str, str]) -> str:
        return _EXPRESSION.sub(lambda match: self._value(match[1], inputs), text)

    def _value(self, expression: str, inputs: dict[str, str]) -> str:
        match expression.split("."):
            case ["inputs", name]:
                return "secret" if name == "token" else inputs[name]
            case ["steps", step, "outputs", name]:
                return self.outputs[step][name]
        return {"github.action_path": str(ROOT)}[expression]

    def _holds(self, condition: str, inputs: dict[str, str]) -> bool:
        for part in condition.split(" && "):
            name, sign, wanted = part.split(" ")
            value = self._value(name, inputs)
            holds = value == wanted.strip("'") if sign == "==" else int(value) < int(wanted)
            if not holds:
                return False
        return True


@pytest.fixture
def github() -> Iterator[GitHub]:
    server = GitHub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def runner(checkout, github, tmp_path):
    """A runner at the pull request of the checkout's branch."""
    temporary = tmp_path / "runner"
    temporary.mkdir()
    event = temporary / "event.json"
    base = {"sha": checkout.git("rev-parse", "main")}
    event.write_text(json.dumps({"pull_request": {"number": 7, "base": base}}))
    said = {
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": "me/shop",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_SHA": "f" * 40,
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
        "RUNNER_TEMP": str(temporary),
    }
    return Runner(checkout.root, temporary, dict(environment()) | said)


def test_a_comment_is_made_and_then_updated(checkout, runner, github):
    github.comments += [{"id": n, "body": "me too"} for n in range(1, 105)]
    github.comments.append({"id": 105, "body": f"> {MARKER}\nwhat does that mean?"})
    checkout.edit(DOC, ["partitions: 3", "partitions: 2"])
    assert runner.run({}) == 1
    assert "::error file=contracts/clicks/contract.odcs.yaml,line=26," in runner.log
    assert "made the comment 106" in runner.log
    assert "PARTITIONS_ONLY_GROW" in github.comments[-1]["body"]
    summary = Path(runner.environment["GITHUB_STEP_SUMMARY"])
    assert summary.read_text().strip() == github.comments[-1]["body"].strip()

    checkout.edit(DOC, ["partitions: 2", "partitions: 3"])
    assert runner.run({}) == 0
    assert "updated the comment 106" in runner.log
    assert len(github.comments) == 106
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
    assert "::error title=contractline could not check::error: the repository holds" in runner.log
    assert "\n::hit" not in runner.log
    assert github.requests == []


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
