"""``contractline watch``: keep the pipeline in its declared state until told to stop."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from threading import Event

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Replay and restart what failed for a passing reason; until SIGTERM or Ctrl-C.

    Messages whose schema could not be fetched are put into their streams once it can be. A queue of
    ClickHouse whose consumer has stopped for good gets a new one. Failed tasks of connectors are
    restarted once what they need is there; a task that stopped since a table departs from its
    contract waits for a person. Quality rules are measured when their schedules say so, and the
    results kept.

    `contractline up` runs this as one of its services.
    """
    from contractline.settings import Endpoints
    from contractline.watch import Watch

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    project = invocation.project
    Watch(project, lambda: Endpoints.load(project), _say).run(stop)


def _say(line: str) -> None:
    click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {line}")
