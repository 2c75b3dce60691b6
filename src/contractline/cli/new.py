"""``contractline new``: a whole stream from a table, a sample or a schema."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.errors import SettingInvalid

if TYPE_CHECKING:
    from contractline.contracts.model import Contract
    from contractline.project import Project

TABLE = "postgres:"

DATABASE = "streams"
"""The ClickHouse database of the first stream of an owner; the stack's accounts may use it."""


@click.command()
@click.argument("what", type=click.Choice(["stream"]))
@click.argument("name")
@click.option(
    "--from",
    "origin",
    required=True,
    metavar="SOURCE",
    help="postgres:SCHEMA.TABLE, a sample (.json, .jsonl), or an Avro schema (.avsc).",
)
@click.option("--key", default="", help="The fields that tell one record from another: a,b.")
@click.option("--owner", help="Who answers for the stream (default: git's user.name).")
@click.option(
    "--database",
    help=f"The ClickHouse database (default: that of the owner's other streams, or {DATABASE}).",
)
@click.option("--connector", help="The connector that reads the table, where there are several.")
@click.option(
    "--own-connector",
    is_flag=True,
    help="Read the table by a connector of its own: what stops one stops no other.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    what: str,
    name: str,
    origin: str,
    key: str,
    owner: str | None,
    database: str | None,
    connector: str | None,
    own_connector: bool,
) -> int:
    """Make the stream NAME: its contract, schemas, first version and tables.

    A table of PostgreSQL is read from POSTGRES_DSN, and its schemas are those that Debezium makes
    of it (about 20 s). Of a sample every record counts. Nothing is written when a rule speaks
    against the result. Exit code 0 when the stream is there, 1 when a rule speaks against it, 2
    when it could not be made.
    """
    from contractline.cli._new import StreamRequest, stream_from_file, stream_from_table
    from contractline.contracts.load import load_contracts
    from contractline.scaffold.blueprint import check_name

    project = invocation.project
    check_name(project, name)
    contracts = load_contracts(project)
    names = tuple(part.strip() for part in key.split(",") if part.strip())
    owner = owner or author(project)
    wish = StreamRequest(project, name, names, owner, database or _database(contracts, owner))
    if origin.startswith(TABLE):
        table = origin.removeprefix(TABLE)
        return stream_from_table(wish, table, connector, contracts, has_own_connector=own_connector)
    if own_connector:
        raise click.BadParameter("is for tables of PostgreSQL", param_hint="--own-connector")
    return stream_from_file(wish, Path(origin))


def author(project: Project, otherwise: str | None = None) -> str:
    """Return who works here, as git knows it.

    Args:
        project: the checkout.
        otherwise: who is named where git knows nobody.

    Raises:
        SettingInvalid: git knows nobody, and nobody else is named.
    """
    asked = ("git", "-C", str(project.root), "config", "user.name")
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - own command
        name = answer.stdout.strip() or otherwise
    except OSError:
        name = otherwise
    if not name:
        raise SettingInvalid("--owner", "is not given, and git knows no user.name", hint="name one")
    return name


def _database(contracts: Sequence[Contract], owner: str) -> str:
    """Return the ClickHouse database that most streams of an owner are in."""
    own = [c.sink.current for c in contracts if c.sink and c.owner == owner]
    found = Counter(current.partition(".")[0] for current in own)
    return found.most_common(1)[0][0] if found else DATABASE
