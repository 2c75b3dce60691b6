"""``contractline explain``: a number of a report down to the messages behind it, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.cli._filters import FilterPair, split

if TYPE_CHECKING:
    from contractline.reports.load import Reports

_SHOWN = 20


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[QUESTION]")
@click.option(
    "--bucket", help="Where in the chart: a value of its horizontal axis, or of its labels."
)
@click.option(
    "--where",
    type=FilterPair(),
    multiple=True,
    help="A filter, or where in the answer by another column; may be repeated.",
)
@click.option(
    "--measure", default="", help="The column with the number; the first one unless given."
)
@click.option(
    "--commit", help="The other way round: where a commit is counted, by its id or its beginning."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=_SHOWN,
    show_default=True,
    help="At most so many commits.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(
    invocation: Invocation,
    arguments: tuple[str, ...],
    bucket: str | None,
    where: tuple[tuple[str, str], ...],
    measure: str,
    commit: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Tell which records and messages a number of a question is made of.

    Each record comes with whom it is credited to and why, its message in Kafka, the version of the
    contract that wrote it, and how long it took on its way. The filters are options, as with
    `contractline ask`: --period 30d, --team Java-team.
    """
    from contractline.reports.load import load_reports

    reports = load_reports(invocation.project)
    questions, chosen = split(reports, arguments)
    if bool(questions) == bool(commit):
        raise click.UsageError("name a question, or a commit by --commit")
    at = {}
    for name, value in where:
        if name in reports.filters.filters:
            chosen.setdefault(name, []).append(value)
        else:
            at[name] = value
    if commit is not None:
        _back(invocation, reports, chosen, commit, as_json=as_json)
        return
    question = questions[0]
    if bucket is not None:
        x = reports.question(question).spec.x
        if x is None:
            raise click.UsageError(f"{question} has no axis: say where by --where COLUMN=VALUE")
        at[x.column] = bucket
    _down(invocation, reports, question, chosen, at, measure, limit, as_json=as_json)


def _down(
    invocation: Invocation,
    reports: Reports,
    question: str,
    chosen: Mapping[str, list[str]],
    at: Mapping[str, str],
    measure: str,
    limit: int,
    *,
    as_json: bool,
) -> None:
    from contractline.clients.clickhouse import Warehouse
    from contractline.contracts.load import load_contracts
    from contractline.errors import ContractlineError
    from contractline.reports.explain import explain
    from contractline.reports.explained import explained, lines
    from contractline.reports.messages import MessageLookup
    from contractline.reports.selection import selection_of
    from contractline.settings import Endpoints

    asked = reports.question(question)
    selection = selection_of(reports.filters, chosen)
    endpoints = Endpoints.load(invocation.project)
    with closing(Warehouse(endpoints.for_reports())) as warehouse:
        found = explain(
            warehouse, asked, reports.filters, selection, at, measure=measure, most=limit
        )
    messages = MessageLookup(load_contracts(invocation.project))
    try:
        told = messages.told(endpoints, [record.place for record in found.records])
    except ContractlineError as problem:
        click.echo(f"of the messages themselves nothing is known: {problem}", err=True)
        told = {}
    if as_json:
        click.echo(json.dumps(explained(found, told), ensure_ascii=False, indent=1))
        return
    for line in lines(found, told):
        click.echo(line)


def _back(
    invocation: Invocation,
    reports: Reports,
    chosen: Mapping[str, list[str]],
    commit: str,
    *,
    as_json: bool,
) -> None:
    from contractline.clients.clickhouse import Warehouse
    from contractline.reports.explain import commit_of, counted
    from contractline.reports.explained import counted_lines, counted_values
    from contractline.reports.selection import selection_of
    from contractline.settings import Endpoints

    selection = selection_of(reports.filters, chosen)
    endpoints = Endpoints.load(invocation.project)
    with closing(Warehouse(endpoints.for_reports())) as warehouse:
        record = commit_of(warehouse, reports.filters, commit)
        found = counted(warehouse, reports.questions.values(), reports.filters, selection, record)
    if as_json:
        click.echo(json.dumps(counted_values(record, found), ensure_ascii=False, indent=1))
        return
    for line in counted_lines(record, found):
        click.echo(line)
