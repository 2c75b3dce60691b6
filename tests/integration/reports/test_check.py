"""`contractline check reports` on the packaged engine: the checkout's own, and mistakes in others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from contractline.cli import run
from contractline.project import Project
from contractline.reports.check import ReportsCheck, check_reports
from tests.fixtures.stack import copy_project

QUESTION = """\
title: Mistaken
description: A question with a mistake.
chart: {chart}
x: {{column: {x}}}
y:
  - {{column: {y}, title: Number}}
"""


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, ReportsCheck]:
    """One check of a project whose questions hold one mistake each."""
    project = copy_project(tmp_path_factory.mktemp("mistaken") / "project")
    questions = project.reports / "questions"
    shutil.rmtree(questions)
    shutil.rmtree(project.reports / "dashboards")
    questions.mkdir()
    by_day = (
        "SELECT commit_date AS day, count() AS n, any(repository) AS text FROM commits GROUP BY day"
    )
    for name, (chart, x, y, sql) in {
        "no_column": ("line", "day", "m", by_day),
        "text_measure": ("line", "day", "text", by_day),
        "text_axis": ("line", "text", "n", by_day),
        "unknown_column": ("line", "day", "n", by_day.replace("repository", "repo")),
        "unknown_table": ("line", "day", "n", by_day.replace("FROM commits", "FROM comits")),
        "no_sql": ("line", "day", "n", "SELEKT 1"),
        "twice": ("line", "day", "n", by_day.replace("GROUP BY day", "GROUP BY day, repository")),
        "only_filled": ("bar", "day", "n", by_day.replace("count()", "max(throwIf(1))")),
        "right": ("line", "day", "n", by_day),
    }.items():
        (questions / f"{name}.yaml").write_text(QUESTION.format(chart=chart, x=x, y=y))
        (questions / f"{name}.sql").write_text(sql)
    return project, check_reports(project)


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("no_column", "REPORT_COLUMN", "no column `m`; it has day, n, text"),
        ("text_measure", "REPORT_CHART", "`text` is String: a measure is a number"),
        ("text_axis", "REPORT_CHART", "String can't be the x of a line"),
        ("unknown_column", "REPORT_SQL", "repo"),
        ("unknown_table", "REPORT_SQL", "comits"),
        ("no_sql", "REPORT_SQL", "not understood"),
        ("twice", "REPORT_CHART", "two rows have day"),
        ("only_filled", "REPORT_SQL", "on filled tables"),
    ],
)
def test_a_mistake_is_found(
    mistaken: tuple[Project, ReportsCheck], name: str, rule: str, words: str
):
    (finding,) = [one for one in mistaken[1].findings if one.subject == name]
    assert finding.rule == rule
    assert words in finding.message
    assert finding.file is not None
    assert finding.file.stem == name


def test_what_is_right_has_no_finding(mistaken: tuple[Project, ReportsCheck]):
    assert [one for one in mistaken[1].findings if one.subject == "right"] == []


def test_the_checkout(capsys: pytest.CaptureFixture[str]):
    root = Path(__file__).parents[3]
    assert run(["--project", str(root), "check", "reports", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["findings"] == []
    assert said["queries"] > 2 * said["questions"] > 0
