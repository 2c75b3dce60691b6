"""``contractline resnapshot``: read the rows of captured tables again while their changes flow."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.debezium.source import Reading


@click.command()
@click.argument("streams", nargs=-1, required=True, metavar="STREAM...")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(invocation: Invocation, streams: tuple[str, ...], as_json: bool) -> int:
    """Read every row of the tables of STREAMs again, and compare them with ClickHouse afterwards.

    The connector reads a table part by part between its changes, so that other streams wait for
    about a second at a time; each row carries its position in PostgreSQL's log and replaces none
    that is newer. It brings what ClickHouse lacks or holds otherwise. A row that only ClickHouse has
    stays, and is told.

    Exit code 0 when both sides hold the same afterwards, 1 when they differ, 2 when it could not be
    done or told.
    """
    from contractline.cli._targets import captured
    from contractline.clients.connect import Connect
    from contractline.debezium.source import connected
    from contractline.errors import ServiceUnavailable
    from contractline.settings import Endpoints
    from contractline.targets.connectors.readings import RowReader
    from contractline.targets.connectors.target import is_running

    chosen = captured(invocation.project, streams)
    endpoints = Endpoints.load(invocation.project)
    outcomes = []
    with ExitStack() as stack:
        database = stack.enter_context(connected(endpoints))
        connect = stack.enter_context(Connect(endpoints))
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
            reading = reader.bring(stream, is_there=False)
            outcomes.append(
                {"stream": name, "message": reading.message, "differs": reading.differs}
            )
            if not as_json:
                _show(name, reading)
    if as_json:
        click.echo(json.dumps({"streams": outcomes}, indent=1, ensure_ascii=False))
    return int(any(outcome["differs"] for outcome in outcomes))


def _show(name: str, reading: Reading) -> None:
    if reading.differs:
        click.secho(f"{name}: {reading.message}: {reading.differs}", fg="red")
        click.echo("  `contractline verify` shows the rows, `contractline logs connect` why")
    else:
        click.secho(f"{name}: {reading.message}", fg="green")
