from __future__ import annotations

import pytest

from contractline.clickhouse.sql import statements
from contractline.lineage.sql.definitions import definition_of
from contractline.lineage.sql.parsing import NotRead

KNOWN = {
    "github.users": ("user_name", "team", "version"),
    "github.teams": ("team", "size"),
    "reporting.people": ("user_name", "points"),
}
U, T = "github.users.", "github.teams."


def made(sql: str) -> tuple[str, set[str], dict[str, set[str]]]:
    """Return the target of a statement, what it reads, and what its columns come from."""
    (statement,) = statements(sql)
    definition = definition_of(statement)
    query = definition.query(KNOWN)
    outputs = {n: {".".join(one) for one in refs} for n, refs in query.outputs.items()}
    return definition.target, {".".join(one) for one in query.reads}, outputs


@pytest.mark.parametrize(
    ("sql", "target", "outputs"),
    [
        (
            "CREATE VIEW reporting.v (who, `the team`) AS SELECT user_name, team FROM github.users",
            "",
            {"who": {U + "user_name"}, "the team": {U + "team"}},
        ),
        (
            "CREATE VIEW reporting.v (who String COMMENT 'a, b', n Decimal(10, 2)) AS"
            " SELECT user_name, version FROM github.users COMMENT 'AS SELECT'",
            "",
            {"who": {U + "user_name"}, "n": {U + "version"}},
        ),
        (
            "CREATE MATERIALIZED VIEW reporting.v REFRESH EVERY 1 HOUR TO reporting.t AS"
            " SELECT team FROM github.users",
            "reporting.t",
            {"team": {U + "team"}},
        ),
        (
            "CREATE MATERIALIZED VIEW reporting.v ENGINE = Log AS SELECT team FROM github.users",
            "",
            {"team": {U + "team"}},
        ),
        (
            "CREATE VIEW reporting.v AS SELECT points FROM people",
            "",
            {"points": {"reporting.people.points"}},
        ),
        (
            "CREATE TABLE a.t (x Int8, y Int8 DEFAULT x + 1) ENGINE = Log",
            "",
            {"x": set(), "y": {"a.t.x"}},
        ),
        (
            "CREATE TABLE a.t (x Int8, y Int8 MATERIALIZED x) ENGINE = Log",
            "",
            {"x": set(), "y": {"a.t.x"}},
        ),
        (
            "CREATE TABLE a.t (x Int8, y Int8 ALIAS x) ENGINE = Log",
            "",
            {"x": set(), "y": {"a.t.x"}},
        ),
        (
            "CREATE TABLE a.t ENGINE = Log AS SELECT team AS x FROM github.users",
            "",
            {"x": {U + "team"}},
        ),
        ("CREATE TABLE a.t AS github.teams", "", {"team": set(), "size": set()}),
        (
            "CREATE TABLE a.t (team String) ENGINE = Distributed('c', 'github', 'users', rand())",
            "",
            {"team": {U + "team"}},
        ),
        (
            "CREATE TABLE a.t (team String) ENGINE = Distributed(c, github, users)",
            "",
            {"team": {U + "team"}},
        ),
        (
            "CREATE TABLE a.t (team String) ENGINE = Buffer(github, users, 1, 1, 1, 1, 1, 1, 1)",
            "",
            {"team": {U + "team"}},
        ),
        (
            "CREATE TABLE a.t (team String) ENGINE = Merge(github, '^(users|teams)$')",
            "",
            {"team": {U + "team", T + "team"}},
        ),
        (
            "CREATE DICTIONARY a.d (user_name String, team String) PRIMARY KEY user_name"
            " SOURCE(CLICKHOUSE(QUERY 'SELECT user_name, lower(team) AS team FROM github.users'))"
            " LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(300)",
            "",
            {"user_name": {U + "user_name"}, "team": {U + "team"}},
        ),
        (
            "CREATE DICTIONARY a.d (user_name String, team String DEFAULT 'x') PRIMARY KEY user_name"
            " SOURCE(CLICKHOUSE(DB 'github' TABLE 'users')) LAYOUT(FLAT()) LIFETIME(MIN 0 MAX 9)",
            "",
            {"user_name": {U + "user_name"}, "team": {U + "team"}},
        ),
        (
            "CREATE DICTIONARY a.d (id UInt64, x String) PRIMARY KEY id"
            " SOURCE(HTTP(URL 'http://localhost/x' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(9)",
            "",
            {"id": set(), "x": set()},
        ),
    ],
)
def test_what_a_statement_makes(sql, target, outputs):
    found_target, _, found = made(sql)
    assert (found_target, found) == (target, outputs)


def test_a_table_reads_the_columns_of_its_key_and_its_expressions():
    sql = (
        "CREATE TABLE a.t (x Int8, y Int8, z Int8, d Date, v UInt64) ENGINE = ReplacingMergeTree(v)"
        " ORDER BY (x, y) PARTITION BY toYYYYMM(d) TTL d + INTERVAL 1 DAY SETTINGS index_granularity = 1"
    )
    assert made(sql)[1] == {"a.t.x", "a.t.y", "a.t.d", "a.t.v"}


@pytest.mark.parametrize(
    ("select", "reads"),
    [
        ("SELECT team FROM merge('github', '^users$')", {U + "team"}),
        ("SELECT team FROM merge('github', '.')", {U + "team", T + "team"}),
        ("SELECT team FROM merge('(')", set()),
        ("SELECT team FROM remote('127.0.0.1', 'github', 'users')", {U + "team"}),
        ("SELECT c.team FROM cluster('c', github.users) AS c", {U + "team"}),
        ("SELECT size FROM clusterAllReplicas('c', 'github.teams')", {T + "size"}),
        ("SELECT x FROM view(SELECT team AS x FROM github.users)", {U + "team"}),
        ("SELECT team FROM url('http://localhost', CSV, 'team String')", set()),
    ],
)
def test_table_functions(select, reads):
    assert made(f"CREATE VIEW reporting.v AS {select}")[1] == reads


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW reporting.v AS SELECT (a,",
        "CREATE VIEW reporting.v AS SELECT 'a",
        "CREATE VIEW reporting.v AS",
        "CREATE DICTIONARY a.d (x String EXPRESSION lower(y)) PRIMARY KEY x SOURCE(NULL())",
        "CREATE TABLE a.t (x Int8",
        "CREATE DICTIONARY a.d (x String) PRIMARY KEY x SOURCE(CLICKHOUSE(QUERY 'SELECT ('))",
    ],
)
def test_what_is_not_understood(sql):
    with pytest.raises(NotRead):
        made(sql)


def test_the_line_of_a_mistake_counts_from_the_statement():
    (statement,) = statements("CREATE VIEW reporting.v\nAS\nSELECT\n  (a,\nFROM x")
    with pytest.raises(NotRead) as refusal:
        definition_of(statement)
    assert refusal.value.line == 5
