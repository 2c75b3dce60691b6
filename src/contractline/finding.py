"""Findings: what a check has to say about a contract or a running system, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NewType

RuleId = NewType("RuleId", str)


class Severity(StrEnum):
    """How much a finding weighs: an error fails a check, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Effect(StrEnum):
    """What becomes of records for one who reads them.

    ``breaks``: some are not read (in ClickHouse they lie in the errors); ``corrupts``: all are read,
    and some values as other ones; ``ok``: all are read as they are meant.
    """

    OK = "ok"
    BREAKS = "breaks"
    CORRUPTS = "corrupts"


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands in a text.

    Attributes:
        line: its line, counted from 1.
        column: the column of its first character, counted from 1; None where only the line is known.
        end_column: the column behind its last character, on the same line; None where that is not
            known, or where it goes on on the next line.
    """

    line: int
    column: int | None = None
    end_column: int | None = None

    def __str__(self) -> str:
        return str(self.line) if self.column is None else f"{self.line}:{self.column}"


TOP = Position(1)
"""Where a text begins."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        rule: the stable id of the rule, which says what it asks (``FIELD_HAS_DOC``).
        severity: error or warning.
        subject: whom it concerns: a contract, a topic, a registry subject, a table.
        message: what is wrong, in one sentence.
        hint: what to do about it; may be empty.
        file: the file that holds the mistake, where there is one.
        position: where in that file it is.
        path: the JSON path inside that file, such as ``$.fields[3].doc``.
        old: the earlier value, where the rule compares two.
        new: the value now.
        field: the field that it is about, with dots between nested names; empty where the path says
            it, or it is about none.
        effect: what becomes of records, where it is about that.
    """

    rule: RuleId
    severity: Severity
    subject: str
    message: str
    hint: str = ""
    file: Path | None = None
    position: Position | None = None
    path: str = ""
    old: object = None
    new: object = None
    field: str = ""
    effect: Effect | None = None

    @property
    def line(self) -> int | None:
        """Its line in the file, counted from 1."""
        return self.position.line if self.position else None

    def __str__(self) -> str:
        place = f"{placed(str(self.file), self.position)}: " if self.file else ""
        at = f" at {self.path}" if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.severity} {self.rule}: {self.subject}{at}: {self.message}{hint}"


def errors(findings: Sequence[Finding]) -> int:
    """Return how many findings are errors."""
    return sum(finding.severity is Severity.ERROR for finding in findings)


def counted(findings: Sequence[Finding]) -> str:
    """Return the number of findings in words, such as ``2 errors, 1 warning``."""
    numbers = {Severity.ERROR: errors(findings)}
    numbers[Severity.WARNING] = len(findings) - numbers[Severity.ERROR]
    words = [f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in numbers.items() if n]
    return ", ".join(words) or "nothing wrong"


def shown_path(file: Path | None, folder: Path) -> str:
    """Return a file as it is called from a folder, with forward slashes."""
    if file is None:
        return ""
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else str(file)


def placed(file: str, position: Position | None) -> str:
    """Return a place in a file as people and editors write it, such as ``value.avsc:3:14``."""
    return f"{file}:{position}" if position else file


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
        "column": finding.position.column if finding.position else None,
        "end_column": finding.position.end_column if finding.position else None,
        "path": finding.path or None,
        "old": finding.old,
        "new": finding.new,
    }
