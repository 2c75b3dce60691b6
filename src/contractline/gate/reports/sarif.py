"""A report as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from contractline.finding import Finding
from contractline.gate.report import Report, Waived
from contractline.rules.laws import LAWS
from contractline.rules.rule import Law

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "CHECKOUT"


def render(report: Report) -> str:
    """Return the report as a SARIF log of one run."""
    found = [_result(report, one) for one in report.findings]
    found += [_waived(report, one) for one in report.waived]
    named = {one["ruleId"] for one in found}
    run = {
        "tool": {
            "driver": {
                "name": "contractline",
                "version": version("contractline"),
                "rules": [_rule(law) for law in LAWS if law.id in named],
            }
        },
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": found,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _rule(law: Law) -> dict[str, Any]:
    return {
        "id": law.id,
        "shortDescription": {"text": law.law},
        "help": {"text": law.page},
        "defaultConfiguration": {"level": law.severity},
        "properties": {"category": law.category},
    }


def _result(report: Report, finding: Finding) -> dict[str, Any]:
    hint = f"\n{finding.hint}" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": f"{finding.subject}: {finding.message}{hint}"},
        "partialFingerprints": {"contractline/v1": _fingerprint(report, finding)},
    }
    if finding.file is not None:
        result["locations"] = [_location(report, finding)]
    return result


def _waived(report: Report, waived: Waived) -> dict[str, Any]:
    waiver = waived.waiver
    words = f"{waiver.reason} ({waiver.approver}, until {waiver.expires})"
    suppression = {"kind": "external", "status": "accepted", "justification": words}
    return _result(report, waived.finding) | {"suppressions": [suppression]}


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    place = report.place_in_repository(finding.file)
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": quote(place), "uriBaseId": _ROOT},
        "region": {"startLine": finding.line or 1},
    }
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return location


def _fingerprint(report: Report, finding: Finding) -> str:
    """Return what stays the same of a finding when lines move."""
    facts = (
        finding.rule,
        finding.subject,
        report.place_in_repository(finding.file),
        finding.message,
    )
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]
