"""``contractline produce``: send records that are written as JSON."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import click

from contractline.cli import Invocation


@click.command()
@click.argument("stream")
@click.argument("file", type=click.File("rb"), metavar="FILE.jsonl")
@click.option(
    "--dead-letters",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where refused records are kept (default: .contractline/dead-letters/STREAM.jsonl).",
)
@click.pass_obj
def command(invocation: Invocation, stream: str, file: BinaryIO, dead_letters: Path | None) -> int:
    """Send the records of FILE.jsonl, one JSON object a line, to STREAM; ``-`` reads the input.

    A record is written with the newest registered version of the contract. Times are texts with
    their zone (2026-01-05T10:00:00Z) and are cut to the field's unit; dates and UUIDs are texts,
    bytes base64. What breaks the contract
    is listed and kept with the reason. Exit code 0 when all was acknowledged, 1 when something was
    refused, 2 when the broker did not take it.
    """
    from contractline.clients.registry import Registry
    from contractline.contracts.load import contract_named, load_contracts
    from contractline.contracts.model import ProducerSource
    from contractline.errors import SettingInvalid
    from contractline.kafka.dead_letters import Letters
    from contractline.kafka.encode import StreamEncoder
    from contractline.kafka.produce_file import carry
    from contractline.settings import Endpoints

    project = invocation.project
    contract = contract_named(load_contracts(project), stream)
    if not isinstance(contract.source, ProducerSource):
        table = getattr(contract.source, "table", "")
        writer = f"Debezium, from the table {table}" if table else "the machinery itself"
        raise SettingInvalid(stream, f"is written by {writer}", hint="name another stream")
    endpoints = Endpoints.load(project)
    servers = endpoints.need("kafka_bootstrap_servers")
    letters = Letters(dead_letters or project.state / "dead-letters" / f"{stream}.jsonl", stream)
    with closing(letters), Registry.of(endpoints) as registry:
        encoder = StreamEncoder(contract, registry)
        carried = carry(file, encoder, servers, letters, lambda words: click.echo(words, err=True))
    click.echo(str(carried))
    if letters.kept:
        click.echo(f"the refused records and the reasons are in {letters.file}")
    return carried.exit_code
