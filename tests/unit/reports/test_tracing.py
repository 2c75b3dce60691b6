"""A question's SQL carries its marks through whatever it does with rows."""

from __future__ import annotations

import pytest

from contractline.lineage.sql.parsing import NotRead
from contractline.reports.tracing import Mark, keys_of, marked

MARK = (Mark("m", "0", "max", "greatest"),)
READ = frozenset({"commits", "users"})


@pytest.mark.parametrize(
    ("sql", "carried"),
    [
        ("SELECT a FROM commits", "SELECT a, m AS m FROM commits"),
        (
            "SELECT a, count() AS n FROM commits GROUP BY a",
            "SELECT a, count() AS n, max(m) AS m FROM commits GROUP BY a",
        ),
        ("SELECT sum(a) FROM commits", "SELECT sum(a), max(m) AS m FROM commits"),
        (
            "SELECT b FROM (SELECT a AS b FROM commits WHERE c)",
            "SELECT b, m AS m FROM (SELECT a AS b, m AS m FROM commits WHERE c)",
        ),
        (
            "SELECT DISTINCT a, lower(b) AS c FROM commits",
            "SELECT a, lower(b) AS c, max(m) AS m FROM commits GROUP BY a, lower(b)",
        ),
        (
            "SELECT a, sum(b) OVER (PARTITION BY a) AS w FROM commits",
            "SELECT a, sum(b) OVER (PARTITION BY a) AS w, m AS m FROM commits",
        ),
        (
            "SELECT c.a FROM commits AS c INNER JOIN users AS u ON u.n = c.n",
            "SELECT c.a, greatest(c.m, u.m) AS m FROM commits AS c INNER JOIN users AS u ON u.n = c.n",
        ),
        (
            "SELECT a FROM commits UNION ALL SELECT 1 AS a",
            "SELECT a, m AS m FROM commits UNION ALL SELECT 1 AS a, 0 AS m",
        ),
        (
            "WITH own AS (SELECT a FROM commits) SELECT a FROM own",
            "WITH own AS (SELECT a, m AS m FROM commits) SELECT a, m AS m FROM own",
        ),
    ],
)
def test_marks_are_handed_on(sql: str, carried: str):
    assert marked(sql, MARK, READ) == carried


@pytest.mark.parametrize(
    ("measure", "carried"),
    [
        ("merges", "maxIf(m, (is_merge))"),
        ("lines", "maxIf(m, (is_merge OR b > 1))"),
        ("share", "maxIf(m, (is_merge) OR (is_bot))"),
        ("all", "max(m)"),
    ],
)
def test_a_condition_of_a_measure_is_one_of_its_marks(measure: str, carried: str):
    sql = (
        "SELECT day, countIf(is_merge) AS merges, sumIf(l, is_merge OR b > 1) AS lines,"
        " countIf(is_merge) / countIf(is_bot) AS share, count() AS all FROM commits GROUP BY day"
    )
    assert f", {carried} AS m FROM" in marked(sql, MARK, READ, measure)


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "SELECT a FROM reporting.commits", "SELECT a FROM others", "SELEKT"]
)
def test_what_reads_no_known_relation_is_not_followed(sql: str):
    with pytest.raises(NotRead):
        marked(sql, MARK, READ)


def test_what_is_no_aggregate_tells_rows_apart():
    sql = (
        "SELECT day, lower(team) AS t, count() AS n, n / 2 AS half, sum(n) OVER () AS total"
        " FROM commits GROUP BY day, t"
    )
    assert keys_of(sql) == ("day", "t")
