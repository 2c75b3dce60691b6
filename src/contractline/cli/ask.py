"""``contractline ask``: the answer to a question of ``reports/``."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.cli._filters import FilterPair, split

if TYPE_CHECKING:
    from contractline.reports.load import Reports

_FORMATS = ("table", "chart", "csv", "json", "svg")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[QUESTION]")
@click.option(
    "--format",
    "output",
    type=click.Choice(_FORMATS),
    default="table",
    show_default=True,
    help="How the answer is printed.",
)
@click.option(
    "--set",
    "given",
    type=FilterPair(),
    multiple=True,
    help="A parameter of the question itself; may be repeated.",
)
@click.option("--sql", "shows_sql", is_flag=True, help="Print the query, and don't ask it.")
@click.pass_obj
def command(
    invocation: Invocation,
    arguments: tuple[str, ...],
    output: str,
    given: tuple[tuple[str, str], ...],
    shows_sql: bool,
) -> None:
    """Ask a question of reports/ and print the answer; without a name, list the questions.

    Each filter of reports/filters.yaml is an option: --period 30d, --team Java-team (several times
    for several values), --bots on, --as-of today. The format svg is a picture, to be written into a
    file: contractline ask commits_per_week --format svg > commits.svg
    """
    from contractline.reports.load import load_reports

    reports = load_reports(invocation.project)
    question, filters = split(reports, arguments)
    if not question:
        _list(reports)
        return
    _ask(invocation, reports, question[0], output, filters, dict(given), shows_sql=shows_sql)


def _ask(
    invocation: Invocation,
    reports: Reports,
    name: str,
    output: str,
    filters: dict[str, list[str]],
    given: dict[str, str],
    *,
    shows_sql: bool,
) -> None:
    from contractline.clients.clickhouse import Warehouse
    from contractline.reports.answer import ask
    from contractline.reports.formats import FORMATS
    from contractline.reports.render import render
    from contractline.reports.selection import given_of, selection_of
    from contractline.settings import Endpoints

    asked = reports.question(name)
    selection = selection_of(reports.filters, filters)
    query = render(asked, reports.filters, selection, given_of(asked.spec, given))
    if shows_sql:
        click.echo(query.sql)
        for parameter, value in query.parameters.items():
            click.echo(f"-- {parameter} = {value!r}")
        return
    with closing(Warehouse(Endpoints.load(invocation.project).for_reports())) as warehouse:
        answer = ask(warehouse, query)
    if output == "svg":
        from contractline.dashboard.picture import picture

        click.echo(picture(asked, answer, selection), nl=False)
    else:
        click.echo(FORMATS[output](asked, answer), nl=output != "csv")
    if answer.is_cut:
        click.echo(f"only the first {len(answer.rows):,} rows are shown", err=True)


def _list(reports: Reports) -> None:
    width = max((len(name) for name in reports.questions), default=0)
    for name, question in reports.questions.items():
        click.echo(f"{name:<{width}}  {question.spec.title}")
