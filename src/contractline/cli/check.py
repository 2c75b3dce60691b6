"""``contractline check``: whether what the checkout declares, and how it changes, keeps the rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.finding import Severity
from contractline.gate.reports import FORMATS
from contractline.signals import sigterm_interrupts

if TYPE_CHECKING:
    from contractline.gate.report import Report


class _Output(click.ParamType[tuple[str, Path]]):
    """A format and a file, written ``format=file``."""

    name = "format=file"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        output, _, file = value.partition("=")
        if output not in FORMATS or not file:
            self.fail(f"`{value}` is not format=file; formats: {', '.join(FORMATS)}", param, ctx)
        return output, Path(file)


@click.command()
@click.argument("what", type=click.Choice(["contracts", "reports"]), required=False)
@click.option(
    "--against",
    metavar="BASE",
    help="A git ref, a folder, or `registry` for the running one. Without it: where this branch"
    " left the default branch, or what the pull request is against.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--write",
    "files",
    type=_Output(),
    metavar="FORMAT=FILE",
    multiple=True,
    help="Write another format into a file as well; may be repeated.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="The least that makes the exit code 1.",
)
@click.option(
    "--prove",
    is_flag=True,
    help="Try the streams that changed on the real engine as well; all, when none did.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    what: str | None,
    against: str | None,
    output: str,
    files: tuple[tuple[str, Path], ...],
    fail_on: str,
    prove: bool,
) -> int:
    """Check the contracts and what changed in them, offline.

    Each mistake is reported with its rule, file, line, path and what to do. `check contracts`
    looks at the contracts as they are and compares nothing. `check reports` tries every question of
    reports/ on the packaged engine, on empty and filled tables. Exit code 0 when there is nothing
    wrong (warnings aside), 1 when there is, 2 when the check could not be made.
    """
    from contractline.gate.reports import rendered

    if what == "reports":
        if against is not None or prove or files or output not in ("text", "json"):
            raise click.UsageError("`check reports` takes no option but --format text or json")
        return _check_reports(invocation, output)

    report = _report(invocation, what, against, Severity(fail_on), prove=prove)
    for written, file in files:
        _write(file, rendered(report, written))
    click.echo(rendered(report, output))
    return report.exit_code


def _report(
    invocation: Invocation, what: str | None, against: str | None, fail_on: Severity, *, prove: bool
) -> Report:
    from datetime import UTC, datetime

    from contractline.cli._fetching import provide_library
    from contractline.gate.check import check, check_contracts
    from contractline.settings import environment

    project, today = invocation.project, datetime.now(UTC).date()
    if what == "contracts":
        if against is not None or prove:
            raise click.UsageError("`check contracts` looks at contracts alone: leave the word out")
        return check_contracts(project, today=today, fail_on=fail_on)
    with sigterm_interrupts():
        if prove:
            provide_library()
        return check(project, against, environment(), today=today, fail_on=fail_on, prove=prove)


def _check_reports(invocation: Invocation, output: str) -> int:
    import json

    from contractline.cli._fetching import provide_library
    from contractline.cli._findings import show
    from contractline.finding import counted, errors, values
    from contractline.reports.check import check_reports

    root = invocation.project.root
    with sigterm_interrupts():
        provide_library()
        checked = check_reports(invocation.project)
    if output == "json":
        findings = [values(finding, root) for finding in checked.findings]
        whole = {
            "questions": checked.questions,
            "queries": checked.queries,
            "findings": findings,
        }
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2, default=str))
    else:
        show(checked.findings, root)
        tried = f"{checked.questions} questions, {checked.queries} queries"
        click.echo(f"{tried}: {counted(checked.findings)}")
    return 1 if errors(checked.findings) else 0


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(f"{text.rstrip()}\n", encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        raise click.FileError(str(file), problem.strerror or str(problem)) from problem
