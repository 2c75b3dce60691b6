"""``contractline doctor``: what is wrong, how bad it is, since when, and what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contractline.doctor import Examined
    from contractline.doctor.problem import Patient, Problem


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write state and logs into this .tar.gz, for a bug report.",
)
@click.pass_obj
def command(invocation: Invocation, as_json: bool, bundle: Path | None) -> int:
    """Look at everything, and say what is wrong, since when, and what to do.

    It looks at the machine, the services, the contracts, what the systems differ in from them, whether
    each stream flows, PostgreSQL's replication slots, and whether records arrive as soon as the
    contracts promise. Nothing is changed.

    A bundle holds all that, versions, settings, connectors and the end of each log. Passwords and
    tokens are masked; logs may quote values of rows, so read them before you hand them on.

    Exit code 0 when no error was found (warnings do not count), 1 when one was.
    """
    from contractline.doctor import examine
    from contractline.doctor.problem import Patient
    from contractline.settings import environment

    patient = Patient(invocation.project, environment())
    examined = examine(patient)
    if bundle is not None:
        _write(patient, bundle, examined)
    if as_json:
        click.echo(json.dumps(_json(examined), indent=1, ensure_ascii=False))
    else:
        _show(examined)
    return int(any(problem.severity == "error" for one in examined for problem in one.problems))


def _show(examined: Sequence[Examined]) -> None:
    width = max(len(one.check) for one in examined)
    for one in examined:
        count = len(one.problems)
        words = "ok" if not count else f"{count} problem{'' if count == 1 else 's'}"
        click.echo(
            f"{one.check:<{width}}  {f'not looked at: {one.skipped}' if one.skipped else words}"
        )
    for one in examined:
        for problem in one.problems:
            colour = "red" if problem.severity == "error" else "yellow"
            click.echo()
            click.secho(f"{problem.severity} ({one.check}{_since(problem)})", fg=colour)
            click.echo(f"  {problem.message}")
            if problem.remedy:
                click.echo(f"  -> {problem.remedy}")


def _since(problem: Problem) -> str:
    if problem.since is None:
        return ""
    at = problem.since.replace(tzinfo=problem.since.tzinfo or UTC)
    minutes = int((datetime.now(UTC) - at).total_seconds() // 60)
    ago = f"{minutes} min" if minutes else "less than a minute"
    return f", since {at.astimezone():%H:%M:%S}, {ago}"


def _json(examined: Sequence[Examined]) -> dict[str, Any]:
    return {
        one.check: {
            "skipped": one.skipped or None,
            "problems": [
                {
                    "severity": problem.severity,
                    "message": problem.message,
                    "remedy": problem.remedy or None,
                    "since": problem.since and problem.since.isoformat(),
                }
                for problem in one.problems
            ],
        }
        for one in examined
    }


def _write(patient: Patient, file: Path, examined: Sequence[Examined]) -> None:
    from contractline.doctor.bundle import write

    services = {service.name: service.to_json() for service in patient.stack.status()}
    names = write(patient, file, {"doctor.json": _json(examined), "services.json": services})
    click.echo(f"wrote {file}: {', '.join(names)}", err=True)
    click.echo("logs may quote values of rows: read them before you hand them on", err=True)
