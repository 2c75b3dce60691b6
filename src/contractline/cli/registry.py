"""``contractline registry``: a backup of the schema registry that keeps the ids, and its restore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.clients.registry import Stored


@click.group()
def command() -> None:
    """Back the schema registry up, and give another one the same schemas under the same ids.

    The ids are in every message: a registry that was wiped and filled again gives them anew, and
    old messages are then read with schemas that are not theirs.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(invocation: Invocation, file: Path) -> None:
    """Write all that the registry at SCHEMA_REGISTRY_URL holds into FILE, which must not exist."""
    from contractline.clients.registry import Registry
    from contractline.kafka.backup import Backup
    from contractline.settings import Endpoints

    with Registry.of(Endpoints.load(invocation.project)) as registry:
        made = Backup.of(registry)
    made.write(file)
    click.echo(f"{file}: {_counted(made.stored)}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(invocation: Invocation, file: Path) -> None:
    """Fill the empty registry at SCHEMA_REGISTRY_URL from FILE, and compare it id by id.

    Refused when the registry holds anything, or can't be given ids.
    """
    from contractline.clients.registry import Registry
    from contractline.kafka.backup import Backup
    from contractline.kafka.backup import restore as fill
    from contractline.settings import Endpoints

    made = Backup.read(file)
    with Registry.of(Endpoints.load(invocation.project)) as registry:
        fill(made, registry)
        where = registry.url
    click.echo(f"{where}: {_counted(made.stored)}, each under the id that it had")


def _counted(stored: Sequence[Stored]) -> str:
    subjects = len({one.subject for one in stored})
    return f"{len(stored)} versions of {subjects} subjects"
