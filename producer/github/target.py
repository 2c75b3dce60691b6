"""What is read: a repository by the name of the settings and by where GitHub has it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from producer.github.client import Client, Working
from producer.github.errors import GitHubRefused
from producer.github.mapping import text


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository.

    Attributes:
        name: the canonical name, as the settings spell it; records and cursors keep it.
        full_name: owner/name as GitHub has it now.
        default_branch: empty when GitHub does not say.
        clone_url: where git finds it.
        kilobytes: its size at GitHub.
    """

    name: str
    full_name: str
    default_branch: str = ""
    clone_url: str = ""
    kilobytes: int = 0

    @property
    def owner_and_name(self) -> dict[str, str]:
        """The variables of a query."""
        owner, _, name = self.full_name.partition("/")
        return {"owner": owner, "name": name}

    def path(self, *parts: str) -> str:
        """Return the path of something of it; a branch's slashes stay."""
        return "/".join(["/repos", *(quote(part) for part in (self.full_name, *parts))])


def look_up(client: Client, name: str, full_name: str = "") -> Working[Repository]:
    """Ask for a repository by its canonical name, and its name at GitHub where that differs.

    Raises:
        GitHubRefused: there is none, or it may not be read.
    """
    answer = yield from client.get(Repository(name, full_name or name).path())
    return described(name, answer.object())


def described(name: str, data: Mapping[str, Any]) -> Repository:
    """Return the repository that GitHub's JSON describes.

    Raises:
        GitHubRefused: it describes none.
    """
    if not data.get("full_name"):
        raise GitHubRefused(name, 200, "GitHub described no repository")
    size = data.get("size")
    return Repository(
        name,
        text(data.get("full_name")),
        text(data.get("default_branch")),
        text(data.get("clone_url")),
        size if isinstance(size, int) else 0,
    )
