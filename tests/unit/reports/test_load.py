"""Reading reports/: what is right is loaded, and each mistake is placed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractline.project import Project
from contractline.reports.load import QuestionUnknown, ReportsInvalid, load_reports, read_reports
from tests.fixtures.reports import BY_TEAM, write_reports

REPOSITORY = Path(__file__).parents[3]
DASHBOARD = """\
title: One
description: All of it.
tabs:
  - title: First
    panels:
      - {question: by_team}
"""


def test_a_question_and_its_dashboard(tmp_path: Path):
    project = write_reports(
        tmp_path, {"questions/by_team.yaml": BY_TEAM, "dashboards/one.yaml": DASHBOARD}
    )
    reports = load_reports(project)
    question = reports.question("by_team")
    assert question.sql == "SELECT team, count() AS commits FROM commits GROUP BY team"
    assert question.spec.y[0].unit == "commits"
    assert [panel.question for panel in reports.dashboards["one"].spec.panels] == ["by_team"]


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("questions/q.yaml", BY_TEAM.replace("bar", "cake"), "3:1", "`chart`"),
        ("questions/q.yaml", BY_TEAM + "colour: red\n", "7:1", "`colour` is not known here"),
        ("questions/q.yaml", BY_TEAM.replace("title: C", "titel: C"), "1:1", "`titel` is not"),
        ("questions/q.yaml", BY_TEAM + "series: {column: kind}\ncolumns: [{column: a}]\n", "1", "no `columns`"),
        ("questions/q.yaml", BY_TEAM + "without: [moon]\n", "7:11", "no filter `moon`"),
        ("questions/q.yaml", "a: [", "2", "did not find"),
        ("questions/Q.yaml", BY_TEAM, "1", "its name has to be of a-z"),
        ("dashboards/d.yaml", DASHBOARD, "6:10", "there is no question `by_team`"),
        ("dashboards/d.yaml", DASHBOARD.partition("tabs")[0] + "tabs: []", "3:1", "at least one"),
        ("dashboards/d.yaml", DASHBOARD.replace("by_team}", "by_team, width: 13}"), "6:29", "`width`"),
        ("filters.yaml", "filters: {a: {kind: switch, title: A, defalt: no}}", "1:39", "`defalt`"),
        ("filters.yaml", "relations: {a: {view: b.c, conditions: {x: y}}}", "1", "`x` in relation"),
    ],
)  # fmt: skip
def test_each_mistake_is_placed(tmp_path: Path, name: str, text: str, place: str, words: str):
    project = write_reports(tmp_path, {name: text})
    shown = [str(finding) for finding in read_reports(project).findings]
    assert any(f"{tmp_path}/reports/{name}:{place}" in line and words in line for line in shown), (
        shown
    )
    with pytest.raises(ReportsInvalid):
        load_reports(project)


def test_a_half_question(tmp_path: Path):
    project = write_reports(tmp_path, {"questions/q.sql": "SELECT 1"})
    (finding,) = read_reports(project).findings
    assert finding.message == "has no q.yaml beside it"


def test_no_reports_at_all(tmp_path: Path):
    reports = load_reports(Project(tmp_path))
    assert (reports.questions, reports.dashboards) == ({}, {})
    with pytest.raises(QuestionUnknown, match="no question `x`"):
        reports.question("x")


def test_the_questions_of_the_checkout_are_on_a_dashboard():
    reports = load_reports(Project(REPOSITORY))
    shown = {
        panel.question
        for dashboard in reports.dashboards.values()
        for panel in dashboard.spec.panels
    }
    assert shown == set(reports.questions)
