"""One credential's connection to GitHub, by PyGithub, with nothing decided on the way.

PyGithub follows a 301 by itself and drops the query of the address: a renamed repository would give
the first 30 commits of its default branch in place of what was asked for. So a 301 is shown to it
as something it leaves alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from github import GithubException
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)

from producer.github.access import Credential
from producer.github.errors import GitHubAway
from producer.github.retry import Reply, RequestFailed

API_VERSION = "2022-11-28"
USER_AGENT = "contractline"
TIMEOUT_SECONDS = 30
_MOVED = "x-contractline-location"


class Transport:
    """Sends requests of one credential, one at a time, over a connection that is kept.

    Args:
        credential: who asks.
        base_url: the API's address.
    """

    def __init__(
        self, credential: Credential, base_url: str, *, timeout: int = TIMEOUT_SECONDS
    ) -> None:
        self.credential = credential
        self._base_url = base_url
        self._requester = _requester(credential, base_url, timeout)

    @property
    def graphql_url(self) -> str:
        """Where queries go."""
        return self._requester.graphql_url

    def send(
        self, verb: str, url: str, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Reply | RequestFailed:
        """Send a request; what the network does wrong is an answer too.

        Raises:
            GitHubAway: the address can't be reached in any way, now or later.
        """
        try:
            status, found, text = self._requester.requestJson(
                verb, url, headers=dict(headers or {}), input=body
            )
        except requests.Timeout:
            return RequestFailed("GitHub did not answer in time", may_be_too_large=True)
        except GithubException as problem:  # the App's own token could not be had
            return Reply(problem.status, _lower(problem.headers), json.dumps(problem.data))
        except requests.exceptions.SSLError as problem:
            raise GitHubAway(
                self._base_url, f"the certificate is refused: {_short(problem)}"
            ) from (problem)
        except requests.RequestException as problem:
            if isinstance(problem, ValueError):  # the address itself is wrong
                raise GitHubAway(self._base_url, _short(problem)) from problem
            return RequestFailed(f"the connection to GitHub failed ({_short(problem)})")
        if _MOVED in found:
            found["location"] = found.pop(_MOVED)
        return Reply(status, found, text)

    def token(self) -> str | None:
        """Return the secret itself, for git; None for nobody.

        Raises:
            GitHubAway: the App's token could not be had.
        """
        try:
            return self.credential.auth.token if self.credential.auth else None
        except (GithubException, requests.RequestException) as problem:
            words = f"{self.credential.name} got no token for git ({_short(problem)})"
            raise GitHubAway(self._base_url, words) from problem

    def close(self) -> None:
        """Close the connection."""
        self._requester.close()


def _requester(credential: Credential, base_url: str, timeout: int) -> Requester:
    sessions: dict[str, requests.Session] = {}

    class _Redirects:
        """Keeps PyGithub from following, and one session for all requests."""

        session: requests.Session

        def getresponse(self) -> RequestsResponse:
            response: RequestsResponse = super().getresponse()  # type: ignore[misc]
            if response.status == 301 and "location" in response.headers:
                response.headers[_MOVED] = response.headers.pop("location")
            return response

        def close(self) -> None:
            """Keep the session: PyGithub makes an object like this for every request."""

    class _Http(_Redirects, HTTPRequestsConnectionClass):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.session = sessions.setdefault("http", self.session)

    class _Https(_Redirects, HTTPSRequestsConnectionClass):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.session = sessions.setdefault("https", self.session)

    class _Requester(Requester):
        def close(self) -> None:
            for session in sessions.values():
                session.close()

    _Requester.injectConnectionClasses(_Http, _Https)
    return _Requester(
        auth=credential.auth,
        base_url=base_url.rstrip("/"),
        timeout=timeout,
        user_agent=USER_AGENT,
        per_page=100,
        verify=True,
        retry=None,
        pool_size=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        api_version=API_VERSION,
    )


def _lower(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (headers or {}).items()}


def _short(problem: Exception) -> str:
    words = " ".join(str(problem).split())
    reason = words.rpartition("Caused by ")[2] or type(problem).__name__
    return reason[:200]
