"""What queries read, by ClickHouse's rules; every expectation is written by hand."""

from __future__ import annotations

import pytest
import sqlglot

from contractline.lineage.sql.reading import read_query
from tests.fixtures.queries import KNOWN, READS, C, P, U


def read(sql: str, database: str = "reporting") -> tuple[set[str], dict[str, set[str]]]:
    """Return what a query reads and what its columns come from, as ``database.table.column``."""
    query = read_query(sqlglot.parse_one(sql, read="clickhouse"), KNOWN, database)
    outputs = {n: {".".join(one) for one in refs} for n, refs in query.outputs.items()}
    return {".".join(one) for one in query.reads}, outputs


@pytest.mark.parametrize(("sql", "reads"), READS)
def test_what_is_read(sql, reads):
    assert read(sql)[0] == reads


def test_a_table_of_which_nothing_is_known():
    assert read("SELECT team, n.x FROM nowhere AS n")[0] == {
        "reporting.nowhere.team",
        "reporting.nowhere.x",
    }


def test_a_table_after_in_is_read_whole():
    reads, _ = read("SELECT author FROM github.commits WHERE author IN github.users")
    assert reads == {C + "author"} | {U + one for one in KNOWN["github.users"]}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT c.team FROM github.commits AS c JOIN github.users AS u ON c.author = u.user_name",
        "SELECT team FROM github.commits AS c ANY LEFT JOIN github.users AS u ON author = user_name",
        "SELECT c.team FROM (SELECT user_name FROM github.users) AS u, github.commits AS c",
        "SELECT x.team FROM (SELECT team FROM github.commits) AS x"
        " JOIN (SELECT user_name, position AS team FROM github.users) AS y ON 1 = 1",
    ],
)
def test_a_column_of_the_same_name_in_another_table_is_not_read(sql):
    reads, outputs = read(sql)
    assert C + "team" in reads
    assert U + "team" not in reads
    assert [refs for name, refs in outputs.items() if "team" in name] == [{C + "team"}]


@pytest.mark.parametrize(
    ("sql", "outputs"),
    [
        (
            "SELECT team, version AS v, 1 FROM github.users",
            {"team": {U + "team"}, "v": {U + "version"}, "1": set()},
        ),
        (
            "SELECT argMin(team, version) AS team FROM github.users",
            {"team": {U + "team", U + "version"}},
        ),
        (
            "SELECT * EXCEPT (version, position) FROM github.users FINAL",
            {"user_name": {U + "user_name"}, "team": {U + "team"}},
        ),
        (
            "SELECT u.* EXCEPT version FROM github.users AS u, github.commits AS c",
            {one: {U + one} for one in ("user_name", "team", "position")},
        ),
        (
            "SELECT * REPLACE (lower(position) AS team) FROM (SELECT team, position FROM github.users)",
            {"team": {U + "position"}, "position": {U + "position"}},
        ),
        (
            "SELECT level, points FROM people JOIN levels USING (user_name)",
            {"level": {"reporting.levels.level"}, "points": {P + "points"}},
        ),
        (
            "SELECT team AS a FROM github.users UNION ALL SELECT author FROM github.commits",
            {"a": {U + "team", C + "author"}},
        ),
        ("(SELECT team AS a FROM github.users) UNION DISTINCT (SELECT 'x')", {"a": {U + "team"}}),
        ("WITH q AS (SELECT * FROM people) SELECT q.points + 1 AS p FROM q", {"p": {P + "points"}}),
        (
            "WITH RECURSIVE q AS (SELECT team FROM github.users UNION ALL SELECT team FROM q)"
            " SELECT team FROM q",
            {"team": {U + "team"}},
        ),
        ("SELECT (SELECT max(version) FROM github.users) AS m FROM people", {"m": {U + "version"}}),
        (
            "SELECT * FROM (github.users AS u JOIN levels AS l ON u.user_name = l.user_name)",
            {
                **{one: {U + one} for one in KNOWN["github.users"]},
                "level": {"reporting.levels.level"},
                "rank": {"reporting.levels.rank"},
            },
        ),
        (
            "SELECT countIf(team = 'x') AS n FROM github.users WHERE position = 'y'",
            {"n": {U + "team"}},
        ),
    ],
)
def test_where_the_answer_comes_from(sql, outputs):
    assert read(sql)[1] == outputs


def test_using_reads_the_column_of_both_sides():
    assert read("SELECT points FROM people JOIN levels USING (user_name)")[0] == {
        P + "points",
        P + "user_name",
        "reporting.levels.user_name",
    }


def test_the_line_is_the_first_one():
    sql = "SELECT\n  1,\n  u.team\nFROM github.users AS u\nWHERE team = 'a'"
    query = read_query(sqlglot.parse_one(sql, read="clickhouse"), KNOWN)
    assert query.reads == {("github.users", "team"): 3}
    assert query.relations == {"github.users"}


def test_aliases_that_build_on_each_other_are_read_once_each():
    chain = ", ".join(f"a{n} + a{n} AS a{n + 1}" for n in range(60))
    assert read(f"SELECT version AS a0, {chain} FROM github.users")[1]["a60"] == {U + "version"}


def test_aliases_in_a_circle_end():
    assert read("SELECT a AS b, b AS a FROM github.users")[0] == set()
