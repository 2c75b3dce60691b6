"""Filters are options of `ask` and `explain`, wherever they stand."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from contractline.cli._filters import split
from contractline.project import Project
from contractline.reports.load import load_reports

REPORTS = load_reports(Project(Path(__file__).parents[3]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["commits_by_team", "--team", "a", "--as-of=today", "--team", "b"],
        ["--team", "a", "--as-of=today", "commits_by_team", "--team", "b"],
        ["--team=a", "--team=b", "--as-of", "today", "commits_by_team"],
    ],
)
def test_options_may_stand_anywhere(arguments: list[str]):
    assert split(REPORTS, arguments) == (
        ["commits_by_team"],
        {"team": ["a", "b"], "as_of": ["today"]},
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--perod", "30d"], "`--perod` is not an option; filters: --period"),
        (["--team"], "`--team` needs a value"),
        (["one", "two"], "one question at a time, not one, two"),
    ],
)
def test_what_is_no_option_is_said(arguments: list[str], words: str):
    with pytest.raises(click.UsageError, match=words):
        split(REPORTS, arguments)
