from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contractline.cli import run
from contractline.clickhouse.ddl import stream_files
from contractline.contracts.load import load_contracts
from contractline.project import Project
from tests.fixtures.trees import edit, tree

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.org",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
SAID_BY_HOSTS = (
    "GITHUB_BASE_REF",
    "GITHUB_EVENT_PATH",
    "CI_DEFAULT_BRANCH",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA",
)


@dataclass(frozen=True)
class Checkout:
    """A checkout of contracts in a git repository of its own, and the command run in it."""

    root: Path
    capsys: Any

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "a change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, name: str, *edits: list[str]) -> None:
        edit(self.root / "contracts" / name, list(edits))

    def generate(self) -> None:
        project = Project(self.root)
        for file, text in stream_files(project, load_contracts(project)).items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def contractline(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["--project", str(self.root), *arguments])
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def environment(monkeypatch):
    """Nothing of the machine's git settings, and nothing that a host says."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    for name in SAID_BY_HOSTS:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def folder(tmp_path, capsys, environment):
    """A checkout that is in no repository."""
    root = tmp_path / "checkout"
    root.mkdir()
    # A PostgreSQL stream needs more than contracts: it is tried where its rules are.
    tree(root, {"remove": ["people"]})
    checkout = Checkout(root, capsys)
    checkout.generate()
    return checkout


@pytest.fixture
def checkout(folder):
    """A checkout on the branch `change`, one commit behind it on `main`."""
    folder.git("init", "--quiet", "--initial-branch", "main")
    folder.commit("the contracts")
    folder.git("switch", "--quiet", "--create", "change")
    return folder


def cloned(checkout: Checkout, root: Path, *options: str) -> Checkout:
    """Return a clone, as a host's runner has it."""
    command = ["git", "clone", "--quiet", *options, f"file://{checkout.root}", str(root)]
    subprocess.run(command, check=True, capture_output=True)
    return Checkout(root, checkout.capsys)


def said(environment: pytest.MonkeyPatch, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        environment.setenv(name, value)


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
