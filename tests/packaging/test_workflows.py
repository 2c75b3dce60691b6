"""The files in .github/workflows: what GitHub would refuse, and what an attacker would use."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
# Their own findings alone: no shellcheck or pyflakes that this machine may have, and no network.
JACTIONLINT = ("jactionlint", "--shellcheck=", "--pyflakes=", "--no-online", "--color=never")
SCHEMA = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")

each = pytest.mark.parametrize("workflow", WORKFLOWS, ids=[file.name for file in WORKFLOWS])


def test_there_are_some() -> None:
    assert WORKFLOWS


@each
@pytest.mark.parametrize("tool", [JACTIONLINT, SCHEMA], ids=["jactionlint", "schema"])
def test_workflows_are_valid(tool: tuple[str, ...], workflow: Path) -> None:
    name, *options = tool
    program = Path(sys.executable).parent / name
    done = subprocess.run(
        [str(program), *options, str(workflow)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@each
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    for action, comment in re.findall(r"uses: (\S+)(.*)", workflow.read_text()):
        # One of this repository is pinned by being in it.
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
