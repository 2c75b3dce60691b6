"""Numbers followed down to their records on the packaged engine: every question of the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.project import Project
from contractline.proof.process import engine_process
from contractline.reports.answer import ask
from contractline.reports.explain import (
    CommitUnknown,
    NotExplained,
    PlaceUnknown,
    commit_of,
    counted,
    explain,
    places_of,
)
from contractline.reports.load import load_reports
from contractline.reports.render import render
from contractline.reports.sample import fill, make_tables
from contractline.reports.selection import Selection
from contractline.settings import Endpoints

PROJECT = Project(Path(__file__).parents[3])
REPORTS = load_reports(PROJECT)
WITHOUT_CREDITS = REPORTS.filters.model_copy(
    update={
        "relations": {
            name: relation.model_copy(
                update={
                    "origin": relation.origin
                    and relation.origin.model_copy(update={"credits": None})
                }
            )
            for name, relation in REPORTS.filters.relations.items()
        }
    }
)
"""What is looked up is the same, but for the people: that view takes its time."""

ALL = Selection((("bots", ("on",)), ("period", ("all",))))
ASKED = (
    "commits_by_repository",
    "commits_per_week",
    "message_quality",
    "new_and_returning",
    "people_by_team",
    "dead_letters",
    "moves",
)

COUNTED_BEFORE = {"arrival_delays", "freshness"}
"""Questions over a table that holds counts, and no records that they could be made of."""

COUNTS = {
    name
    for name, question in REPORTS.questions.items()
    if name.startswith("commits_") or name in {"hour_by_weekday", "ingest_rate", "message_length"}
}
"""Questions whose number is that of the rows behind it."""


@pytest.fixture(scope="module")
def filled() -> Iterator[Warehouse]:
    with (
        engine_process() as engine,
        closing(Warehouse(Endpoints(clickhouse_url=engine.url))) as warehouse,
    ):
        fill(PROJECT, warehouse, make_tables(PROJECT, warehouse))
        warehouse.run(
            "INSERT INTO github.commits (repository, commit_id, author, author_email,"
            " commit_message, committed_at, produced_at, source, _topic, _partition, _offset)"
            " SELECT 'o\\'a\\\\b/<c>', lower(hex(SHA1(toString(number)))), 'Ann', 'ann@x', 'fix: a',"
            " toStartOfSecond(now64(6)), now64(6), 'git', 'commits_topic', 2, number FROM numbers(30)"
        )
        yield warehouse


@pytest.mark.parametrize("name", REPORTS.questions)
def test_every_row_of_every_question_can_be_explained(filled: Warehouse, name: str):
    question = REPORTS.question(name)
    places = places_of(question, REPORTS.filters)
    assert (places is None) == (name in COUNTED_BEFORE)
    if places is None:
        return
    answer = ask(filled, render(question, REPORTS.filters, ALL))
    if not answer.rows:
        return
    values = dict(zip(answer.columns, answer.rows[0], strict=True))
    at = {column: str(values[column]) for column in places}
    found = explain(filled, question, WITHOUT_CREDITS, ALL, at, most=50)
    explained = dict(zip(found.answer.columns, found.answer.rows[0], strict=True))
    if "now" not in question.sql:
        assert explained == values
    if not found.measure or explained[found.measure]:
        assert found.rows >= len({record.place for record in found.records}) > 0
    if name in COUNTS:
        assert found.rows == explained[found.measure]


def test_a_record_has_its_place_and_its_credit(filled: Warehouse):
    at = {"repository": "o'a\\b/<c>"}
    question = REPORTS.question("commits_by_repository")
    found = explain(filled, question, REPORTS.filters, ALL, at, most=10)
    assert found.rows == 30
    assert len(found.records) == 10
    assert {str(one.place).rpartition("/")[0] for one in found.records} == {"commits_topic/2"}
    assert {one.values["source"] for one in found.records} == {"git"}
    ((credit,),) = {one.credits for one in found.records}
    assert (credit.role, credit.name, credit.share) == ("author", "Ann", 1)


def test_a_commit_is_counted_where_its_number_is(filled: Warehouse):
    wanted = explain(
        filled,
        REPORTS.question("commits_by_repository"),
        REPORTS.filters,
        ALL,
        {"repository": "o'a\\b/<c>"},
        most=1,
    ).records[0]
    commit = commit_of(filled, REPORTS.filters, str(wanted.values["commit_id"])[:12])
    assert commit.place == wanted.place
    asked = [REPORTS.question(name) for name in ASKED]
    found = counted(filled, asked, REPORTS.filters, ALL, commit)
    rows = {one.question.name: one.answer.rows for one in found}
    assert rows["commits_by_repository"] == (("o'a\\b/<c>", 30),)
    assert len(rows["commits_per_week"]) == len(rows["message_quality"]) == 1
    assert len(rows["new_and_returning"]) == 1
    # Other tables know nothing of it.
    assert not {"people_by_team", "dead_letters", "moves"} & set(rows)


def test_what_can_not_be_told_is_said(filled: Warehouse):
    question = REPORTS.question("commits_by_team")
    with pytest.raises(PlaceUnknown, match="which row") as problem:
        explain(filled, question, REPORTS.filters, ALL, {})
    assert "--where team_name=" in problem.value.hint
    with pytest.raises(PlaceUnknown, match="no row has team_name=nobody"):
        explain(filled, question, REPORTS.filters, ALL, {"team_name": "nobody"})
    with pytest.raises(PlaceUnknown, match="`colour` names no place"):
        explain(filled, question, REPORTS.filters, ALL, {"colour": "red"})
    with pytest.raises(PlaceUnknown, match="`size` is not a measure"):
        explain(filled, question, REPORTS.filters, ALL, {}, measure="size")
    without = REPORTS.filters.model_copy(update={"relations": {}})
    with pytest.raises(NotExplained):
        explain(filled, question, without, ALL, {})
    with pytest.raises(CommitUnknown, match="no commit begins with ffff"):
        commit_of(filled, REPORTS.filters, "ffff" * 10)
    with pytest.raises(CommitUnknown, match="several commits begin with"):
        commit_of(filled, REPORTS.filters, "")
