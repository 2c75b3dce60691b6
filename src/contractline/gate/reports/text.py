"""A report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from contractline.finding import Effect, Finding, Severity, placed, shown_path
from contractline.gate.report import Report, StreamReport, StreamState, Verdict, counted_with

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_OUTCOMES = {Effect.OK: "green", Effect.BREAKS: "red", Effect.CORRUPTS: "red"}


def render(report: Report) -> str:
    """Return the report, with colours: whoever prints it leaves them out where none are shown."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    for stream in report.streams:
        yield from _stream(report, stream)
    for line in report.proof or ():
        yield f"proof: {line}"
    gone = (StreamState.REMOVED, StreamState.UNCONTRACTED)
    known = sum(stream.state not in gone for stream in report.streams)
    against = f" against {report.base}" if report.base else ""
    yield f"{known} contracts{against}: {counted_with(report.findings, report.waived)}"
    if report.no_base:
        yield f"{report.no_base}, so no change was looked at: name a base with --against"


def _stream(report: Report, stream: StreamReport) -> Iterator[str]:
    if stream.is_changed:
        yield click.style(f"{stream.name} is {stream.state}", bold=True)
        yield from (
            f"    {words}" for words in (stream.difference.words if stream.difference else ())
        )
        yield from (line for verdict in stream.verdicts for line in _verdict(verdict))
        yield from (f"    reads it: {place}" for place in stream.impact)
        if stream.rollout:
            yield "    after the merge:"
        yield from (
            f"    {number}. {step.action}: {step.why}"
            for number, step in enumerate(stream.rollout, 1)
        )
    for finding in stream.findings:
        yield from finding_lines(finding, report.root)
    for waived in stream.waived:
        until = f"waived until {waived.waiver.expires} by {waived.waiver.approver}"
        yield from finding_lines(waived.finding, report.root, until, waived.waiver.reason)


def _verdict(verdict: Verdict) -> Iterator[str]:
    outcome = click.style(verdict.outcome, fg=_OUTCOMES[verdict.outcome])
    promise = f" ({verdict.promise} does not promise it)" if verdict.promise else ""
    for reason in verdict.reasons:
        yield f"    {verdict.reader}: {outcome}{promise}: {reason}"


def finding_lines(
    finding: Finding, root: Path, waived: str = "", reason: str = ""
) -> Iterator[str]:
    """Yield a finding: where and what, and below it what to do.

    Args:
        finding: the finding.
        root: the checkout, from which files are called.
        waived: stands for the severity of a finding that somebody agreed to.
        reason: stands for what to do about it.
    """
    place = placed(shown_path(finding.file, root) or finding.subject, finding.position)
    severity = (
        click.style(waived, dim=True)
        if waived
        else click.style(finding.severity, fg=COLOURS[finding.severity], bold=True)
    )
    at = f" at {finding.path}" if finding.path not in ("", "$") else ""
    yield f"{place}: {severity} {finding.rule}{at}: {finding.message}"
    if reason or finding.hint:
        yield f"    {reason or finding.hint}"
