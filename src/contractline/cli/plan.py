"""``contractline plan``: what the systems differ in from their declared state."""

from __future__ import annotations

import click

from contractline.cli import Invocation
from contractline.cli._targets import chosen, exit_code, show_json, show_plan, show_rest


@click.command()
@click.argument("target", required=False)
@click.option("--prune", is_flag=True, help="Plan to delete versions that no contract holds.")
@click.option("--to", type=click.Choice(["metabase"]), help="Where reports go: to Metabase.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--diff", is_flag=True, help="With the SQL and JSON of each step.")
@click.pass_obj
def command(
    invocation: Invocation,
    target: str | None,
    prune: bool,
    to: str | None,
    as_json: bool,
    diff: bool,
) -> int:
    """Show what would be done to TARGET, or to all targets in their order, and do nothing.

    Each step is a line; --diff shows the SQL or the JSON of it too.

    TARGET is topics, tables, schemas, postgres, connectors or reports (Metabase, where METABASE_URL
    is set). A target that needs what an earlier one would bring says so. Exit code 0 when nothing
    differs, 1 when something does, 2 when it could not be told.
    """
    from contractline.contracts.load import load_contracts
    from contractline.settings import Endpoints
    from contractline.targets import plan_all

    names = chosen(target, prune=prune, to=to)
    project = invocation.project
    outcomes = []
    for outcome in plan_all(
        project, load_contracts(project), Endpoints.load(project), names, prune=prune
    ):
        outcomes.append(outcome)
        if as_json:
            continue
        if outcome.plan is not None:
            show_plan(outcome.plan, with_detail=diff)
        show_rest(outcome)
    if as_json:
        show_json(outcomes)
    return exit_code(outcomes)
