"""``contractline mcp``: the reports and contracts for assistants."""

from __future__ import annotations

import click

from contractline.cli import Invocation


@click.command()
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Let an assistant read reports and contracts, by the Model Context Protocol.

    It speaks over standard input and output, so the assistant's program starts it. It reads with the
    account for reports, within that account's limits, and writes nothing.
    """
    from contractline.mcp.server import server

    server(invocation.project).run("stdio")
