"""A report for programs: one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from contractline.finding import values as finding_values
from contractline.gate.report import Report, StreamReport, Waived


def render(report: Report) -> str:
    """Return the report as JSON."""
    values = {
        "against": report.base or None,
        "no_base": report.no_base or None,
        "fail_on": report.fail_on,
        "failed": bool(report.failures),
        "findings": [finding_values(one, report.root) for one in report.findings],
        "waived": [_waived(report, one) for one in report.waived],
        "streams": [_stream(one) for one in report.streams],
        "proof": report.proof,
    }
    return json.dumps(values, ensure_ascii=False, indent=2, default=str)


def _waived(report: Report, waived: Waived) -> dict[str, Any]:
    waiver = waived.waiver
    return finding_values(waived.finding, report.root) | {
        "waiver": {
            "file": report.place(waiver.file),
            "line": waiver.position.line,
            "reason": waiver.reason,
            "approver": waiver.approver,
            "expires": waiver.expires,
            "migration": str(waiver.migration),
        }
    }


def _stream(stream: StreamReport) -> dict[str, Any]:
    return {
        "name": stream.name,
        "state": stream.state,
        "difference": asdict(stream.difference) if stream.difference else None,
        "verdicts": [asdict(one) for one in stream.verdicts],
        "ddl": stream.ddl,
        "impact": stream.impact,
        "rollout": [asdict(one) for one in stream.rollout],
    }
