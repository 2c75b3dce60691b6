"""``contractline resnapshot``: read the rows of captured tables again while their changes flow."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.clients.connect import Connect
    from contractline.debezium.config import CapturedStream
    from contractline.debezium.source import Database, Reading
    from contractline.project import Project
    from contractline.settings import Endpoints


@click.command()
@click.argument("streams", nargs=-1, metavar="STREAM...")
@click.option(
    "--connector",
    metavar="NAME",
    help="Give a connector that can't go on a new place in PostgreSQL's log.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(
    invocation: Invocation, streams: tuple[str, ...], connector: str | None, as_json: bool
) -> int:
    """Read every row of the tables of STREAMs again, and compare them with ClickHouse afterwards.

    The connector reads a table part by part between its changes, so that other streams wait for
    about a second at a time; each row carries its position in PostgreSQL's log and replaces none
    that is newer. It brings what ClickHouse lacks or holds otherwise. A row that only ClickHouse has
    stays, and is told.

    A connector whose replication slot is lost, whose database was restored, or that stumbles over a
    change in the log for good can't go on. With --connector it begins anew, with a new slot and a
    snapshot of all its tables. One that reads is left alone.

    Exit code 0 when both sides hold the same afterwards, 1 when they differ, 2 when it could not be
    done or told.
    """
    from contractline.clients.connect import Connect
    from contractline.debezium.source import connected
    from contractline.errors import ServiceUnavailable
    from contractline.settings import Endpoints
    from contractline.targets.connectors.readings import RowReader
    from contractline.targets.connectors.target import is_running

    chosen = _chosen(invocation.project, streams, connector)
    endpoints = Endpoints.load(invocation.project)
    outcomes = []
    with ExitStack() as stack:
        database = stack.enter_context(connected(endpoints))
        connect = stack.enter_context(Connect(endpoints))
        if connector:
            _begin_anew(connector, invocation.project, endpoints, connect, database)
        for stream in chosen:
            name = stream.contract.name

            def say(words: str, name: str = name) -> None:
                click.echo(f"{name}: {words}", err=True)

            if not is_running(connect, stream.source.connector):
                raise ServiceUnavailable(
                    "Kafka Connect",
                    stream.source.connector,
                    "the connector does not run",
                    hint="`contractline status` says why",
                )
            reader = RowReader(endpoints, database, connect, say)
            reading = reader.bring(stream, is_there=connector is not None)
            outcomes.append(
                {"stream": name, "message": reading.message, "differs": reading.differs}
            )
            if not as_json:
                _show(name, reading)
    if as_json:
        click.echo(json.dumps({"streams": outcomes}, indent=1, ensure_ascii=False))
    return int(any(outcome["differs"] for outcome in outcomes))


def _chosen(
    project: Project, names: tuple[str, ...], connector: str | None
) -> list[CapturedStream]:
    """Return the streams that are to be read again.

    Raises:
        UsageError: neither streams nor a connector are named, or both, or one that is not there.
        ContractsInvalid: the contracts can't be loaded.
    """
    from contractline.cli._targets import captured

    if bool(names) == bool(connector):
        raise click.UsageError("name the streams to read again, or one connector with --connector")
    if connector is None:
        return captured(project, names)
    streams = captured(project, ())
    if chosen := [one for one in streams if one.source.connector == connector]:
        return chosen
    known = ", ".join(sorted({one.source.connector for one in streams})) or "none"
    raise click.UsageError(f"no connector of a contract is called {connector}; there are: {known}")


def _begin_anew(
    name: str, project: Project, endpoints: Endpoints, connect: Connect, database: Database
) -> None:
    from contractline.debezium.files import connector_template
    from contractline.targets.connectors.anew import begin_anew

    slot = connector_template(project, name)["slot.name"]
    role = endpoints.need("postgres_replication_user")
    begin_anew(name, slot, role, connect, database)
    click.echo(f"{name}: began anew, with a new slot {slot}", err=True)


def _show(name: str, reading: Reading) -> None:
    if reading.differs:
        click.secho(f"{name}: {reading.message}: {reading.differs}", fg="red")
        click.echo("  `contractline verify` shows the rows, `contractline logs connect` why")
    else:
        click.secho(f"{name}: {reading.message}", fg="green")
