"""``contractline people``: who the authors are that nobody knows, and whose an identity is."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_KINDS = ("login", "email", "noreply", "mailmap", "name")
_UNMATCHED = """
    SELECT login, email, name, commits, arrayZip(likely_users, reasons)
    FROM reporting.unmatched_authors LIMIT {limit:UInt64}"""


@click.group()
def command() -> None:
    """Find the people behind commits: list authors whom nobody knows, and say who they are."""


@command.command()
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many."
)
@click.pass_obj
def suggest(invocation: Invocation, limit: int) -> int:
    """List the authors whom nobody knows, with likely users, the reason, and what settles it.

    Exit code 0 when there are none, 1 when there are, 2 when it could not be told.
    """
    from contractline.clients.clickhouse import Warehouse
    from contractline.settings import Endpoints

    with closing(Warehouse(Endpoints.load(invocation.project))) as warehouse:
        authors = warehouse.rows(_UNMATCHED, {"limit": limit})
    for author in authors:
        _show(author)
    if not authors:
        click.echo("every author is known")
    return 1 if authors else 0


def _show(author: Sequence[Any]) -> None:
    login, email, name, commits, likely = author
    spelled = " ".join(part for part in (login, name, f"<{email}>" if email else "") if part)
    click.echo(f"{spelled or '(an author without name and address)'}: {commits:,} commits")
    identity = login or email or name
    kind = "" if login or email else " --kind name"
    for user_name, reason in likely:
        order = f"contractline people link {shlex.quote(identity)} {shlex.quote(user_name)}{kind}"
        click.echo(f"  {user_name} ({reason}): {order}")


@command.command()
@click.argument("identity")
@click.argument("user_name")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="What IDENTITY is (default: an address with @, else a login).",
)
@click.pass_obj
def link(invocation: Invocation, identity: str, user_name: str, kind: str | None) -> None:
    """Say in PostgreSQL that IDENTITY belongs to USER_NAME; commits of any age follow."""
    from contractline.debezium.source import connected
    from contractline.settings import Endpoints
    from contractline.targets.postgres.identities import IdentityRow, kind_of
    from contractline.targets.postgres.identities import link as write

    row = IdentityRow(kind or kind_of(identity), identity.strip().lower(), user_name)
    if not row.identity:
        raise click.BadParameter("is empty", param_hint="IDENTITY")
    with connected(Endpoints.load(invocation.project)) as database:
        write(database, [row])
    click.echo(f"{row.kind} {row.identity}: {user_name}")


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def mailmap(invocation: Invocation, file: Path) -> int:
    """Write the entries of a .mailmap FILE as identities, for commits that git did not read.

    Exit code 0 when each entry's person is known, 1 when one is not, 2 when it could not be told.
    """
    from contractline.debezium.source import connected
    from contractline.settings import Endpoints
    from contractline.targets.postgres.identities import link as write
    from contractline.targets.postgres.identities import mailmap_entries, mailmap_identities

    entries = list(mailmap_entries(file.read_text(encoding="utf-8", errors="replace")))
    with connected(Endpoints.load(invocation.project)) as database:
        rows, unknown = mailmap_identities(database, entries)
        write(database, rows)
    for row in rows:
        click.echo(f"{row.identity}: {row.user_name}")
    for entry in unknown:
        click.echo(
            f"{entry.identity}: nobody is known as {entry.proper_name} <{entry.proper_email}>"
        )
    return 1 if unknown else 0
