"""SQL as text: statements, names, strings."""

from __future__ import annotations

import pytest

from contractline.clickhouse.sql import (
    StatementUnknown,
    escape,
    filled,
    identifier,
    literal,
    modify_column,
    statements,
)

FILE = """
-- A comment; with a semicolon, and it's odd.
CREATE DATABASE IF NOT EXISTS github;

/* Another; one. */
CREATE TABLE IF NOT EXISTS github.`odd`
(
    a String DEFAULT 'x;\\'y' COMMENT 'it''s -- no comment', -- one
    b Int64
)
ENGINE = ReplacingMergeTree ORDER BY a;

create  materialized   view ingestion.v TO github.t AS
WITH 1 AS one SELECT one;

CREATE OR REPLACE VIEW reporting.people AS SELECT 1 COMMENT 'as SELECT';
CREATE TABLE q (a String) ENGINE = Kafka SETTINGS kafka_broker_list = '${kafka_brokers}'
"""


def test_statements_of_a_file() -> None:
    found = statements(FILE)
    assert [(s.kind, s.name, s.target, s.engine) for s in found] == [
        ("DATABASE", "github", None, ""),
        ("TABLE", "github.odd", None, "ReplacingMergeTree"),
        ("MATERIALIZED VIEW", "ingestion.v", "github.t", ""),
        ("VIEW", "reporting.people", None, ""),
        ("TABLE", "q", None, "Kafka"),
    ]


def test_body_of_a_view() -> None:
    moving, plain = statements(FILE)[2:4]
    assert moving.select == "WITH 1 AS one SELECT one"
    assert moving.beside("a.b") == "CREATE VIEW a.b AS WITH 1 AS one SELECT one"
    assert plain.beside("a.b") == "CREATE VIEW a.b AS SELECT 1 COMMENT 'as SELECT'"
    assert plain.replacing.startswith("CREATE OR REPLACE VIEW reporting.people AS SELECT 1")


@pytest.mark.parametrize("text", ["DROP TABLE x;", "INSERT INTO x SELECT 1", "CREATE USER u;"])
def test_only_create_statements(text: str) -> None:
    with pytest.raises(StatementUnknown, match=text.split()[0]):
        statements(text)


@pytest.mark.parametrize("text", ["", "\n-- nothing\n", "/* nothing */ ;"[:13]])
def test_no_statements(text: str) -> None:
    assert statements(text) == []


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("author", "author"),
        ("_offset", "_offset"),
        ("Order", "`Order`"),
        ("NaN", "`NaN`"),
        ("inf", "`inf`"),
        ("r.a", "`r.a`"),
        ("2nd", "`2nd`"),
        ("a`b\\", "`a\\`b\\\\`"),
    ],
)
def test_identifier(name: str, sql: str) -> None:
    assert identifier(name) == sql


def test_strings() -> None:
    assert literal("it's \\ a\n\ttext\0") == "'it\\'s \\\\ a\\n\\ttext\\0'"
    assert escape("plain ы") == "plain ы"


def test_placeholders_are_filled_with_quoted_values() -> None:
    sql = "SETTINGS a = '${a}', b = '${b}', c = '$c ${c}'"
    assert filled(sql, {"a": "x'y", "b": "1"}) == "SETTINGS a = 'x\\'y', b = '1', c = '$c ${c}'"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Int64", "Nullable(Int64)"),
        ("String", "LowCardinality(Nullable(String))"),
        ("DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')"),
        ("Int64", "Date32"),
        ("Int64", "Decimal(9, 2)"),
    ],
)
def test_a_column_that_clickhouse_converts_is_modified_in_place(old, new):
    by_hand = modify_column("shop.visits", "visits", "at", old, new)
    assert by_hand == f"ALTER TABLE shop.visits MODIFY COLUMN at {new}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Int64", "DateTime64(3, 'UTC')"),
        ("Nullable(Int64)", "Nullable(DateTime64(6, 'UTC'))"),
        ("String", "Decimal(9, 2)"),
        ("LowCardinality(Nullable(String))", "Nullable(Decimal(9, 2))"),
    ],
)
def test_a_column_that_clickhouse_would_convert_wrongly_is_filled_from_the_topic(old, new):
    """Tried: 1700000000123 as Int64 becomes 2299-12-31 by MODIFY COLUMN."""
    assert modify_column("shop.visits", "visits", "at", old, new) == (
        "RENAME TABLE shop.visits TO shop.visits_old; contractline apply tables;"
        " contractline rebuild visits"
    )


@pytest.mark.parametrize(
    ("clauses", "target"),
    [
        ("REFRESH EVERY 1 SECOND APPEND TO a.`to`", "a.to"),
        (
            "\nREFRESH EVERY 1 DAY OFFSET 2 HOUR RANDOMIZE FOR 1 HOUR TO a.t (b Int8) DEFINER = x",
            "a.t",
        ),
        ("REFRESH EVERY 1 DAY ENGINE = Memory", None),
        ("", None),
    ],
)
def test_what_a_view_writes_to(clauses: str, target: str | None) -> None:
    query = "SELECT 1 AS b ORDER BY b WITH FILL FROM 1 TO 9"
    (made,) = statements(f"CREATE MATERIALIZED VIEW a.v {clauses} AS {query}")
    assert made.target == target


@pytest.mark.parametrize(
    ("clauses", "refresh"),
    [
        ("REFRESH EVERY 1 SECOND APPEND TO a.t", "EVERY 1 SECOND APPEND"),
        (
            "refresh every 2 days\n depends on a.Days append TO a.t",
            "EVERY 2 DAY DEPENDS ON a.Days APPEND",
        ),
        ("TO a.t", ""),
    ],
)
def test_when_a_view_is_refreshed_as_the_engine_writes_it(clauses: str, refresh: str) -> None:
    (made,) = statements(f"CREATE MATERIALIZED VIEW a.v {clauses} AS SELECT 1")
    assert made.refresh == refresh
