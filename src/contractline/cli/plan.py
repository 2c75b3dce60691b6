"""``contractline plan``: what the systems differ in from their declared state."""

from __future__ import annotations

import click

from contractline.cli import Invocation
from contractline.cli._targets import chosen, exit_code, show_json, show_plan, show_rest


@click.command()
@click.argument("target", required=False)
@click.option("--prune", is_flag=True, help="Plan to delete versions that no contract holds.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--brief", is_flag=True, help="Without the SQL and JSON of the steps.")
@click.pass_obj
def command(
    invocation: Invocation, target: str | None, prune: bool, as_json: bool, brief: bool
) -> int:
    """Show what would be done to TARGET, or to all targets in their order, and do nothing.

    TARGET is topics, tables, schemas, postgres or connectors. A target that needs what an earlier
    one would bring says so. Exit code 0 when nothing differs, 1 when something does, 2 when it
    could not be told.
    """
    from contractline.contracts.load import load_contracts
    from contractline.settings import Endpoints
    from contractline.targets import plan_all

    names = chosen(target, prune=prune)
    project = invocation.project
    outcomes = []
    for outcome in plan_all(
        project, load_contracts(project), Endpoints.load(project), names, prune=prune
    ):
        outcomes.append(outcome)
        if as_json:
            continue
        if outcome.plan is not None:
            show_plan(outcome.plan, with_detail=not brief)
        show_rest(outcome)
    if as_json:
        show_json(outcomes)
    return exit_code(outcomes)
