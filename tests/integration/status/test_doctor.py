"""What the doctor says of a running stack, and of one from which something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from contractline.contracts.load import load_contracts
from contractline.targets import apply_all
from tests.fixtures.stack import RunningStack


def asked(stack: RunningStack, *words: str) -> tuple[int, dict[str, Any]]:
    command = (sys.executable, "-m", "contractline", "--project", str(stack.project.root))
    told = subprocess.run(
        [*command, "doctor", "--json", *words],
        capture_output=True,
        text=True,
        env=stack.environment,
    )
    assert told.returncode in (0, 1), told.stderr
    return told.returncode, json.loads(told.stdout)


def test_a_service_that_is_missing_is_told_with_what_follows(stack: RunningStack, tmp_path: Path):
    for outcome in apply_all(stack.project, load_contracts(stack.project), stack.endpoints):
        assert outcome.exit_code == 0, outcome
    _, well = asked(stack)
    assert [name for name, said in well.items() if said["skipped"]] == []
    errors = [
        problem
        for name in ("machine", "services", "contracts", "drift")
        for problem in well[name]["problems"]
        if problem["severity"] == "error"
    ]
    assert errors == []

    stack.stop("registry")
    try:
        file = tmp_path / "report.tar.gz"
        code, said = asked(stack, "--bundle", str(file))
    finally:
        stack.start("registry")

    assert code == 1
    (problem,) = said["services"]["problems"]
    assert problem["message"] == "registry is stopped"
    assert problem["since"]
    assert "contractline logs registry" in problem["remedy"]
    assert any("schemas" in one["message"] for one in said["drift"]["problems"])
    with tarfile.open(file) as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]
    assert json.loads(texts["report/connectors.json"])["postgres"]["state"] == "RUNNING"
    assert "report/logs/registry.log" in texts
    passwords = json.loads((stack.project.state / "passwords.json").read_text()).values()
    whole = "\n".join(texts.values())
    assert [one for one in passwords if one in whole] == []
