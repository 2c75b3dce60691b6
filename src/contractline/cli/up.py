"""``contractline up``: start the local stack."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Start the local stack, or what is missing of it, and return when every service answers.

    A service whose variable is set (KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL, CONNECT_URL,
    POSTGRES_DSN, CLICKHOUSE_URL) is not started: the real installation is used instead.
    """
    from contractline.cli._progress import running
    from contractline.settings import environment
    from contractline.stack.control import Stack

    with running(Stack(invocation.project, environment())):
        pass
