"""A report as SARIF 2.1.0, with what GitHub's code scanning wants of it besides."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from contractline.contracts.draft import ODCS_FILE
from contractline.finding import TOP, Finding, Position, Severity
from contractline.gate.report import Report, Waived
from contractline.project import Project
from contractline.rules.by_id import RULES
from contractline.rules.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

MAX_RESULTS = 25_000
"""Code scanning refuses a file with more. It shows 5,000 of them, errors first."""

_ROOT = "%SRCROOT%"


def render(report: Report) -> str:
    """Return the report as a SARIF log of one run."""
    found = sorted(report.findings, key=lambda one: one.severity is not Severity.ERROR)
    results = [_result(report, one) for one in found]
    results += [_waived(report, one) for one in report.waived]
    results = results[:MAX_RESULTS]
    _number(results)
    named = {one["ruleId"] for one in results}
    run = {
        "tool": {
            "driver": {
                "name": "contractline",
                "version": version("contractline"),
                "rules": [_rule(rule) for rule in RULES if rule.id in named],
            }
        },
        # Of several projects in a repository each has its own alerts.
        "automationDetails": {"id": f"contractline/{_folder(report)}"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.page},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule.category], "problem.severity": rule.severity},
    }


def _result(report: Report, finding: Finding) -> dict[str, Any]:
    hint = f"\n{finding.hint}" if finding.hint else ""
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": f"{finding.subject}: {finding.message}{hint}"},
        "partialFingerprints": {_FINGERPRINT: _fingerprint(report, finding)},
        "locations": [_location(report, finding)],
    }


def _waived(report: Report, waived: Waived) -> dict[str, Any]:
    """Return a finding that somebody agreed to: code scanning reads the level, not the agreement."""
    waiver = waived.waiver
    words = f"{waiver.reason} ({waiver.approver}, until {waiver.expires})"
    suppression = {"kind": "external", "status": "accepted", "justification": words}
    return _result(report, waived.finding) | {"level": "note", "suppressions": [suppression]}


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    """Return where a finding is: code scanning refuses a file with one that is nowhere."""
    file = finding.file or Project(report.root).contracts / finding.subject / ODCS_FILE
    place = report.place_in_repository(file)
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": quote(place, errors="surrogateescape"), "uriBaseId": _ROOT},
        "region": _region(finding.position or TOP),
    }
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return location


def _region(position: Position) -> dict[str, int]:
    values = {
        "startLine": position.line,
        "startColumn": position.column,
        "endColumn": position.end_column,
    }
    return {name: value for name, value in values.items() if value is not None}


def _folder(report: Report) -> str:
    folder = report.place_in_repository(report.root)
    return "" if folder == "." else f"{folder}/"


_FINGERPRINT = "primaryLocationLineHash"
"""The one fingerprint that code scanning knows a result by."""


def _fingerprint(report: Report, finding: Finding) -> str:
    """Return what stays the same of a finding when lines move."""
    facts = (
        finding.rule,
        finding.subject,
        report.place_in_repository(finding.file),
        finding.message,
    )
    return hashlib.sha256("\0".join(facts).encode(errors="backslashreplace")).hexdigest()[:32]


def _number(results: list[dict[str, Any]]) -> None:
    """Tell results of one fingerprint apart by their number among them."""
    seen: Counter[str] = Counter()
    for one in results:
        fingerprint = one["partialFingerprints"][_FINGERPRINT]
        seen[fingerprint] += 1
        one["partialFingerprints"][_FINGERPRINT] = f"{fingerprint}:{seen[fingerprint]}"
