"""``contractline replay``: put messages that could not be decoded into their streams again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.clients.clickhouse import Warehouse
    from contractline.recovery.replay import OpenErrors
    from contractline.settings import Endpoints


@click.command()
@click.option("--stream", help="Only this stream (default: all).")
@click.option(
    "--class",
    "kind",
    type=click.Choice(["transient", "poison", "all"]),
    default="transient",
    show_default=True,
    help="transient: the schema could not be fetched; poison: the message itself is broken.",
)
@click.option("--dry-run", is_flag=True, help="Only show what is open.")
@click.pass_obj
def command(invocation: Invocation, stream: str | None, kind: str, dry_run: bool) -> int:
    """Decode the kept bytes of open errors again, with their first topic, partition and offset.

    Exit code 0 when none of them is open any more, 1 when some are, 2 when it could not be told.
    """
    from contractline.clients.clickhouse import Warehouse
    from contractline.recovery.replay import CLASSES, open_errors
    from contractline.settings import Endpoints

    kinds = CLASSES if kind == "all" else (kind,)
    endpoints = Endpoints.load(invocation.project)
    with closing(Warehouse(endpoints)) as warehouse:
        everything = open_errors(warehouse)
        found = [e for e in everything if e.kind in kinds and stream in {None, e.stream}]
        _show(found, everything)
        if dry_run or not found:
            return 1 if found else 0
        streams = sorted({one.stream for one in found if one.stream})
        left = sum(one.messages for one in found if one.stream is None)
        return 1 if left + _replay(warehouse, endpoints, streams, kinds) else 0


def _replay(
    warehouse: Warehouse, endpoints: Endpoints, streams: Sequence[str], kinds: Sequence[str]
) -> int:
    """Replay streams one after another and return how many messages are still open."""
    from contractline.recovery.replay import replay_stream

    left = 0
    for stream in streams:
        result = replay_stream(warehouse, endpoints, stream, kinds)
        left += result.left
        words = f"{result.replayed} replayed, {result.poison} poison, {result.waiting} waiting"
        click.echo(f"{stream}: {words}{f': {result.reason}' if result.left else ''}")
    return left


def _show(found: Sequence[OpenErrors], everything: Sequence[OpenErrors]) -> None:
    """Say what is open, and what of it is not taken, with the reason."""
    for one in found:
        orphan = "" if one.stream else "; not taken, since no stream reads the topic"
        click.echo(f"{_words(one)}{orphan}: {one.reason.strip()}")
    others = [one for one in everything if one not in found]
    for one in others:
        click.echo(f"not taken: {_words(one)}: {one.reason.strip()}")
    if others:
        click.echo(
            "  poison messages are tried with `--class poison` once their cause is gone;"
            " `contractline dlq list` names each message, `dlq dismiss` closes one"
        )
    elif not found:
        click.echo("no open errors")


def _words(one: OpenErrors) -> str:
    return f"{one.topic}: {one.messages} {one.kind} since {one.oldest}"
