"""Rows of public.github_identities: whose a login, an address or a name is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contractline.debezium.source import Database
from contractline.errors import ContractlineError

_ENTRY = re.compile(r"([^<>#]*)<([^<>]*)>(?:([^<>#]*)<([^<>]*)>)?\s*(?:#.*)?")
_UPSERT = """
INSERT INTO public.github_identities (kind, identity, user_name, verified) VALUES (%s, %s, %s, true)
ON CONFLICT (kind, identity) DO UPDATE SET user_name = excluded.user_name, verified = true
"""


class UserUnknown(ContractlineError):
    """When public.github_users has no such person."""

    def __init__(self, user_name: str, known: Sequence[str]) -> None:
        self.user_name = user_name
        near = difflib.get_close_matches(user_name, known, 1)
        super().__init__(
            f"public.github_users has no {user_name!r}",
            hint=f"did you mean {near[0]!r}?" if near else "add the person there first",
        )


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """A row: the kind of an identity, the identity in lower case, and whose it is."""

    kind: str
    identity: str
    user_name: str


@dataclass(frozen=True, slots=True)
class MailmapEntry:
    """A line of a mailmap: proper name and address, and what commits hold instead.

    Source: gitmailmap(5).
    """

    proper_name: str
    proper_email: str
    commit_name: str
    commit_email: str

    @property
    def identity(self) -> str:
        """What a commit is found by: an address, or a name with its address."""
        email = self.commit_email.lower()
        return f"{self.commit_name.lower()} <{email}>" if self.commit_name else email


def kind_of(identity: str) -> str:
    """Return what an identity looks like: an address, else a login."""
    if identity.lower().endswith("@users.noreply.github.com"):
        return "noreply"
    return "email" if "@" in identity else "login"


def link(database: Database, identities: Iterable[IdentityRow]) -> None:
    """Write rows, all or none; a row that is there gets the new owner and counts as verified.

    Raises:
        UserUnknown: a person is not in public.github_users.
    """
    known = user_names(database)
    with database.connection.transaction():
        for row in identities:
            if row.user_name not in known:
                raise UserUnknown(row.user_name, known)
            values = (row.kind, row.identity.lower(), row.user_name)
            database.connection.execute(_UPSERT, values)


def user_names(database: Database) -> list[str]:
    """Return the names of all people."""
    rows = database.rows("SELECT user_name FROM public.github_users ORDER BY user_name")
    return [row["user_name"] for row in rows]


def mailmap_entries(text: str) -> Iterator[MailmapEntry]:
    """Yield the entries of a mailmap; comments and lines that say nothing are left out."""
    for line in text.splitlines():
        match = _ENTRY.fullmatch(line.strip())
        if match is None:
            continue
        name, email, commit_name, commit_email = (
            " ".join((part or "").split()) for part in match.groups()
        )
        if commit_email or name:
            yield MailmapEntry(name, email, commit_name, commit_email or email)


def mailmap_identities(
    database: Database, entries: Iterable[MailmapEntry]
) -> tuple[list[IdentityRow], list[MailmapEntry]]:
    """Return the rows that entries make, and the entries of which nobody is known.

    A person is known by the proper address in public.github_identities, else by the proper name
    where it is a user's name.
    """
    owners = {
        row["identity"]: row["user_name"]
        for row in database.rows(
            "SELECT identity, user_name FROM public.github_identities"
            " WHERE kind IN ('email', 'noreply')"
        )
    }
    names = {name.lower(): name for name in user_names(database)}
    rows, unknown = [], []
    for entry in entries:
        by_name = names.get(entry.proper_name.lower())
        owner = owners.get(entry.proper_email.lower()) or by_name
        if owner is None:
            unknown.append(entry)
        else:
            rows.append(IdentityRow("mailmap", entry.identity, owner))
    return rows, unknown
