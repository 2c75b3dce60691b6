"""``contractline rebuild``: load everything that a stream's topic holds into its tables again."""

from __future__ import annotations

import click

from contractline.cli import INTERRUPTED, Invocation


@click.command()
@click.argument("stream")
@click.option(
    "--batch",
    type=click.IntRange(1, 1_000_000),
    default=50_000,
    show_default=True,
    help="Messages of an INSERT.",
)
@click.option("--json", "as_json", is_flag=True, help="The account as JSON.")
@click.pass_obj
def command(invocation: Invocation, stream: str, batch: int, as_json: bool) -> int:
    """Read the topic of STREAM from its beginning to its present end into the stream's tables.

    The Kafka engine may go on reading, and the tables may be full: a message that is there already
    stays one row. What can't be decoded goes to the errors.

    Exit code 0 when every message could be read, 1 when some could not, 2 when it could not be
    told, 130 when it was interrupted; it can be run again.
    """
    from contractline.cli._loading import loading
    from contractline.recovery.rebuild import rebuild_stream
    from contractline.settings import Endpoints

    endpoints = Endpoints.load(invocation.project)
    result = loading(lambda shown, stop: rebuild_stream(endpoints, stream, shown, stop, most=batch))
    click.echo(result.to_json() if as_json else str(result))
    if result.stopped:
        return INTERRUPTED
    return 1 if result.errors else 0
