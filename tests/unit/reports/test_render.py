"""A question with its filters as one query."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contractline.avro.files import decoded
from contractline.contracts.yamlfile import YamlFile
from contractline.reports.load import LoadedQuestion
from contractline.reports.model import Lighter, Question
from contractline.reports.render import Query, relations_of, render
from contractline.reports.selection import Given, Selection
from tests.fixtures.reports import BY_TEAM, FILTERS

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def question(sql: str, more: str = "") -> LoadedQuestion:
    yaml = YamlFile.parse(decoded((BY_TEAM + more).encode()))
    spec = Question.model_validate(yaml.data)
    return LoadedQuestion("q", spec, sql, Path("q.yaml"), Path("q.sql"), yaml)


def rendered(sql: str, selection: Selection = Selection(), more: str = "") -> Query:  # noqa: B008
    return render(question(sql, more), FILTERS, selection, now=NOW)


def test_filters_stand_before_the_question():
    query = rendered("SELECT team, count() FROM commits GROUP BY team")
    assert query.sql == (
        "WITH commits AS (\n"
        "    SELECT * FROM (SELECT * REPLACE (if({as_of:String} = 'then', team_at_commit, team)"
        " AS team) FROM reporting.commits)\n"
        "    WHERE (committed_at >= {since:DateTime64(6)})\n"
        "        AND (NOT is_bot)\n"
        ")\n"
        "SELECT team, count() FROM commits GROUP BY team"
    )
    assert query.parameters == {
        "since": "2026-10-30 12:00:00.000000",
        "until": "2262-01-01 00:00:00.000000",
        "team": [],
        "as_of": "then",
    }


def test_values_of_a_reader_are_never_in_the_sql():
    chosen = Selection((("bots", ("on",)), ("period", ("all",)), ("team", ("'); DROP TABLE x",))))
    query = rendered("SELECT 1 FROM commits", chosen)
    assert "DROP" not in query.sql
    assert "is_bot" not in query.sql
    assert "committed_at" not in query.sql
    assert "team IN {team:Array(String)}" in query.sql
    assert query.parameters["team"] == ["'); DROP TABLE x"]


def test_a_filter_that_does_not_apply():
    query = rendered("SELECT 1 FROM commits", more="without: [period]\n")
    assert "committed_at" not in query.sql
    assert query.parameters["since"] == "2026-10-30 12:00:00.000000"


@pytest.mark.parametrize(
    ("sql", "start"),
    [
        ("WITH a AS (SELECT 1 FROM commits) SELECT * FROM a", "WITH commits AS (\n"),
        ("-- why\nwith\n  a AS (SELECT 1 FROM commits) SELECT * FROM a", "-- why\nWITH commits AS"),
        ("SELECT 1 FROM users AS u", "WITH users AS (\n    SELECT * FROM reporting.users\n)\nS"),
        ("SELECT 1 FROM reporting.commits", "SELECT 1 FROM reporting.commits"),
        ("WITH commits AS (SELECT 1) SELECT * FROM commits", "WITH commits AS (SELECT 1)"),
    ],
)
def test_where_the_tables_go(sql: str, start: str):
    assert rendered(sql).sql.startswith(start)


def test_relations_behind_joins_and_subqueries():
    sql = "SELECT 1 FROM users JOIN (SELECT 1 FROM commits) AS c USING (x) WHERE y IN (SELECT 2 FROM z)"
    assert relations_of(sql, frozenset({"commits", "users", "people"})) == ("commits", "users")


def test_parameters_of_the_question():
    more = "parameters:\n  - {name: top, type: UInt16, default: 20}\n"
    asked = question("SELECT 1 LIMIT {top:UInt16}", more)
    assert render(asked, FILTERS, Selection(), now=NOW).parameters["top"] == "20"
    given = Given((("top", "5"),))
    assert render(asked, FILTERS, Selection(), given, now=NOW).parameters["top"] == "5"


WITH_LIGHTER = FILTERS.model_copy(
    update={
        "relations": {
            "commits": FILTERS.relations["commits"].model_copy(
                update={
                    "lighter": (
                        Lighter(view="reporting.light", lacks=("commit_message",)),
                        Lighter(
                            view="reporting.lightest",
                            lacks=("commit_message", "team", "team_at_commit"),
                        ),
                    )
                }
            )
        }
    }
)


@pytest.mark.parametrize(
    ("sql", "view"),
    [
        ("SELECT count() FROM commits", "lightest"),
        ("SELECT count(*), 2 * 3 FROM commits", "lightest"),
        ("SELECT team, count() FROM commits GROUP BY team", "light"),
        ("SELECT team_at_commit FROM commits", "light"),
        ("SELECT team_size FROM (SELECT 1 AS team_size FROM commits)", "lightest"),
        ("SELECT max(length(commit_message)) FROM commits", "commits"),
        ("SELECT * FROM commits", "commits"),
        ("SELECT one.* FROM commits AS one", "commits"),
        ("SELECT 1, * EXCEPT (team) FROM commits", "commits"),
        ("SELECT COLUMNS('team') FROM commits", "commits"),
    ],
)
def test_the_lightest_view_that_has_what_is_read(sql: str, view: str):
    assert _read(sql) == f"reporting.{view}"


def test_a_filter_reads_columns_too():
    assert _read("SELECT count() FROM commits", Selection((("team", ("red",)),))) == (
        "reporting.light"
    )


def _read(sql: str, selection: Selection = Selection()) -> str:  # noqa: B008
    query = render(question(sql), WITH_LIGHTER, selection, now=NOW)
    (view,) = re.findall(r"reporting\.\w+", query.sql)
    return str(view)
