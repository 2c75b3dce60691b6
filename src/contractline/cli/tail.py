"""``contractline tail``: show a stream's messages, decoded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.clients.registry import Registry
    from contractline.contracts.model import Contract, Version
    from contractline.kafka.decode import MessageDecoder
    from contractline.kafka.log import Log, Record

_BATCH_BYTES = 16 << 20
_BYTES_SHOWN = 16
_HIDDEN = "***"


@click.command()
@click.argument("stream")
@click.option(
    "-n", "--last", type=click.IntRange(0), default=10, show_default=True, help="How many messages."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--personal", is_flag=True, help="Show what is classified as personal data.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line.")
@click.pass_obj
def command(
    invocation: Invocation, stream: str, last: int, follow: bool, personal: bool, as_json: bool
) -> int:
    """Show the newest messages of STREAM, oldest first, with their schema's id and contract version.

    No offset is committed, so that no other reader notices. Values are written as `contractline
    produce` reads them; fields that the contract classifies as pii are hidden unless asked for.

    Exit code 0, or 1 when a message could not be decoded.
    """
    from contractline.clients.registry import Registry
    from contractline.contracts.load import contract_named, load_contracts
    from contractline.kafka.decode import MessageDecoder
    from contractline.kafka.log import Log
    from contractline.settings import Endpoints

    contract = contract_named(load_contracts(invocation.project), stream)
    endpoints = Endpoints.load(invocation.project)
    servers, topic = endpoints.need("kafka_bootstrap_servers"), contract.topic.name
    code = 0
    with Registry.of(endpoints) as registry, Log(servers, topic, _warn, last=last) as log:
        describe = _Describer(contract, registry, MessageDecoder(registry), hide=not personal)
        for record in _records(log, last, follow):
            found = describe(record)
            code = code or int("error" in found)
            click.echo(json.dumps(found, ensure_ascii=False) if as_json else _text(found))
        if last and not log.total and not follow:
            _warn(f"{topic} holds no messages")
    return code


def _warn(words: str) -> None:
    click.echo(words, err=True)


def _records(log: Log, last: int, follow: bool) -> Iterator[Record]:
    """Return the newest messages of all partitions by their time, then those that come."""
    stop = threading.Event()
    newest: list[Record] = []
    for batch in log.batches(1000, _BATCH_BYTES, stop):
        newest = sorted([*newest, *batch], key=lambda record: record.at_ms or 0)[-last:]
    yield from newest
    if follow:
        for batch in log.after(stop):
            yield from batch


class _Describer:
    """Says what a message is, as JSON has it."""

    def __init__(
        self, contract: Contract, registry: Registry, decoder: MessageDecoder, *, hide: bool
    ) -> None:
        self._contract = contract
        self._hidden = contract.personal_fields if hide else frozenset()
        self._registry = registry
        self._decoder = decoder

    def __call__(self, record: Record) -> dict[str, Any]:
        at = None if record.at_ms is None else datetime.fromtimestamp(record.at_ms / 1000, UTC)
        found = {
            "partition": record.partition,
            "offset": record.offset,
            "at": at and at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if record.key:
            found |= self._decoded("key", record.key, self._contract.keys)
        if record.value:
            found |= self._decoded("value", record.value, self._contract.values)
        else:
            found["value"] = None
        return found

    def _decoded(self, part: str, message: bytes, versions: Sequence[Version]) -> dict[str, Any]:
        from contractline.clients.errors import FrameInvalid, SchemaUnknown
        from contractline.kafka.decode import as_json

        try:
            schema_id, value = self._decoder.decode(message)
        except (FrameInvalid, SchemaUnknown) as problem:
            return {part: f"0x{message[:_BYTES_SHOWN].hex()}", "error": f"the {part}: {problem}"}
        if isinstance(value, Mapping):
            value = {
                name: _HIDDEN if name in self._hidden and each is not None else each
                for name, each in value.items()
            }
        found: dict[str, Any] = {part: as_json(value)}
        if part == "value":
            schema = self._registry.schema(schema_id)
            numbers = (version.number for version in versions if version.schema == schema)
            found |= {"schema_id": schema_id, "version": next(numbers, None)}
        return found


def _text(found: Mapping[str, Any]) -> str:
    place = f"{found['at'] or 'no time'}  {found['partition']}/{found['offset']}"
    if found.get("version"):
        words = f"version {found['version']} (schema id {found['schema_id']})"
    elif "schema_id" in found:
        words = f"schema id {found['schema_id']}, not a released version of the contract"
    else:
        words = "" if "error" in found else "tombstone"
    parts = [click.style("  ".join(filter(None, (place, words))), fg="cyan")]
    if "error" in found:
        parts.append(click.style(f"  can't be decoded: {found['error']}", fg="red"))
    values = (found[part] for part in ("key", "value") if found.get(part) is not None)
    parts += [f"  {json.dumps(value, ensure_ascii=False)}" for value in values]
    return "\n".join(parts)
