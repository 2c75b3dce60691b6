"""``contractline dlq``: the messages that ClickHouse could not read, one by one."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.clients.clickhouse import Warehouse
    from contractline.recovery.dead_letters import DeadLetter
    from contractline.settings import Endpoints

_REASON_SHOWN = 120
_BYTES_SHOWN = 512
_ROW_BYTES = 16


@click.group()
def command() -> None:
    """List, show, replay and dismiss messages that ClickHouse could not read.

    Each is named by its place in Kafka, TOPIC/PARTITION/OFFSET. (Records that the producer refused
    never reached Kafka: they are in .contractline/dead-letters.)
    """


@command.command(name="list")
@click.option("--stream", help="Only this stream.")
@click.option("--all", "also_decided", is_flag=True, help="Replayed and dismissed ones too.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(
    invocation: Invocation, stream: str | None, also_decided: bool, limit: int, as_json: bool
) -> int:
    """List the messages that could not be read, with the reason.

    Exit code 0 when none of them is open, 1 when some are.
    """
    from contractline.recovery.dead_letters import dead_letters

    with _warehouse(invocation) as (warehouse, _):
        found = dead_letters(warehouse, stream=stream, also_decided=also_decided, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps([_values(one) for one in shown], indent=1))
    else:
        for one in shown:
            click.echo(_line(one))
        if len(found) > limit:
            click.echo(f"and more: --limit shows more than {limit}")
        if not shown:
            click.echo("no message that could not be read" + ("" if also_decided else " is open"))
    return 1 if any(one.state == "open" for one in found) else 0


@command.command()
@click.argument("place")
@click.option("--raw", is_flag=True, help="Only the bytes of the value, as they are.")
@click.pass_obj
def show(invocation: Invocation, place: str, raw: bool) -> int:
    """Show one message: why it could not be read, its schema's id, its bytes."""
    from contractline.kafka.place import MessagePlace
    from contractline.recovery.dead_letters import NotThere, dead_letters

    wanted = MessagePlace.read(place)
    with _warehouse(invocation) as (warehouse, _):
        found = dead_letters(warehouse, places=[wanted], also_decided=True)
    if not found:
        raise NotThere(wanted)
    for one in found:
        if raw:
            click.echo(one.raw, nl=False)
        else:
            _describe(one)
    return 0


@command.command()
@click.argument("places", nargs=-1)
@click.option("--stream", help="Every open message of this stream.")
@click.pass_obj
def replay(invocation: Invocation, places: Sequence[str], stream: str | None) -> int:
    """Put messages into their streams again: those at PLACES, of a stream, or all that are open.

    Exit code 0 when none of them is open any more, 1 when some are: which, and why.
    """
    from contractline.kafka.place import MessagePlace
    from contractline.recovery.dead_letters import NotThere, dead_letters
    from contractline.recovery.replay import CLASSES, replay_stream

    chosen = [MessagePlace.read(place) for place in places]
    with _warehouse(invocation) as (warehouse, endpoints):
        found = dead_letters(warehouse, places=chosen, stream=stream)
        there = {one.place for one in found}
        for place in chosen:
            if place not in there:
                raise NotThere(place)
        for name in sorted({one.stream for one in found if one.stream}):
            own = [one.place for one in found if one.stream == name] if chosen else []
            result = replay_stream(warehouse, endpoints, name, CLASSES, places=own)
            click.echo(f"{name}: {result.replayed} replayed")
        left = dead_letters(warehouse, places=sorted(there)) if found else []
    if not found:
        click.echo("no message that could not be read is open")
    for one in left:
        click.echo(f"not taken: {_line(one)}")
        if one.stream is None:
            click.echo("  no stream reads its topic: `contractline apply tables` makes the streams")
    return 1 if left else 0


@command.command()
@click.argument("places", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why nobody needs them.")
@click.option("--by", help="Who decides so (default: the name you are logged in with).")
@click.pass_obj
def dismiss(invocation: Invocation, places: Sequence[str], reason: str, by: str | None) -> int:
    """Close the open messages at PLACES without reading them; their bytes stay.

    Who and why is kept, and shown by `dlq list --all`.
    """
    from contractline.kafka.place import MessagePlace
    from contractline.recovery import dead_letters

    if not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    chosen = [MessagePlace.read(place) for place in places]
    name = by or getpass.getuser()
    with _warehouse(invocation) as (warehouse, _):
        dead_letters.dismiss(warehouse, chosen, by=name, because=reason.strip())
    for place in chosen:
        click.echo(f"dismissed {place} ({name}: {reason.strip()})")
    return 0


@contextmanager
def _warehouse(invocation: Invocation) -> Iterator[tuple[Warehouse, Endpoints]]:
    from contractline.clients.clickhouse import Warehouse
    from contractline.settings import Endpoints

    endpoints = Endpoints.load(invocation.project)
    with closing(Warehouse(endpoints)) as warehouse:
        yield warehouse, endpoints


def _line(one: DeadLetter) -> str:
    reason = " ".join(one.reason.split())
    if len(reason) > _REASON_SHOWN:
        reason = f"{reason[: _REASON_SHOWN - 1]}…"
    decided = {
        "open": "",
        "replayed": f" replayed {one.resolved_at}",
        "dismissed": f" dismissed by {one.dismissed_by}: {one.dismissed_because}",
    }[one.state]
    return f"{one.place} {one.kind}{decided} ({len(one.raw)} bytes, {one.at}): {reason}"


def _describe(one: DeadLetter) -> None:
    schema = "none: its bytes do not begin as a message of Schema Registry does"
    lines = {
        "place": str(one.place),
        "stream": one.stream or "none reads the topic",
        "produced": str(one.at),
        "state": one.state,
        "class": one.kind,
        "reason": one.reason.strip(),
        "schema id": schema if one.schema_id is None else str(one.schema_id),
        "resolved": str(one.resolved_at or ""),
        "dismissed": f"{one.dismissed_by}: {one.dismissed_because}" if one.dismissed_by else "",
    }
    for name, value in lines.items():
        if value:
            click.echo(f"{name:<10} {value}")
    for name, content in (("key", one.key), ("value", one.raw)):
        click.echo(f"{name:<10} {len(content)} bytes")
        for row in _dump(content[:_BYTES_SHOWN]):
            click.echo(f"  {row}")
        if len(content) > _BYTES_SHOWN:
            click.echo(f"  … {len(content) - _BYTES_SHOWN} more (`--raw` writes them all)")


def _dump(content: bytes) -> Iterator[str]:
    """Yield rows of bytes as numbers and, where they are letters of ASCII, as text."""
    for start in range(0, len(content), _ROW_BYTES):
        row = content[start : start + _ROW_BYTES]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:04x}  {row.hex(' '):<{3 * _ROW_BYTES - 1}}  {text}"


def _values(one: DeadLetter) -> dict[str, object]:
    return {
        "place": str(one.place),
        "stream": one.stream,
        "state": one.state,
        "class": one.kind,
        "at": one.at.isoformat(),
        "reason": one.reason,
        "schema_id": one.schema_id,
        "key": one.key.hex(),
        "value": one.raw.hex(),
        "resolved_at": one.resolved_at.isoformat() if one.resolved_at else None,
        "dismissed_by": one.dismissed_by,
        "dismissed_because": one.dismissed_because,
    }
