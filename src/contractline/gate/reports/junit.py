"""A report as JUnit XML, which GitLab and Jenkins read: a test case for each contract and category."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from contractline.finding import Finding, placed
from contractline.gate.report import Report, StreamReport
from contractline.rules.by_id import RULES

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CATEGORIES = {rule.id: rule.category for rule in RULES}


def render(report: Report) -> str:
    """Return the report as XML."""
    suites = ET.Element("testsuites", name="contractline")
    for stream in report.streams:
        suites.append(_suite(report, stream))
    _count(suites, suites.iter("testcase"))
    ET.indent(suites)
    declaration = '<?xml version="1.0" encoding="utf-8"?>\n'
    return declaration + ET.tostring(suites, encoding="unicode")


def _suite(report: Report, stream: StreamReport) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(stream.name))
    found = [*stream.findings, *(waived.finding for waived in stream.waived)]
    for category in sorted({*_CATEGORIES.values(), *(_category(one) for one in found)}):
        suite.append(_case(report, stream, category))
    _count(suite, suite)
    return suite


def _case(report: Report, stream: StreamReport, category: str) -> ET.Element:
    case = ET.Element("testcase", classname=_text(f"contracts.{stream.name}"), name=category)
    own = [finding for finding in stream.findings if _category(finding) == category]
    failing = [finding for finding in own if report.fails(finding)]
    if failing:
        message = "; ".join(f"{finding.rule}: {finding.message}" for finding in failing)
        failure = ET.SubElement(case, "failure", type=failing[0].rule, message=_text(message))
        failure.text = _text("\n".join(_line(report, finding) for finding in failing))
        if failing[0].file is not None:
            case.set("file", _text(report.place_in_repository(failing[0].file)))
    passing = [_line(report, finding) for finding in own if finding not in failing]
    passing += [
        f"waived until {one.waiver.expires} by {one.waiver.approver}: {_line(report, one.finding)}"
        for one in stream.waived
        if _category(one.finding) == category
    ]
    if passing:
        ET.SubElement(case, "system-out").text = _text("\n".join(passing))
    return case


def _count(parent: ET.Element, cases: Iterable[ET.Element]) -> None:
    listed = list(cases)
    failed = sum(case.find("failure") is not None for case in listed)
    parent.set("tests", str(len(listed)))
    parent.set("failures", str(failed))
    parent.set("errors", "0")


def _line(report: Report, finding: Finding) -> str:
    at = placed(report.place_in_repository(finding.file), finding.position)
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{at}: {finding.severity} {finding.rule}: {finding.message}{hint}"


def _category(finding: Finding) -> str:
    return _CATEGORIES.get(finding.rule, "other")


def _text(words: str) -> str:
    """Return words without what XML can't hold."""
    return _NO_XML.sub("�", words)
