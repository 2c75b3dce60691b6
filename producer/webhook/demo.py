"""``make webhook-demo``: recorded events of GitHub, signed and sent to a receiver of its own.

It starts ``python -m producer --source webhook`` on a free port with a secret made for it, sends
the events in samples/, shows each answer, and then the rows in ClickHouse.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from contractline.clients.clickhouse import Warehouse
from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.settings import Endpoints, environment
from producer.webhook.options import SECRET

_SAMPLES = Path(__file__).parent / "samples" / "events.json"
_QUERY = """
SELECT substring(commit_id, 1, 12), author, committed_at, commit_message, source
FROM reporting.commits WHERE repository = 'Codertocat/Hello-World'
"""
_LISTENING = "listening on "
_VISIBLE_SECONDS = 30.0


class DemoFailed(ContractlineError):
    """When the demo's receiver or its rows do not come."""


def main() -> int:
    """Run the demo and return the exit code."""
    try:
        _show(Project.find(Path(__file__).resolve().parent))
    except ContractlineError as problem:
        sys.stderr.write(f"error: {problem}\n" + (f"  {problem.hint}\n" if problem.hint else ""))
        return problem.exit_code
    return 0


def _show(project: Project) -> None:
    endpoints = Endpoints.load(project)
    endpoints.need("clickhouse_url")
    secret = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as folder, _receiver(secret, Path(folder)) as url:
        _say(f"A receiver on {url}; GitHub's recorded events, signed with its secret:\n")
        commits = _send_samples(url, secret)
        _say(f"\nIn ClickHouse:\n{_QUERY}")
        for row in _rows(endpoints, commits):
            _say("  " + "  ".join(str(value) for value in row))


def _send_samples(url: str, secret: str) -> int:
    """Send every sample, then one twice and one with a wrong signature; return the commits sent."""
    sent: set[str] = set()
    samples = json.loads(_SAMPLES.read_text())
    for number, sample in enumerate(samples):
        payload = sample["payload"]
        sent |= {commit["id"] for commit in payload.get("commits", ())}
        _say_answer(sample, _post(url, sample, secret, f"sample-{number}"))
    branch = next(s for s in samples if s["payload"].get("commits"))
    _say_answer(branch, _post(url, branch, secret, f"sample-{samples.index(branch)}"), " again")
    _say_answer(branch, _post(url, branch, "another secret", "forged"), " forged")
    return len(sent)


def _post(url: str, sample: dict[str, Any], secret: str, delivery: str) -> httpx.Response:
    body = json.dumps(sample["payload"]).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": sample["event"],
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    return httpx.post(url, content=body, headers=headers, timeout=15)


def _say_answer(sample: dict[str, Any], answer: httpx.Response, how: str = "") -> None:
    ref = sample["payload"].get("ref", "")
    _say(f"  {sample['event']} {ref}{how}: {answer.status_code} {answer.text.strip()}")


@contextmanager
def _receiver(secret: str, folder: Path) -> Iterator[str]:
    """Run the producer while the context lasts, and give its address."""
    command = [sys.executable, "-m", "producer", "--source", "webhook", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--queue", str(folder / "queue.sqlite")],
        env={**environment(), SECRET: secret},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    words = ""
    for line in process.stderr or ():
        if line.startswith(_LISTENING):
            return line.removeprefix(_LISTENING).strip()
        words += line
    raise DemoFailed(f"the receiver did not start: {words.strip()}")


def _rows(endpoints: Endpoints, number: int) -> list[Any]:
    """Return the rows of the samples once ClickHouse shows them all."""
    warehouse = Warehouse(endpoints)
    deadline = time.monotonic() + _VISIBLE_SECONDS
    try:
        while True:
            rows = warehouse.rows(_QUERY)
            if len(rows) >= number:
                return list(rows)
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"ClickHouse shows {len(rows)} of {number} commits",
                    hint="`contractline status` and reporting.open_errors tell more",
                )
            time.sleep(0.2)
    finally:
        warehouse.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
