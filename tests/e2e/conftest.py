"""A checkout as a new user has it: a clone of its own, with a stack of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contractline.project import Project
from contractline.stack.control import Stack
from tests.fixtures.stack import REPOSITORY, clean_environment, own_ports

COMMAND_SECONDS = 280


@dataclass(frozen=True)
class Checkout:
    """A clone, and a shell in it."""

    root: Path

    def shell(
        self, line: str, seconds: float = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of the README as its reader would, after `. .venv/bin/activate`.

        The environment is the one that runs the tests; make must not install it again.
        """
        script = (
            'make() { command make -o .venv/.ready "$@"; }; . .venv/bin/activate; '
            + f'eval "$(contractline env 2>/dev/null)"; {line}'
        )
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.root,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Iterator[Checkout]:
    """A clone for one page: what the page changes, another must not meet."""
    root = tmp_path_factory.mktemp("checkout") / "contractline"
    subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
    clone = Checkout(root)
    _lay_work_tree(clone)
    (root / ".venv").symlink_to(REPOSITORY / ".venv")
    project = Project(root)
    own_ports(project)
    try:
        yield clone
    finally:
        Stack(project, clean_environment()).reset(lambda event: None)


def _lay_work_tree(clone: Checkout) -> None:
    """Bring what is not committed yet, so that the tests are about the work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        source, target = REPOSITORY / name, clone.root / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        else:
            target.unlink(missing_ok=True)
    clone.git("add", "-A")
    clone.git("commit", "-q", "--allow-empty", "-m", "the work tree")
