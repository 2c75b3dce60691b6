"""``contractline demo``: the whole pipeline once, on real input, with a report at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from statistics import median_high
from typing import TYPE_CHECKING, Any

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from contractline.cli._demo import DemoAccount, Sender
    from contractline.clients.clickhouse import Warehouse
    from contractline.contracts.model import Contract
    from contractline.project import Project
    from contractline.settings import Endpoints

ARRIVE_SECONDS = 180.0
BAR_WIDTH = 28
NEXT = ("contractline plan", "python -m producer --source fake --follow")
PAGE = "dashboard"
LOCAL_NEXT = (". .venv/bin/activate", *NEXT, "make down   (stops it all and keeps the data)")


@dataclass(frozen=True, slots=True)
class DemoCount:
    """What a stream holds, beside what its source holds."""

    stream: str
    source: str
    expected: int
    arrived: int


@click.command()
@click.option(
    "--repository",
    default=".",
    show_default=True,
    metavar="PATH-or-URL",
    help="The git repository whose history is sent.",
)
@click.option(
    "--commits",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="How many generated commits are sent beside it.",
)
@click.pass_obj
def command(invocation: Invocation, repository: str, commits: int) -> int:
    """Start the stack, apply the contracts, send real input, and show what arrived.

    The stack goes on running; only Ctrl-C stops it again, where this run started it. Exit code 0
    when everything arrived, 1 when something is missing, 2 when it could not be told.
    """
    from contractline.contracts.load import load_contracts
    from contractline.settings import STACK_ENDPOINTS, Endpoints

    started = time.monotonic()
    project = invocation.project
    contracts = load_contracts(project)
    endpoints = Endpoints.load(project)
    is_local = (project.state / STACK_ENDPOINTS).exists() or not endpoints.name_all_services
    with _started(project) if is_local else nullcontext():
        endpoints = Endpoints.load(project)
        if not _apply(project, contracts, endpoints):
            return 2
        complete = _run(project, contracts, endpoints, repository, commits)
        _heading(f"Everything runs ({time.monotonic() - started:.0f} s)")
        if is_local:
            _show_services(project)
        _look(project)
        _heading("Try next")
        for line in LOCAL_NEXT if is_local else NEXT:
            click.echo(f"  {line}")
        if is_local:
            _show_page(project)
    return 0 if complete else 1


def _run(
    project: Project,
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    repository: str,
    commits: int,
) -> bool:
    """Send real input and report what arrived; tell whether all did."""
    from contractline.cli import _demo
    from contractline.clients.clickhouse import Warehouse
    from contractline.contracts.load import contract_named

    with closing(Warehouse(endpoints)) as warehouse:
        _heading(f"Sending the history of {repository} and {commits:,} generated commits")
        since = time.time_ns() // 1000
        with _demo.sending(project, repository, commits) as senders:
            before, now, moved = _demo.move_person(endpoints, warehouse)
            click.echo(f"  meanwhile {_demo.PERSON} moved from {before} to {now} in PostgreSQL")
            _watch(warehouse, senders)
            git, fake = (sender.account() for sender in senders)
        by_api = _by_github(project, repository, git)
        of_git = _demo.commits_at(repository, git)
        sent = (of_git, fake.acknowledged, by_api)
        counts = _arrivals(endpoints, warehouse, git.repositories, sent, since)
        freshness = _demo.canaries(contract_named(contracts, "commits"), endpoints, warehouse)
        return _report(warehouse, counts, freshness, moved)


def _by_github(project: Project, repository: str, git: DemoAccount) -> int:
    """Send the history once more by GitHub's API, from a server here; return how many were sent."""
    from contractline.cli import _demo_github

    if not git.repositories or not _demo_github.can_serve(project, repository):
        click.echo("  the GitHub source is left out: its test server needs the checkout and a path")
        return 0
    name = git.repositories[0]
    click.echo(f"  sending {name} once more by --source github, from this checkout's test server:")
    click.echo("  it answers as GitHub's API does; GitHub itself is not asked")
    return _demo_github.send(project, repository, name).acknowledged


@contextmanager
def _started(project: Project) -> Iterator[None]:
    from contractline.cli._progress import running
    from contractline.settings import environment
    from contractline.stack.control import Stack

    _heading("Starting PostgreSQL, Kafka, Schema Registry, Connect and ClickHouse")
    with running(Stack(project, environment())):
        yield


def _apply(project: Project, contracts: Sequence[Contract], endpoints: Endpoints) -> bool:
    from contractline.cli._targets import show_findings, show_rest, show_step
    from contractline.targets import apply_all

    _heading("Applying the contracts")
    outcomes = []
    for outcome in apply_all(
        project,
        contracts,
        endpoints,
        on_plan=show_findings,
        on_step=lambda _, step: show_step(step),
    ):
        show_rest(outcome)
        outcomes.append(outcome)
    return all(outcome.exit_code == 0 for outcome in outcomes)


def _watch(warehouse: Warehouse, senders: Sequence[Sender]) -> None:
    """Show the commits as they arrive, until the producers have sent everything."""
    shown = time.monotonic()
    while any(sender.is_running for sender in senders):
        time.sleep(0.2)
        if time.monotonic() - shown > 2:
            shown = time.monotonic()
            ((rows,),) = warehouse.rows("SELECT count() FROM reporting.commits")
            click.echo(f"  {rows:,} commits in ClickHouse")


def _arrivals(
    endpoints: Endpoints,
    warehouse: Warehouse,
    repositories: Sequence[str],
    sent: tuple[int, int, int],
    since: int,
) -> list[DemoCount]:
    """Count both ends of each stream, waiting for what is still on its way.

    Args:
        endpoints: where the services are.
        warehouse: ClickHouse.
        repositories: those whose history was sent.
        sent: the commits of these, the generated ones, and the same by GitHub's API.
        since: when this run began, in microseconds: what was generated before does not count.
    """
    from contractline.debezium.source import connected

    end = time.monotonic() + ARRIVE_SECONDS
    name = "git, " + ", ".join(repositories)
    of_git, of_fake, by_api = sent
    values = {"names": list(repositories), "since": since}
    with connected(endpoints) as database:
        while True:
            counts = [
                DemoCount("commits", name, of_git, _one(warehouse, _OF_REPOSITORIES, values)),
                DemoCount("commits", "generated", of_fake, _one(warehouse, _GENERATED, values)),
            ]
            if by_api:
                here = _one(warehouse, _BY_GITHUB, values)
                counts.append(DemoCount("commits", "the same by GitHub's API", by_api, here))
            for table in ("users", "identities"):
                (row,) = database.rows(f"SELECT count(*) AS n FROM public.github_{table}")  # noqa: S608
                here = _one(warehouse, f"SELECT count() FROM github.{table} FINAL")  # noqa: S608
                counts.append(DemoCount(f"github_{table}", "PostgreSQL", row["n"], here))
            if all(c.arrived >= c.expected for c in counts) or time.monotonic() > end:
                return counts
            time.sleep(0.1)


_OF_REPOSITORIES = "SELECT count() FROM reporting.commits WHERE repository IN {names:Array(String)}"
_BY_GITHUB = f"{_OF_REPOSITORIES} AND source = 'github'"
_GENERATED = (
    "SELECT count() FROM github.commits FINAL WHERE source = 'fake'"
    " AND produced_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')"
)


def _one(warehouse: Warehouse, sql: str, values: dict[str, Any] | None = None) -> int:
    ((number,),) = warehouse.rows(sql, values)
    return int(number)


def _report(
    warehouse: Warehouse, counts: Sequence[DemoCount], freshness: Sequence[float], moved: float
) -> bool:
    from contractline.cli._demo import CANARIES

    _heading("What arrived")
    for count in counts:
        complete = count.arrived >= count.expected
        mark = click.style("complete" if complete else "MISSING", fg="green" if complete else "red")
        of = f"{count.stream} ({count.source})"
        click.echo(f"  {of:<44} {count.expected:>9,} sent {count.arrived:>9,} there  {mark}")
    for name in ("team", "position"):
        _chart(warehouse, name)
    errors = _one(warehouse, "SELECT count() FROM reporting.open_errors")
    _heading(f"Open errors: {errors}")
    _heading("Freshness")
    middle, high = median_high(freshness), max(freshness)
    click.echo(
        f"  a commit, acknowledged to visible: {middle * 1000:.0f} ms (median), "
        f"{high * 1000:.0f} ms at most ({CANARIES} single commits)"
    )
    click.echo(
        f"  the move in PostgreSQL, committed to visible: {moved * 1000:.0f} ms (under load)"
    )
    return errors == 0 and all(count.arrived >= count.expected for count in counts)


def _chart(warehouse: Warehouse, name: str) -> None:
    rows = warehouse.rows(
        f"SELECT {name}, sum(commits) AS n, sum(additions) FROM reporting.commits_by_{name} "  # noqa: S608
        f"GROUP BY {name} ORDER BY {name} = '', n DESC"
    )
    _heading(f"Commits by {name} (number of commits, lines added)")
    most = max((commits for _, commits, _ in rows), default=1)
    for label, commits, added in rows:
        bar = "█" * max(1, round(BAR_WIDTH * commits / most))
        click.echo(
            f"  {label or '(not in the table)':<20} {bar:<{BAR_WIDTH}} {commits:>7,}"
            f"  {added:>9,} lines"
        )


def _show_services(project: Project) -> None:
    from contractline.settings import environment
    from contractline.stack.control import Stack

    for service in Stack(project, environment()).status():
        if service.url:
            click.echo(f"  {service.name:<11} {service.url}")
    click.echo('  with their passwords: eval "$(contractline env)"')


def _show_page(project: Project) -> None:
    from contractline.settings import environment
    from contractline.stack.control import Stack

    url = next((s.url for s in Stack(project, environment()).status() if s.name == PAGE), "")
    if url:
        _heading(f"See it live: {url}")


def _look(project: Project) -> None:
    """Say where there is something to look at, and what to ask."""
    from contractline.cli._demo import QUESTIONS

    _heading("Look at it")
    click.echo("  contractline dashboard       the dashboards of reports/ in a browser, live")
    click.echo(f"  contractline catalog         every stream on one page: {project.state}/catalog")
    _heading("Ask ClickHouse")
    click.echo(
        """  eval "$(contractline env)"; ask() { curl -sS "$CLICKHOUSE_URL" --data-binary "$1"; }"""
    )
    for sql in QUESTIONS:
        click.echo(f'  ask "{sql}"')


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)
