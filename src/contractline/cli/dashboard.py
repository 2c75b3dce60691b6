"""``contractline dashboard``: the live page."""

from __future__ import annotations

import webbrowser

import click

from contractline.cli import Invocation

PORT = 18088
PASSWORD = "CONTRACTLINE_DASHBOARD_PASSWORD"  # noqa: S105 - the variable's name


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@click.pass_obj
def command(invocation: Invocation, host: str, port: int, opens: bool) -> None:
    """Show the dashboards of reports/ and the pipeline itself in a browser, live; until Ctrl-C.

    It listens on this machine only. Any other address needs a password, which the variable
    CONTRACTLINE_DASHBOARD_PASSWORD holds; with it set, readers here are asked for it too.
    """
    from contractline.dashboard.server import Listen, PasswordNeeded, is_loopback, serve
    from contractline.settings import environment

    password = environment().get(PASSWORD) or None
    if password is None and not is_loopback(host):
        raise PasswordNeeded(host, PASSWORD)

    def ready(url: str) -> None:
        click.echo(f"the page is at {url}")
        if opens:
            webbrowser.open(url)

    serve(invocation.project, Listen(host, port, password), ready, _say)


def _say(line: str) -> None:
    click.echo(line, err=True)
