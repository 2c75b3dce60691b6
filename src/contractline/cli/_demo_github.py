"""The demo's GitHub: this checkout's own server, which answers as GitHub's API does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contractline.cli._demo import DemoAccount, Sender, SendingFailed
from contractline.project import Project

SERVER = "tests.github_server"
SERVED_AS = "demo/github"
_TOKEN = "test-token"  # noqa: S105 - known to the demo's own server alone
_NO_OTHERS = ("GITHUB_TOKENS", "GITHUB_APP_ID")


def can_serve(project: Project, repository: str) -> bool:
    """Tell whether the server and what it needs are here, and the repository is a folder."""
    folder = project.root.joinpath(*SERVER.split("."))
    needed = ("github", "graphql", "jsonschema_rs", "starlette", "uvicorn")
    return (
        folder.is_dir()
        and Path(repository).is_dir()
        and all(importlib.util.find_spec(name) for name in needed)
    )


def send(project: Project, repository: str, name: str) -> DemoAccount:
    """Send a repository's history once more, by GitHub's API; return what was sent.

    Args:
        project: the checkout.
        repository: the folder of the repository.
        name: what its commits are called; the same as by git, so that they are the same rows.

    Raises:
        SendingFailed: not everything was acknowledged.
    """
    with _serving(project, repository) as url:
        sender = Sender(
            project,
            "github",
            *("--repository", f"{SERVED_AS}={name}", "--base-url", url, "--again"),
            variables={"GITHUB_TOKEN": _TOKEN, **dict.fromkeys(_NO_OTHERS, "")},
        )
        try:
            return sender.account()
        finally:
            sender.stop()


@contextmanager
def _serving(project: Project, repository: str) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", SERVER, "--git", f"{SERVED_AS}={Path(repository).resolve()}"],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                words = process.stderr.read().strip() if process.stderr else ""
                raise SendingFailed("github", f"its server did not start: {words}", "")
            yield url
        finally:
            process.terminate()
