"""Findings as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from contractline.finding import Finding
from contractline.gate.reports.text import finding_lines


def show(findings: Sequence[Finding], root: Path) -> None:
    """Print each finding: where, what, and below it what to do."""
    for finding in findings:
        for line in finding_lines(finding, root):
            click.echo(line)
