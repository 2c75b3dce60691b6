"""What commands about targets have in common: their arguments, and how outcomes are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from contractline.plan import Change

if TYPE_CHECKING:
    from contractline.debezium.config import CapturedStream
    from contractline.finding import Finding
    from contractline.plan import Plan, Step
    from contractline.project import Project
    from contractline.targets import Outcome

COLOURS = {
    Change.CREATE: "green",
    Change.ALTER: "yellow",
    Change.RECREATE: "yellow",
    Change.REMOVE: "red",
    Change.RESTART: "cyan",
}
_INDENT = "      "


def chosen(name: str | None, *, prune: bool, to: str | None = None) -> tuple[str, ...] | None:
    """Return the targets that an invocation is about; None for all.

    Raises:
        UsageError: there is no such target, or ``--prune`` or ``--to`` does not concern it.
    """
    from contractline.targets import TARGETS

    if name is not None and name not in TARGETS:
        raise click.UsageError(f"no target {name!r}; the targets are {', '.join(TARGETS)}")
    if prune and name not in {None, "schemas"}:
        raise click.UsageError("--prune concerns only the target schemas")
    if to is not None and name != "reports":
        raise click.UsageError("--to concerns only the target reports")
    return None if name is None else (name,)


def captured(project: Project, names: Sequence[str]) -> list[CapturedStream]:
    """Return the streams of captured tables that an invocation names; all of them without a name.

    Raises:
        UsageError: no contract of a captured table is called so.
        ContractsInvalid: the contracts can't be loaded.
    """
    from contractline.contracts.load import load_contracts
    from contractline.debezium.config import streams_of

    known = {s.contract.name: s for s in streams_of(load_contracts(project))}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(
            f"no contract of a PostgreSQL table is called {', '.join(unknown)};"
            f" there are: {', '.join(known) or 'none'}"
        )
    return [known[name] for name in names or known]


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Return the exit code of several outcomes: the worst of theirs."""
    return max((outcome.exit_code for outcome in outcomes), default=0)


def show_plan(plan: Plan, *, with_detail: bool) -> None:
    """Print a plan: what differs, and what can't be changed."""
    show_findings(plan)
    for step in plan.steps:
        show_step(step)
        if with_detail and step.detail:
            click.echo(_indented(step.detail))


def show_findings(plan: Plan) -> None:
    """Print a target's name, and what its plan does not change."""
    click.secho(plan.target, bold=True)
    if not plan.steps and not plan.findings:
        click.echo("  nothing to do")
    for finding in plan.findings:
        _show_finding(finding)


def show_step(step: Step) -> None:
    """Print one step in a line."""
    change = click.style(step.change, fg=COLOURS[step.change])
    click.echo(f"  {change} {step.subject}: {step.summary}")


def show_rest(outcome: Outcome) -> None:
    """Print what an outcome leaves over: an error, or differences after the steps."""
    if outcome.error is not None:
        if outcome.plan is None:
            click.secho(outcome.target, bold=True)
        click.secho(f"  could not: {outcome.error}", fg="red")
        if outcome.error.hint:
            click.echo(f"{_INDENT}{outcome.error.hint}")
    elif outcome.left is not None and not outcome.left.is_clean:
        click.echo("  still differs:")
        for step in outcome.left.steps:
            show_step(step)
        for finding in outcome.left.refusals:
            _show_finding(finding)


def show_json(outcomes: Iterable[Outcome]) -> None:
    """Print outcomes for programs."""
    targets = [_outcome(outcome) for outcome in outcomes]
    click.echo(json.dumps({"targets": targets}, indent=1, ensure_ascii=False))


def _outcome(outcome: Outcome) -> dict[str, Any]:
    last = outcome.left or outcome.plan
    return {
        "target": outcome.target,
        "exit_code": outcome.exit_code,
        "steps": [_step(step) for step in outcome.plan.steps] if outcome.plan else [],
        "done": [_step(step) for step in outcome.done],
        "findings": [_finding(finding) for finding in last.findings] if last else [],
        "error": str(outcome.error) if outcome.error else None,
    }


def _step(step: Step) -> dict[str, str]:
    return {
        "change": step.change,
        "subject": step.subject,
        "summary": step.summary,
        "detail": step.detail,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "subject": finding.subject,
        "message": finding.message,
        "hint": finding.hint,
    }


def _show_finding(finding: Finding) -> None:
    colour = "red" if finding.severity == "error" else "yellow"
    rule = click.style(finding.rule, fg=colour)
    click.echo(f"  {finding.severity} {rule} {finding.subject}: {finding.message}")
    if finding.hint:
        click.echo(f"{_INDENT}-> {finding.hint}")


def _indented(text: str) -> str:
    return "\n".join(f"{_INDENT}{line}" for line in text.rstrip().splitlines())
