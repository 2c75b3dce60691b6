"""One run of the GitHub source: what it gave, said and would save."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from github import Auth

from producer.github.access import Credential
from producer.sources.base import Batch, RefPlace
from producer.sources.github import GitHubSettings, GitHubSource
from tests.github_server.app import TOKEN, GitHubServer
from tests.integration.github.conftest import QUICK

SHOP = RefPlace("github", "acme/shop", "refs/heads/main")


class Reading:
    """A run that ends by itself, or when told to."""

    def __init__(
        self, server: GitHubServer, known: Mapping[RefPlace, str] | None = None, **settings: Any
    ) -> None:
        tokens = settings.pop("tokens", (TOKEN,))
        credentials = [
            Credential(f"token {n}", Auth.Token(token)) for n, token in enumerate(tokens, 1)
        ]
        wanted = {
            "repositories": ("acme/shop",),
            "credentials": credentials or [Credential("nobody")],
            "base_url": server.url,
            "clones": Path("/nonexistent"),
            "policy": QUICK,
            "poll_seconds": 0.05,
            **settings,
        }
        self.said: list[str] = []
        self.batches: list[Batch] = []
        self.stop = threading.Event()
        self.source = GitHubSource(GitHubSettings(**wanted), self.said.append)
        self._known = known or {}

    def run(
        self, until: Callable[[Reading], object] = lambda _: False, limit: float = 120
    ) -> Reading:
        end = time.monotonic() + limit
        for batch in self.source.batches(self._known, self.stop):
            if batch.records or batch.positions:
                self.batches.append(batch)
            if until(self):
                self.stop.set()
            assert time.monotonic() < end, f"what was waited for did not come: {self.said[-5:]}"
        return self

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches for record in batch.records]

    @property
    def ids(self) -> list[str]:
        return [record["commit_id"] for record in self.records]

    @property
    def positions(self) -> dict[RefPlace, str]:
        found: dict[RefPlace, str] = {}
        for batch in self.batches:
            found.update(batch.positions)
        return found

    def heard(self, words: str) -> bool:
        return any(words in sentence for sentence in self.said)


def read(
    server: GitHubServer, known: Mapping[RefPlace, str] | None = None, **settings: Any
) -> Reading:
    return Reading(server, known, **settings).run()
