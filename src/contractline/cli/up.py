"""``contractline up``: start the local stack."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> int:
    """Start the local stack, or what is missing of it, and return when every service answers.

    A service whose variable is set (KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, CONNECT_URL,
    POSTGRES_DSN, CLICKHOUSE_URL) is not started: the real installation is used instead. What
    `contractline env` printed of this checkout's own stack does not count.

    Exit code 0 when every service answers, 1 when a real installation does not, 2 when the stack
    could not be started.
    """
    from contractline.cli._progress import running
    from contractline.settings import environment
    from contractline.stack.control import Stack

    stack = Stack(invocation.project, environment())
    with running(stack):
        away = [service for service in stack.status() if service.is_away]
    for service in away:
        click.secho(f"{service.name}: nothing answers at {service.url}", fg="red", err=True)
    if away:
        click.echo(
            "unset its variable (or take it out of contractline.toml) to use the stack's own service",
            err=True,
        )
    return 1 if away else 0
