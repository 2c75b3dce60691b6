"""Findings as people and programs read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from contractline.finding import Finding, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def errors(findings: Sequence[Finding]) -> int:
    """Return how many findings fail a check."""
    return sum(finding.severity is Severity.ERROR for finding in findings)


def counted(findings: Sequence[Finding]) -> str:
    """Return the number of findings in words, such as ``2 errors, 1 warning``."""
    numbers = {Severity.ERROR: errors(findings)}
    numbers[Severity.WARNING] = len(findings) - numbers[Severity.ERROR]
    words = [f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in numbers.items() if n]
    return ", ".join(words) or "nothing wrong"


def show(findings: Sequence[Finding], root: Path) -> None:
    """Print each finding: where, what, and below it what to do."""
    for finding in findings:
        place = shown_path(finding.file, root)
        if finding.line:
            place += f":{finding.line}"
        severity = click.style(finding.severity, fg=COLOURS[finding.severity], bold=True)
        at = f" at {finding.path}" if finding.path not in ("", "$") else ""
        click.echo(f"{place}: {severity} {finding.rule}{at}: {finding.message}")
        if finding.hint:
            click.echo(f"    {finding.hint}")


def as_json(findings: Sequence[Finding], root: Path) -> str:
    """Return the findings as one JSON document."""
    found = [values(finding, root) for finding in findings]
    return json.dumps({"findings": found}, ensure_ascii=False, indent=2, default=str)


def shown_path(file: Path | None, root: Path) -> str:
    """Return a file as it is called from the checkout's root, with forward slashes."""
    if file is None:
        return ""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def values(finding: Finding, root: Path) -> dict[str, Any]:
    """Return a finding as JSON holds it."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "subject": finding.subject,
        "message": finding.message,
        "hint": finding.hint,
        "file": shown_path(finding.file, root) or None,
        "line": finding.line,
        "path": finding.path or None,
        "old": finding.old,
        "new": finding.new,
    }
