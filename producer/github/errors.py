"""What GitHub may refuse, told apart and in words.

The tree::

    GitHubRefused            GitHub answered and won't give it
    ├── NotAuthorised        401: the token is wrong, expired or revoked
    ├── NotAllowed           403 that is not a limit: the token may not see it
    ├── NotFound             404, 410, 451: there is no such thing, or it is hidden from the token
    └── HasNoCommits         409: the repository is empty
    GitHubAway               no usable answer for too long
    QueryFailed              GraphQL understood the query and could not answer it
"""

from __future__ import annotations

from contractline.errors import ContractlineError, ServiceUnavailable

SERVICE = "GitHub"


class GitHubRefused(ContractlineError):
    """When GitHub answers and won't give what was asked.

    Attributes:
        what: the path that was asked for.
        status: the HTTP status.
        said: GitHub's own words.
    """

    meaning = "GitHub refused it"

    def __init__(self, what: str, status: int, said: str, *, hint: str = "") -> None:
        self.what = what
        self.status = status
        self.said = said
        super().__init__(f"{what}: {self.meaning} ({status}: {said})", hint=hint)


class NotAuthorised(GitHubRefused):
    """When the token is wrong, expired or revoked."""

    meaning = "GitHub does not accept the token"


class NotAllowed(GitHubRefused):
    """When the token may not see it; this is not a limit, so waiting would not help."""

    meaning = "the token may not read it"


class NotFound(GitHubRefused):
    """When there is no such thing, or the token can't see it: GitHub says the same for both."""

    meaning = "not found, or hidden from this token"


class HasNoCommits(GitHubRefused):
    """When a repository is empty."""

    meaning = "the repository has no commits yet"


class GitHubAway(ServiceUnavailable):
    """When there was no usable answer for too long."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            SERVICE,
            where,
            problem,
            hint="run again: it goes on from the saved cursor. Is the address right (--base-url), "
            "and GitHub up (githubstatus.com)?",
        )


class QueryFailed(ContractlineError):
    """When GraphQL understood a query and could not answer it.

    Attributes:
        kind: GitHub's type of the error, such as ``NOT_FOUND``; empty when it gave none.
        said: GitHub's own words.
    """

    def __init__(self, what: str, kind: str, said: str) -> None:
        self.kind = kind
        self.said = said
        super().__init__(f"{what}: GraphQL could not answer ({kind or 'error'}: {said})")
