"""A server that answers as GitHub, and clients of it that do not wait long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from github import Auth

from producer.github.access import Credential
from producer.github.client import Client
from producer.github.retry import Policy
from tests.github_server.app import TOKEN, GitHubServer
from tests.github_server.repositories import generated

QUICK = Policy(
    first_seconds=0.01, longest_seconds=0.02, give_up_seconds=1.0, secondary_seconds=0.05
)


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    """A server with one repository of 350 commits; every answer must be one that is published."""
    made = GitHubServer(generated("acme/shop", 350))
    with made.running():
        yield made
    assert made.problems == []


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make_client(server, said) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(*tokens: str, **options: Any) -> Client:
        credentials = [
            Credential(f"token {n}", Auth.Token(token)) for n, token in enumerate(tokens, 1)
        ]
        options = {"policy": QUICK, "stop": threading.Event(), **options}
        stop = options.pop("stop")
        client = Client(
            credentials or [Credential("nobody")], server.url, said.append, stop, **options
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client) -> Client:
    made: Client = make_client(TOKEN)
    return made
