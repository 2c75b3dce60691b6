"""``contractline apply``: bring the systems to their declared state."""

from __future__ import annotations

import click

from contractline.cli import Invocation
from contractline.cli._targets import (
    chosen,
    exit_code,
    show_findings,
    show_json,
    show_rest,
    show_step,
)


@click.command()
@click.argument("target", required=False)
@click.option("--prune", is_flag=True, help="Delete registered versions that no contract holds.")
@click.option("--to", type=click.Choice(["metabase"]), help="Where reports go: to Metabase.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(
    invocation: Invocation, target: str | None, prune: bool, to: str | None, as_json: bool
) -> int:
    """Bring TARGET, or all targets in their order, to the declared state.

    TARGET is topics, tables, schemas, postgres, connectors or reports (Metabase, where METABASE_URL
    is set). Each is planned when those before it are applied, and each step is printed once it is
    done. Exit code 0 when all is as declared, 1 when something is left that can't be done here, 2
    when something could not be told or done.
    """
    from contractline.contracts.load import load_contracts
    from contractline.settings import Endpoints
    from contractline.targets import apply_all

    names = chosen(target, prune=prune, to=to)
    project = invocation.project
    outcomes = []
    for outcome in apply_all(
        project,
        load_contracts(project),
        Endpoints.load(project),
        names,
        prune=prune,
        on_plan=lambda plan: None if as_json else show_findings(plan),
        on_step=lambda _, step: None if as_json else show_step(step),
        on_wait=lambda words: click.echo(words, err=True),
    ):
        outcomes.append(outcome)
        if not as_json:
            show_rest(outcome)
    if as_json:
        show_json(outcomes)
    return exit_code(outcomes)
