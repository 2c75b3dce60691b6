"""A report as the one comment of a pull request, which the next check replaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contractline.finding import Effect, Finding
from contractline.gate.report import (
    Report,
    StreamReport,
    Verdict,
    Waived,
    counted_with,
)
from contractline.markdown import block, code, prose
from contractline.rules.registry import MENDED_BY_COMMAND

MARKER = "<!-- contractline check -->"
"""The first line of the comment, by which the next check finds it."""

MAX_BYTES = 65_000
"""GitHub takes 65,536 characters, and a host may add to them."""

_SIGNS = {Effect.OK: "✅", Effect.BREAKS: "❌", Effect.CORRUPTS: "🛑"}


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much of each part is shown."""

    items: int
    ddl_lines: int
    words: int


_LIMITS = (
    _Limits(200, 400, 600),
    _Limits(50, 120, 300),
    _Limits(20, 40, 200),
    _Limits(5, 0, 120),
    _Limits(1, 0, 80),
)


def render(report: Report) -> str:
    """Return the comment: as much of the report as fits."""
    for limits in _LIMITS:
        parts, is_whole = _fitting(report, limits)
        if is_whole:
            break
    if not is_whole:
        parts.append("And more streams: see the job's log.")
    return "\n\n".join(parts) + "\n"


def _fitting(report: Report, limits: _Limits) -> tuple[list[str], bool]:
    """Return the parts that fit, and whether these are all."""
    parts = list(_head(report))
    size = sum(len(part.encode(errors="backslashreplace")) + 2 for part in parts)
    for section in _sections(report, limits):
        size += len(section.encode(errors="backslashreplace")) + 2
        if size > MAX_BYTES:
            return parts, False
        parts.append(section)
    return parts, True


def _sections(report: Report, limits: _Limits) -> Iterator[str]:
    for stream in report.streams:
        if parts := list(_stream(report, stream, limits)):
            yield "\n\n".join(parts)
    if report.proof is not None:
        yield "\n\n".join(["### Replay proof", *_items(report.proof, limits)])


def _head(report: Report) -> Iterator[str]:
    failed = report.exit_code != 0
    yield f"{MARKER}\n## {'❌' if failed else '✅'} Contracts: {_title(report)}"
    against = f"Compared with {code(report.base)}." if report.base else f"{prose(report.no_base)}."
    yield f"{against} {_result(report)}"
    if dangers := [line for stream in report.changed for line in _dangers(stream)]:
        yield "\n".join(dangers[:_MAX_DANGERS])


def _dangers(stream: StreamReport) -> Iterator[str]:
    """Say for whom a change is not safe, so that nobody has to look for it."""
    for outcome in (Effect.CORRUPTS, Effect.BREAKS):
        readers = [verdict.reader for verdict in stream.verdicts if verdict.outcome is outcome]
        if readers:
            who = " and ".join(filter(None, (", ".join(readers[:-1]), readers[-1])))
            yield f"- {_SIGNS[outcome]} {code(stream.name)}: {_DANGERS[outcome]} by {who}"


_MAX_DANGERS = 20
_DANGERS = {
    Effect.CORRUPTS: "values are read as other ones, without any error,",
    Effect.BREAKS: "records can't be read",
}


def _title(report: Report) -> str:
    if report.failures:
        return "this change can't be merged as it is"
    if report.findings or report.waived or any(map(_is_harmful, report.changed)):
        return "this change can be merged"
    return "this change is safe" if report.changed else "nothing changes"


def _is_harmful(stream: StreamReport) -> bool:
    return any(verdict.outcome is not Effect.OK for verdict in stream.verdicts)


def _result(report: Report) -> str:
    return f"{counted_with(report.findings, report.waived).capitalize()}."


def _stream(report: Report, stream: StreamReport, limits: _Limits) -> Iterator[str]:
    if not (stream.is_changed or stream.findings or stream.waived):
        return
    yield f"### {prose(stream.name)}" + (f" ({stream.state})" if stream.is_changed else "")
    if stream.difference and stream.difference.words:
        yield from _items(stream.difference.words, limits)
    if stream.verdicts:
        yield _table(("reader", "verdict", "why"), [_verdict(v, limits) for v in stream.verdicts])
    if stream.findings:
        rows = [*_findings(report, stream.findings, limits)]
        yield _table(("", "rule", "what, and what to do", "where"), rows)
    if stream.waived:
        yield "**Agreed to**"
        rows = [_waived(report, one, limits) for one in stream.waived]
        yield _table(("rule", "what", "why", "who, until when", "readers"), rows, limits)
    if stream.impact:
        yield "**Who reads what changed**"
        yield from _items(stream.impact, limits)
    if stream.ddl:
        yield _details("ClickHouse: what changes in the SQL", _cut_lines(stream.ddl, limits))
    if stream.rollout:
        yield "**After the merge**"
        steps = (f"{prose(step.action)}: {prose(step.why)}" for step in stream.rollout)
        yield "\n".join(f"{number}. {words}" for number, words in enumerate(steps, 1))


def _verdict(verdict: Verdict, limits: _Limits) -> tuple[str, ...]:
    promise = f" (not promised by {verdict.promise})" if verdict.promise else ""
    reasons = "<br>".join(_words(reason, limits) for reason in verdict.reasons)
    return (verdict.reader, f"{_SIGNS[verdict.outcome]} {verdict.outcome}{promise}", reasons)


def _findings(
    report: Report, findings: Sequence[Finding], limits: _Limits
) -> Iterator[tuple[str, ...]]:
    """Yield the findings, where there are many no more of each rule than leaves room for others."""
    number = Counter(one.rule for one in findings)
    each = len(findings) if len(findings) <= limits.items else limits.items // len(number) or 1
    seen: Counter[str] = Counter()
    for one in sorted(findings, key=lambda one: _weight(report, one)):
        seen[one.rule] += 1
        if seen[one.rule] <= each:
            yield _finding(report, one, limits)
        elif seen[one.rule] == number[one.rule]:
            words = f"and {number[one.rule] - each} more: see the job's log"
            yield _sign(report, one), code(one.rule), words, ""


def _weight(report: Report, finding: Finding) -> int:
    """What a person must think about comes before what one command mends, and warnings last."""
    if not report.fails(finding):
        return 2
    return 1 if finding.rule in MENDED_BY_COMMAND else 0


def _finding(report: Report, finding: Finding, limits: _Limits) -> tuple[str, ...]:
    hint = f"<br>{_words(finding.hint, limits)}" if finding.hint else ""
    what = f"{_words(finding.message, limits)}{hint}"
    return (_sign(report, finding), code(finding.rule), what, _place(report, finding))


def _sign(report: Report, finding: Finding) -> str:
    return "❌" if report.fails(finding) else "⚠️"


def _waived(report: Report, waived: Waived, limits: _Limits) -> tuple[str, ...]:
    finding, waiver = waived.finding, waived.waiver
    return (
        code(finding.rule),
        _words(finding.message, limits),
        _words(waiver.reason, limits),
        f"{prose(waiver.approver)}, {waiver.expires}",
        _words(str(waiver.migration), limits),
    )


def _place(report: Report, finding: Finding) -> str:
    file = report.place(finding.file)
    return code(f"{file}:{finding.line}" if finding.line else file)


def _table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], limits: _Limits | None = None
) -> str:
    kept = rows[: limits.items] if limits else rows
    lines = [headings, ["---"] * len(headings), *kept]
    if more := len(rows) - len(kept):
        lines.append([*[""] * (len(headings) - 1), f"and {more} more: see the job's log"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _items(words: Sequence[str], limits: _Limits) -> Iterator[str]:
    lines = [f"- {_words(one, limits)}" for one in words[: limits.items]]
    if more := len(words) - len(lines):
        lines.append(f"- and {more} more")
    yield "\n".join(lines)


def _details(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{block(text, 'diff')}\n\n</details>"


def _cut_lines(text: str, limits: _Limits) -> str:
    lines = text.splitlines()
    kept = [_cut(line, limits.words) for line in lines[: limits.ddl_lines]]
    more = len(lines) - len(kept)
    return "\n".join([*kept, f"… {more} more lines"] if more else kept)


def _words(words: str, limits: _Limits) -> str:
    return prose(_cut(words, limits.words))


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else f"{words[: length - 1]}…"
