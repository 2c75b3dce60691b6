"""Bring what a check came to from a runner to GitHub: the pull request's one comment, or SARIF.

    publish.py comment FILE    make the comment, or update the one that an earlier check made
    publish.py sarif FILE      upload for code scanning

A token that may not do it fails nothing: it is said, and the job's summary holds the same words.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from contractline.gate.reports.markdown import MARKER
from contractline.settings import environment

TIMEOUT_SECONDS = 30
_PAGE = 100
_MAX_PAGES = 30
_NOT_ALLOWED = frozenset({401, 403, 404})


class NotPublished(Exception):
    """When GitHub did not take it; the message says why."""


class GitHub:
    """GitHub's REST API, for one repository."""

    def __init__(self, said: Mapping[str, str]) -> None:
        self._base = f"{said['GITHUB_API_URL']}/repos/{said['GITHUB_REPOSITORY']}"
        self._client = httpx.Client(
            headers={
                "Authorization": f"Bearer {said['GITHUB_TOKEN']}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=TIMEOUT_SECONDS,
        )

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return what the answer holds."""
        try:
            answer = self._client.request(method, self._base + path, json=body)
        except httpx.HTTPError as problem:
            raise NotPublished(f"GitHub did not answer: {problem}") from problem
        if answer.status_code in _NOT_ALLOWED:
            raise NotPublished(
                f"the token may not do it (status {answer.status_code}), which is so for pull"
                " requests from forks"
            )
        if not answer.is_success:
            raise NotPublished(f"GitHub refused it: status {answer.status_code}")
        return answer.json()


def publish_comment(github: GitHub, number: int, text: str) -> str:
    """Make the comment of a pull request, or update it; return what was done."""
    for page in range(1, _MAX_PAGES + 1):
        path = f"/issues/{number}/comments?per_page={_PAGE}&page={page}"
        comments = github.call("GET", path)
        for comment in comments:
            if (comment.get("body") or "").startswith(MARKER):
                github.call("PATCH", f"/issues/comments/{comment['id']}", {"body": text})
                return f"updated the comment {comment['id']}"
        if len(comments) < _PAGE:
            break
    made = github.call("POST", f"/issues/{number}/comments", {"body": text})
    return f"made the comment {made['id']}"


def publish_sarif(github: GitHub, said: Mapping[str, str], text: str) -> str:
    """Upload a SARIF file; return what was done."""
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    body = {"commit_sha": said["GITHUB_SHA"], "ref": said["GITHUB_REF"], "sarif": packed}
    made = github.call("POST", "/code-scanning/sarifs", body)
    return f"uploaded SARIF {made['id']}"


def pull_request(said: Mapping[str, str]) -> int | None:
    """Return the number of the pull request that the event is about; None when it is about none."""
    event = json.loads(Path(said["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number: int | None = event.get("pull_request", {}).get("number")
    return number


def main(what: str, file: Path) -> None:
    """Publish a file, and say what came of it."""
    said = environment()
    text = file.read_text(encoding="utf-8")
    try:
        github = GitHub(said)
        if what == "sarif":
            words = publish_sarif(github, said, text)
        elif (number := pull_request(said)) is None:
            words = "no comment: the event is about no pull request"
        else:
            words = publish_comment(github, number, text)
    except NotPublished as problem:
        words = f"::notice title=contractline::no {what}: {problem}; the job's summary holds it"
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
