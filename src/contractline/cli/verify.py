"""``contractline verify``: compare what ClickHouse holds with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from contractline.cli import INTERRUPTED, Invocation

if TYPE_CHECKING:
    from contractline.contracts.model import Contract
    from contractline.debezium.config import CapturedStream
    from contractline.project import Project
    from contractline.recovery.topic_comparison import TopicComparison
    from contractline.settings import Endpoints
    from contractline.targets.connectors.comparing import Comparer, Comparison

Told = tuple[int, dict[str, Any]]
"""The exit code of a stream, and what is said of it to programs."""


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
    """Compare the rows of STREAMs, or of all, with where they come from, while both change.

    A captured table is compared with PostgreSQL: both sides count and hash their rows by ranges of the
    key, and of ranges that differ the single rows are compared. The comparison holds at the position in
    PostgreSQL's log that is printed.

    A stream of a producer is compared with its topic: what Kafka holds up to the offsets that are
    printed is loaded a second time, into a table that is removed afterwards.

    Exit code 0 when both sides hold the same, 1 when they differ, 2 when it could not be told, 130 when
    it was interrupted.
    """
    from contractline.errors import ContractlineError
    from contractline.settings import Endpoints

    captured, produced = _chosen(invocation.project, streams)
    endpoints = Endpoints.load(invocation.project)
    codes, outcomes = [0], []
    with ExitStack() as stack:
        work: dict[str, Callable[[], Told]] = {}
        if captured:
            comparer = _comparing(endpoints, stack)
            for table in captured:
                work[table.contract.name] = partial(_table, comparer, table, wait, as_json)
        for contract in produced:
            work[contract.name] = partial(_topic, endpoints, contract, wait, as_json)
        for name, told in work.items():
            try:
                code, facts = told()
            except ContractlineError as problem:
                code, facts = 2, {"error": str(problem)}
                _say(f"{name}: could not tell: {problem}", "red", quiet=as_json)
                if problem.hint:
                    _say(f"  {problem.hint}", None, quiet=as_json)
            codes.append(code)
            outcomes.append({"stream": name, "exit_code": code, **facts})
            if code == INTERRUPTED:
                break
    if as_json:
        click.echo(json.dumps({"streams": outcomes}, indent=1, ensure_ascii=False))
    return max(codes)


def _chosen(project: Project, names: Sequence[str]) -> tuple[list[CapturedStream], list[Contract]]:
    """Return the captured tables and the streams of producers that are to be compared.

    Raises:
        UsageError: no contract with rows in ClickHouse is called so.
        ContractsInvalid: the contracts can't be loaded.
    """
    from contractline.contracts.load import load_contracts
    from contractline.contracts.model import ProducerSource
    from contractline.debezium.config import streams_of

    contracts = load_contracts(project)
    captured = {one.contract.name: one for one in streams_of(contracts)}
    produced = {
        one.name: one
        for one in contracts
        if isinstance(one.source, ProducerSource) and one.sink is not None
    }
    known = [*captured, *produced]
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(
            f"no contract of a PostgreSQL table, or of a producer with rows in ClickHouse, is called"
            f" {', '.join(unknown)}; there are: {', '.join(known) or 'none'}"
        )
    wanted = names or known
    return (
        [captured[name] for name in wanted if name in captured],
        [produced[name] for name in wanted if name in produced],
    )


def _comparing(endpoints: Endpoints, stack: ExitStack) -> Comparer:
    from contractline.clients.clickhouse import Warehouse
    from contractline.clients.connect import Connect
    from contractline.debezium.source import connected
    from contractline.targets.connectors.comparing import Comparer

    database = stack.enter_context(connected(endpoints))
    connect = stack.enter_context(Connect(endpoints))
    warehouse = Warehouse(endpoints)
    stack.callback(warehouse.close)
    return Comparer(endpoints, database, warehouse, connect)


def _table(comparer: Comparer, stream: CapturedStream, wait: float, as_json: bool) -> Told:
    compared = comparer.compare(stream, patience_seconds=wait)
    if not as_json:
        _show(stream.contract.name, compared)
    return _code(compared), _facts(compared)


def _topic(endpoints: Endpoints, contract: Contract, wait: float, as_json: bool) -> Told:
    from contractline.cli._loading import loading
    from contractline.recovery.topic_comparison import compare_topic

    compared = loading(
        lambda shown, stop: compare_topic(endpoints, contract, shown, stop, patience_seconds=wait)
    )
    if not as_json:
        _show_topic(contract.name, compared)
    return _code_of_topic(compared), _facts_of_topic(compared)


def _code_of_topic(compared: TopicComparison) -> int:
    if compared.stopped:
        return INTERRUPTED
    if compared.waits_for:
        return 2
    return 0 if compared.is_equal else 1


def _show_topic(name: str, compared: TopicComparison) -> None:
    from contractline.recovery.topic_comparison import LEFT_ASIDE

    if compared.stopped:
        _say(f"{name}: stopped, nothing was compared", "yellow")
        return
    at = (
        f"{compared.messages:,} messages of {compared.topic} up to {compared.position or 'nothing'}"
    )
    if compared.waits_for:
        _say(f"{name}: could not tell: {compared.waits_for}; {at}", "red")
        return
    if compared.is_equal:
        _say(f"{name}: equal, {compared.rows:,} rows from {at}", "green")
    else:
        _say(f"{name}: {compared.words}; {compared.rows:,} rows from {at}", "red")
    for kind, what in LEFT_ASIDE.items():
        if kind in compared.counts:
            _say(f"  {compared.counts[kind]:,} not compared: {what}", None)
    if compared.undecodable:
        _say(
            f"  {compared.undecodable:,} messages can't be decoded (`contractline dlq list`)", None
        )
    _show_keys(compared.keys, compared.differing)


def _facts_of_topic(compared: TopicComparison) -> dict[str, Any]:
    from contractline.recovery.topic_comparison import CHANGED, EXTRA, LEFT_ASIDE, MISSING

    counts = compared.counts
    return {
        "topic": compared.topic,
        "position": compared.position,
        "messages": compared.messages,
        "rows": compared.rows,
        **{kind: counts.get(kind, 0) for kind in (MISSING, CHANGED, EXTRA)},
        "keys": dict(compared.keys),
        "not_compared": {kind: counts[kind] for kind in LEFT_ASIDE if kind in counts},
        "undecodable": compared.undecodable,
        "lost": compared.unkept,
        "waits_for": compared.waits_for,
    }


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
    _show_keys(result.keys, result.differing)


def _show_keys(keys: Mapping[str, str], differing: int) -> None:
    for key, what in keys.items():
        _say(f"  {key}: {what}", None)
    if differing > len(keys):
        _say(f"  … and {differing - len(keys):,} more", None)


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
