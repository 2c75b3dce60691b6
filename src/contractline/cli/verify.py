"""``contractline verify``: compare tables in PostgreSQL with their rows in ClickHouse."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.targets.connectors.comparing import Comparison


@click.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for what is on its way.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(invocation: Invocation, streams: tuple[str, ...], wait: float, as_json: bool) -> int:
    """Compare the tables of STREAMs, or of all, with their rows in ClickHouse, while both change.

    Both sides count and hash their rows by ranges of the key; of ranges that differ the single rows
    are compared. The comparison holds at the position in PostgreSQL's log that is printed.

    Exit code 0 when both sides hold the same, 1 when they differ, 2 when it could not be told.
    """
    from contractline.cli._targets import captured
    from contractline.clients.clickhouse import Warehouse
    from contractline.clients.connect import Connect
    from contractline.debezium.source import connected
    from contractline.errors import ContractlineError
    from contractline.settings import Endpoints
    from contractline.targets.connectors.comparing import Comparer

    chosen = captured(invocation.project, streams)
    endpoints = Endpoints.load(invocation.project)
    codes, outcomes = [0], []
    with ExitStack() as stack:
        database = stack.enter_context(connected(endpoints))
        connect = stack.enter_context(Connect(endpoints))
        warehouse = Warehouse(endpoints)
        stack.callback(warehouse.close)
        comparer = Comparer(endpoints, database, warehouse, connect)
        for stream in chosen:
            name = stream.contract.name
            try:
                compared = comparer.compare(stream, patience_seconds=wait)
            except ContractlineError as problem:
                codes.append(2)
                outcomes.append({"stream": name, "exit_code": 2, "error": str(problem)})
                _say(f"{name}: could not tell: {problem}", "red", quiet=as_json)
                if problem.hint:
                    _say(f"  {problem.hint}", None, quiet=as_json)
                continue
            codes.append(_code(compared))
            outcomes.append({"stream": name, "exit_code": codes[-1], **_facts(compared)})
            if not as_json:
                _show(name, compared)
    if as_json:
        click.echo(json.dumps({"streams": outcomes}, indent=1, ensure_ascii=False))
    return max(codes)


def _code(compared: Comparison) -> int:
    if compared.result.waits_for or (compared.result.is_equal and compared.left_out):
        return 2
    return 0 if compared.result.is_equal else 1


def _show(name: str, compared: Comparison) -> None:
    result = compared.result
    ranges = f"{result.ranges:,} range{'' if result.ranges == 1 else 's'}"
    at = f"at {result.snapshot.position}, {result.rows:,} rows in {ranges}"
    left_out = f"; not compared: {', '.join(compared.left_out)}" if compared.left_out else ""
    if result.is_equal:
        _say(f"{name}: equal {at}{left_out}", "yellow" if left_out else "green")
        return
    _say(f"{name}: {result.words} {at}{left_out}", "red")
    if result.waits_for:
        _say(f"  could not tell whether for good: {result.waits_for}", None)
    for key, what in result.keys.items():
        _say(f"  {key}: {what}", None)
    more = result.differing - len(result.keys)
    if more > 0:
        _say(f"  … and {more:,} more", None)


def _facts(compared: Comparison) -> dict[str, Any]:
    result = compared.result
    return {
        "position": result.snapshot.position,
        "rows": result.rows,
        "ranges": result.ranges,
        "missing": result.missing,
        "changed": result.changed,
        "extra": result.extra,
        "keys": dict(result.keys),
        "waits_for": result.waits_for,
        "not_compared": list(compared.left_out),
    }


def _say(line: str, colour: str | None, *, quiet: bool = False) -> None:
    if not quiet:
        click.secho(line, fg=colour)
