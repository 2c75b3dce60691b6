"""``python -m tests.github_server``: serve git repositories or made-up ones as GitHub would."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from tests.github_server.app import TOKEN, GitHubServer
from tests.github_server.repositories import Repository, from_git, generated, refresh
from tests.github_server.script import Fault

REFRESH_SECONDS = 0.5


def main() -> int:
    options = _parser().parse_args()
    repositories: list[Repository] = []
    paths: list[tuple[Repository, Path]] = []
    for given in options.git:
        name, _, path = given.partition("=")
        repository = from_git(Path(path), name, len(repositories) + 1)
        paths.append((repository, Path(path)))
        repositories.append(repository)
    for given in options.generated:
        name, _, number = given.partition("=")
        repositories.append(generated(name, int(number or 1000), len(repositories) + 1))
    if not repositories:
        sys.stderr.write("error: nothing to serve\n  give --git or --generated\n")
        return 2
    server = GitHubServer(*repositories)
    server.tokens = {options.token}
    server.limits |= {"core": options.limit, "graphql": options.limit}
    server.window_seconds = options.window
    if options.script:
        server.faults = [Fault(**fault) for fault in json.loads(options.script.read_text())]
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with server.running(options.port):
            sys.stdout.write(f"{server.url}\n")
            sys.stdout.flush()
            while not ended.wait(REFRESH_SECONDS):
                for repository, path in paths:
                    refresh(repository, path, {})
    except OSError as problem:
        sys.stderr.write(f"error: {problem}\n  choose another --port\n")
        return 2
    return 1 if server.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.github_server", description=__doc__)
    parser.add_argument(
        "--git",
        action="append",
        default=[],
        metavar="OWNER/NAME=PATH",
        help="a git repository; new commits are seen",
    )
    parser.add_argument(
        "--generated",
        action="append",
        default=[],
        metavar="OWNER/NAME=COMMITS",
        help="a made-up repository with so many commits",
    )
    parser.add_argument("--port", type=int, default=0, help="a free one unless said")
    parser.add_argument("--token", default=TOKEN, help="the token that is known (%(default)s)")
    parser.add_argument("--limit", type=int, default=5000, help="the quota of a window (5000)")
    parser.add_argument("--window", type=float, default=3600.0, help="its seconds (3600)")
    parser.add_argument(
        "--script", type=Path, metavar="FILE", help="faults as JSON: tests/github_server/script.py"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
