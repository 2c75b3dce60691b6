"""``contractline quality``: hold the rows of streams against the quality rules of their contracts."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contractline.quality.measure import Result

COLUMNS = ("stream", "rule", "state", "value", "must be", "unit", "dimension", "severity")
COLOURS = {"holds": "green", "fails": "red", "unknown": "yellow"}
CODES = {"holds": 0, "fails": 1, "unknown": 2}
WIDE = 200


@click.command()
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option(
    "--format",
    "output",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="How the results are printed.",
)
@click.pass_obj
def command(invocation: Invocation, streams: tuple[str, ...], output: str) -> int:
    """Hold the rows of STREAMs, or of all, against the quality rules of their contracts.

    Each rule is measured in ClickHouse now, by an account that only reads. `contractline watch` does
    the same when the schedules say so, and keeps the results.

    Exit code 0 when all hold, 1 when some fail, 2 when some could not be measured.
    """
    from contractline.clients.clickhouse import Warehouse
    from contractline.contracts.load import contract_named, load_contracts
    from contractline.quality.kept import to_json
    from contractline.quality.measure import measure, rules_of
    from contractline.settings import Endpoints

    contracts = load_contracts(invocation.project)
    chosen = [contract_named(contracts, name) for name in dict.fromkeys(streams)] or contracts
    endpoints = Endpoints.load(invocation.project).for_reading()
    with closing(Warehouse(endpoints)) as warehouse:
        results = [
            result
            for contract in chosen
            for result in measure(warehouse, contract, rules_of(contract))
        ]
    if output == "json":
        shown = [to_json(result) for result in results]
        click.echo(json.dumps({"results": shown}, indent=1, ensure_ascii=False))
    else:
        _show(results)
    return max((CODES[result.state] for result in results), default=0)


def _show(results: Sequence[Result]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not results:
        click.echo("no quality rules")
        return
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    for result in results:
        rule = result.rule
        table.add_row(
            result.stream,
            escape(rule.name),
            f"[{COLOURS[result.state]}]{result.state}[/]",
            "" if result.value is None else f"{result.value:,.6g}",
            str(rule.bound),
            escape(rule.unit),
            rule.dimension,
            escape(rule.severity),
        )
    # A file or a program gets whole lines, whatever a terminal's width is taken for there.
    Console(width=None if sys.stdout.isatty() else WIDE, highlight=False).print(table)
    for result in results:
        if result.problem:
            click.echo(f"{result.stream}: {result.rule.name}: {result.problem}")
