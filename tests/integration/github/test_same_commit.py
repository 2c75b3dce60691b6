"""One commit is one row: git, REST, GraphQL and the webhook give the same identity and contents."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any

from github import Auth
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from producer.commit import Record
from producer.git.command import Git
from producer.git.history import GitHistory
from producer.github.access import Credential
from producer.github.client import Client, finish
from producer.github.counting import by_ids
from producer.github.mapping import from_rest
from producer.github.target import Repository
from producer.refs import RefChoice
from producer.webhook.push import PushNames, read_push
from tests.fixtures.pushes import push
from tests.github_server.app import TOKEN, GitHubServer
from tests.github_server.repositories import from_git
from tests.integration.producer.repositories import git

NAME = "acme/shop"
_NEVER = threading.Event()
SAME = ("repository", "commit_id", "committed_at", "commit_message", "author", "author_email")
SAME_TOO = ("committer", "committer_email", "co_authors")

_words = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="<>"), max_size=12
)
_names = _words.map(str.strip)
_lines = st.one_of(
    _words,
    st.sampled_from(
        ["", "", "Title", "# comment", "Signed-off-by: A <a@b>", "Co-authored-by: B Ü <b@c>"]
    ),
)
_times = st.integers(0, 4_102_444_800)
_zones = st.integers(-14 * 4, 14 * 4).map(lambda quarters: quarters * 15)


@dataclass(frozen=True)
class Made:
    """A commit as its author made it."""

    name: str
    message: str
    authored: int
    committed: int
    zone: int

    @property
    def email(self) -> str:
        return f"{len(self.name)}@example.com"


_commits = st.builds(
    Made, _names, st.lists(_lines, max_size=6).map("\n".join), _times, _times, _zones
)


# No shrinking: each try runs git and a server, and goes on past the test's time.
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(_commits, min_size=1, max_size=25))
def test_every_source_gives_the_same_commit(made: list[Made]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        ids = _write(path, made)
        by_source = {
            "git": _by_git(path),
            "webhook": _by_webhook(made, ids),
            **_by_github(path, ids),
        }
    for number, commit in enumerate(made):
        records = {source: found[ids[number]] for source, found in by_source.items()}
        for field in (*SAME, *SAME_TOO):
            assert len({repr(record[field]) for record in records.values()}) == 1, (field, records)
        record = records["webhook"]
        assert record["committed_at"] == commit.committed * 1_000_000
        assert record["commit_message"] == commit.message.rstrip("\n")
        authored = {record["authored_at"] for record in records.values()}
        assert authored <= {None, commit.authored * 1_000_000}


def _write(path: Path, made: Sequence[Made]) -> list[str]:
    """Make a straight history of commits, and return their hashes."""
    git(path, "init", "-q", "-b", "main")
    parts = []
    for number, commit in enumerate(made):
        zone = f"{'-' if commit.zone < 0 else '+'}{abs(commit.zone) // 60:02}{abs(commit.zone) % 60:02}"
        message = commit.message.encode()
        parts.append(
            f"commit refs/heads/main\n"
            f"author {commit.name} <{commit.email}> {commit.authored} {zone}\n"
            f"committer {commit.name} <{commit.email}> {commit.committed} {zone}\n"
            f"data {len(message)}\n".encode()
            + message
            + f"\nM 100644 inline f\ndata {len(str(number))}\n{number}\n".encode()
        )
    git(path, "fast-import", "--quiet", given=b"".join(parts))
    return git(path, "rev-list", "--reverse", "--topo-order", "main").split()


def _by_git(path: Path) -> dict[str, Record]:
    with GitHistory(Git(path), NAME, workers=1) as history:
        return _named(chain.from_iterable(history.read(["main"], ())))


def _by_webhook(made: Sequence[Made], ids: Sequence[str]) -> dict[str, Record]:
    commits = [_pushed(commit, ids[number]) for number, commit in enumerate(made)]
    return _named(read_push(push(commits, repository=NAME), RefChoice(), PushNames(), 1).records)


def _pushed(commit: Made, commit_id: str) -> dict[str, Any]:
    zone = timezone(timedelta(minutes=commit.zone)) if commit.zone else UTC
    person = {"name": commit.name, "email": commit.email}
    return {
        "id": commit_id,
        "message": commit.message.rstrip("\n"),
        "timestamp": datetime.fromtimestamp(commit.committed, zone).isoformat(),
        "author": person,
        "committer": person,
    }


def _by_github(path: Path, ids: Sequence[str]) -> dict[str, dict[str, Record]]:
    server = GitHubServer(from_git(path, NAME))
    repository = Repository(NAME, NAME)
    said: list[str] = []
    with server.running():
        client = Client([Credential("token", Auth.Token(TOKEN))], server.url, said.append, _NEVER)
        rest = [
            from_rest(finish(client.get(repository.path("commits", one))).object(), NAME, 1)
            for one in ids
        ]
        graphql = finish(by_ids(client, repository, ids, said.append))
        client.close()
    assert server.problems == []
    return {"rest": _named(rest), "graphql": _named(graphql)}


def _named(records: Any) -> dict[str, Record]:
    return {record["commit_id"]: record for record in records}
