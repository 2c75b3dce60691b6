"""A report as people, programs and hosts of repositories read it: one module a format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contractline.gate.report import Report

FORMATS = ("text", "json", "github", "markdown", "sarif", "junit")
"""The formats: each is also the name of its module, whose ``render`` makes it."""


def rendered(report: Report, output: str) -> str:
    """Return a report in one of the formats, without a line end behind it."""
    text: str = import_module(f"{__name__}.{output}").render(report)
    return text
