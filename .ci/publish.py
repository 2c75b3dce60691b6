"""Bring what a check came to from a runner to GitHub: the pull request's one comment, or SARIF.

    publish.py comment FILE               make the comment, or update the one of an earlier check
    publish.py sarif FILE                 upload for code scanning
    publish.py failed WHAT FILE COMMENT   put what failed, and what it printed, before a comment

A token that may not do it fails nothing: it is said, and the job's summary holds the same words.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from contractline.gate.reports.github import command
from contractline.gate.reports.markdown import MARKER, MAX_BYTES
from contractline.markdown import block
from contractline.settings import environment

TIMEOUT_SECONDS = 30
PAUSES_SECONDS = (1, 3)
"""Before the second and the third try."""

MAX_CHARACTERS = 4_000
_PAGE = 100
_MAX_PAGES = 30
_FORBIDDEN = 403
_NOT_ALLOWED = frozenset({401, _FORBIDDEN, 404})
_TOO_MANY = 429
_SERVER_ERROR = 500


class NotPublished(Exception):
    """When GitHub did not take it; the message says why."""


class GitHub:
    """GitHub's REST API, for one repository."""

    def __init__(self, said: Mapping[str, str]) -> None:
        self._repository = f"/repos/{said['GITHUB_REPOSITORY']}"
        self._client = httpx.Client(
            base_url=said["GITHUB_API_URL"],
            headers={
                "Authorization": f"Bearer {said['GITHUB_TOKEN']}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=TIMEOUT_SECONDS,
        )

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request about the repository and return what the answer holds."""
        answer = self._sent(method, self._repository + path, body)
        if _is_limit(answer):
            raise NotPublished(
                "too many requests were sent with this token: run the job again later"
            )
        if answer.status_code in _NOT_ALLOWED:
            raise NotPublished(
                f"the token may not do it (status {answer.status_code}), which is so for pull"
                " requests from forks"
            )
        if not answer.is_success:
            raise NotPublished(f"GitHub refused it: status {answer.status_code}")
        return answer.json()

    def login(self) -> str:
        """Return whose the token is; empty for one of a workflow, which may not ask."""
        answer = self._sent("GET", "/user", None)
        return str(answer.json()["login"]) if answer.is_success else ""

    def _sent(self, method: str, path: str, body: object) -> httpx.Response:
        # What was made twice would stay: a comment is not sent again.
        for pause in () if method == "POST" else PAUSES_SECONDS:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError:
                time.sleep(pause)
                continue
            if answer.status_code < _SERVER_ERROR:
                return answer
            time.sleep(pause)
        try:
            return self._client.request(method, path, json=body)
        except httpx.HTTPError as problem:
            raise NotPublished(f"GitHub did not answer: {problem}") from problem


def _is_limit(answer: httpx.Response) -> bool:
    """Tell whether a request was refused for the number of requests: GitHub says 403 then, too."""
    names = answer.headers
    is_used_up = names.get("x-ratelimit-remaining") == "0" or "retry-after" in names
    return answer.status_code == _TOO_MANY or (answer.status_code == _FORBIDDEN and is_used_up)


def publish_comment(github: GitHub, number: int, text: str) -> str:
    """Make the comment of a pull request, or update it; return what was done."""
    login = github.login()
    for comment in _comments(github, number):
        if _is_ours(comment, login):
            github.call("PATCH", f"/issues/comments/{comment['id']}", {"body": text})
            return f"updated the comment {comment['id']}"
    made = github.call("POST", f"/issues/{number}/comments", {"body": text})
    return f"made the comment {made['id']}"


def _comments(github: GitHub, number: int) -> Iterator[Any]:
    for page in range(1, _MAX_PAGES + 1):
        path = f"/issues/{number}/comments?per_page={_PAGE}&page={page}"
        comments = github.call("GET", path)
        yield from comments
        if len(comments) < _PAGE:
            return


def _is_ours(comment: Any, login: str) -> bool:
    """Tell whether an earlier check made a comment: whoever made it can write into it later."""
    if not (comment.get("body") or "").startswith(MARKER):
        return False
    author = comment.get("user") or {}
    return bool(author.get("login") == login if login else author.get("type") == "Bot")


def publish_sarif(github: GitHub, said: Mapping[str, str], text: str) -> str:
    """Upload a SARIF file; return what was done."""
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    body = {"commit_sha": said["GITHUB_SHA"], "ref": said["GITHUB_REF"], "sarif": packed}
    made = github.call("POST", "/code-scanning/sarifs", body)
    return f"uploaded SARIF {made['id']}"


def pull_request(said: Mapping[str, str]) -> int | None:
    """Return the number of the pull request that the event is about; None when it is about none."""
    event = json.loads(Path(said["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    number: int | None = (event.get("pull_request") or {}).get("number")
    return number


def put_before(what: str, printed: str, comment: Path, summary: Path) -> str:
    """Put what failed before a comment and behind the summary, and return it as an annotation."""
    end = printed.strip()[-MAX_CHARACTERS:]
    section = f"## ❌ Contracts: {what}\n\n{block(end)}\n"
    before = comment.read_text(encoding="utf-8") if comment.exists() else ""
    whole = f"{MARKER}\n{section}\n{before.removeprefix(MARKER).lstrip()}"
    is_small = len(whole.encode()) <= MAX_BYTES
    comment.write_text(whole if is_small else f"{MARKER}\n{section}", encoding="utf-8")
    with summary.open("a", encoding="utf-8") as file:
        file.write(f"{section}\n")
    return command("error", {"title": f"contractline: {what}"}, end)


def publish(what: str, file: Path, said: Mapping[str, str]) -> str:
    """Publish a file, and return what came of it."""
    text = file.read_text(encoding="utf-8")
    try:
        if what == "sarif":
            return publish_sarif(GitHub(said), said, text)
        number = pull_request(said)
        if number is None:
            return "no comment: the event is about no pull request"
        return publish_comment(GitHub(said), number, text)
    except NotPublished as problem:
        words = f"no {what}: {problem}; the job's summary holds it"
        return command("notice", {"title": "contractline"}, words)


def main(what: str, *arguments: str) -> None:
    """Do what is asked for, and say what came of it."""
    said = environment()
    if what == "failed":
        words, printed, comment = arguments
        text = Path(printed).read_text(encoding="utf-8", errors="replace")
        done = put_before(words, text, Path(comment), Path(said["GITHUB_STEP_SUMMARY"]))
    else:
        done = publish(what, Path(arguments[0]), said)
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
