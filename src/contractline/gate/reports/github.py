"""A report as GitHub's workflow commands: an annotation on each line that a finding is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from contractline.finding import Finding, Position, Severity
from contractline.gate.report import Report, counted_with

MAX_ANNOTATIONS = 10
"""So many of each kind a step shows; the runner writes the others into its log alone."""


def render(report: Report) -> str:
    """Return the report as lines that a GitHub Actions runner turns into annotations."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    if cut := [*_cut(report)]:
        words = f"{' and '.join(cut)} are annotated: the log of this step holds all"
        yield command("notice", {"title": "contractline"}, words)
    for finding in _ranked(report.findings):
        yield _annotation(report, finding.severity, finding, finding.hint)
    for waived in report.waived:
        waiver = waived.waiver
        words = f"waived until {waiver.expires} by {waiver.approver}: {waiver.reason}"
        yield _annotation(report, "notice", waived.finding, words)
    against = f" against {report.base}" if report.base else f" ({report.no_base})"
    yield _data(f"contractline{against}: {counted_with(report.findings, report.waived)}")


def _ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return errors before warnings, and of each something of every rule first: ten are shown."""
    seen: Counter[str] = Counter()
    ranks: list[tuple[bool, int]] = []
    for one in findings:
        seen[one.rule] += 1
        ranks.append((one.severity is not Severity.ERROR, seen[one.rule]))
    order = sorted(range(len(findings)), key=ranks.__getitem__)
    return [findings[position] for position in order]


def _cut(report: Report) -> Iterator[str]:
    """Yield the kinds of annotations of which a step does not show all."""
    number = Counter(finding.severity.value for finding in report.findings)
    for kind, count in {**number, "waived finding": len(report.waived)}.items():
        if count > MAX_ANNOTATIONS:
            yield f"{MAX_ANNOTATIONS} of {count} {kind}s"


def command(name: str, properties: Mapping[str, object], data: str) -> str:
    """Return a workflow command; a property without a value is left out."""
    written = ((key, str(value)) for key, value in properties.items() if value)
    shown = ",".join(f"{key}={_property(value)}" for key, value in written)
    return f"::{name} {shown}::{_data(data)}"


def _annotation(report: Report, name: str, finding: Finding, more: str) -> str:
    values = {
        "file": report.place_in_repository(finding.file),
        **(_region(finding.position) if finding.file and finding.position else {}),
        "title": f"{finding.rule}: {finding.subject}",
    }
    at = f" ({finding.path})" if finding.path not in ("", "$") else ""
    message = f"{finding.message}{at}" + (f"\n{more}" if more else "")
    return command(name, values, message)


def _region(position: Position) -> dict[str, int | None]:
    end = position.end_column
    # GitHub names the last column, not the one behind it.
    return {"line": position.line, "col": position.column, "endColumn": end and end - 1}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
