"""What the server keeps: users, databases, collections, cards and dashboards."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import Any

REDACTED = "**MetabasePass**"
"""What stands in place of a password in every answer."""

_NANO_ID = string.ascii_letters + string.digits + "_-"


@dataclass
class State:
    """Everything an instance remembers.

    Attributes:
        version: the major version, such as 63 for v0.63.
        setup_token: what the first setup must send; None once it was done.
        users: password by email address.
        sessions: the email address of each session's user.
        requests: every request that was answered, as ``METHOD /path``.
    """

    version: int = 63
    setup_token: str | None = field(default_factory=lambda: secrets.token_hex(16))
    users: dict[str, str] = field(default_factory=dict)
    api_keys: set[str] = field(default_factory=set)
    sessions: dict[str, str] = field(default_factory=dict)
    databases: dict[int, dict[str, Any]] = field(default_factory=dict)
    collections: dict[int, dict[str, Any]] = field(default_factory=dict)
    cards: dict[int, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _last_id: int = 0

    def next_id(self) -> int:
        """Return an id that nothing has yet; ids of different things differ, to show mix-ups."""
        self._last_id += 1
        return self._last_id

    def open_session(self, email: str) -> str:
        """Return the id of a new session."""
        session = secrets.token_hex(16)
        self.sessions[session] = email
        return session


def entity_id() -> str:
    """Return a new NanoID, as every card and dashboard gets one."""
    return "".join(secrets.choice(_NANO_ID) for _ in range(21))


def redacted(database: dict[str, Any]) -> dict[str, Any]:
    """Return a database as an answer gives it."""
    details = dict(database["details"])
    if details.get("password"):
        details["password"] = REDACTED
    return {**database, "details": details}
