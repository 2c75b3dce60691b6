"""Columns of PostgreSQL against the fields of a contract, in words."""

from __future__ import annotations

from typing import Any

import pytest

from contractline.debezium.types import PostgresColumn, avro_type, differences, fields_of, is_known

CONTRACTED: list[dict[str, Any]] = [
    {"name": "name", "type": "string"},
    {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
    {"name": "at", "type": "string", "default": "1970-01-01T00:00:00.000000Z"},
]
NAME = PostgresColumn("name", "text", nullable=False, has_default=False)
BORN = PostgresColumn("born", "date", nullable=True, has_default=False)
AT = PostgresColumn("at", "timestamp with time zone", nullable=False, has_default=True)


def words(*columns: PostgresColumn) -> list[str]:
    found = differences("public.people", fields_of(columns), "people v1", CONTRACTED)
    return [difference.words for difference in found]


def test_a_table_as_contracted_differs_in_nothing() -> None:
    assert words(NAME, BORN, AT) == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            (NAME, BORN, AT, PostgresColumn("level", "integer", True, False)),
            "public.people has a column `level` that people v1 does not hold",
        ),
        ((NAME, BORN), "public.people has no column `at`, which people v1 holds"),
        (
            (PostgresColumn("name", "integer", False, False), BORN, AT),
            "column `name` of public.people is int, but string in people v1",
        ),
        (
            (PostgresColumn("name", "text", True, False), BORN, AT),
            "column `name` of public.people takes NULL, but not in people v1",
        ),
        (
            (NAME, PostgresColumn("born", "date", False, False), AT),
            "column `born` of public.people takes no NULL, but may be null in people v1",
        ),
        (
            (NAME, BORN, PostgresColumn("at", "text", False, False)),
            "column `at` of public.people has no default, but one in people v1",
        ),
        (
            (PostgresColumn("name", "text", False, True), BORN, AT),
            "column `name` of public.people has a default, but none in people v1",
        ),
        (
            (BORN, NAME, AT),
            "the columns of public.people come as born, name, at, in people v1 as name, born, at",
        ),
    ],
)
def test_each_difference_has_words(columns: tuple[PostgresColumn, ...], expected: str) -> None:
    assert words(*columns) == [expected]


def test_a_type_that_is_not_known_here_is_not_judged() -> None:
    assert words(PostgresColumn("name", "geometry", False, False), BORN, AT) == []


def test_two_defaults_of_known_values_are_compared() -> None:
    other = [{"name": "at", "type": "string", "default": "x"}]
    found = differences("t", other, "v1", [CONTRACTED[2]])
    assert [difference.kind for difference in found] == ["default"]


@pytest.mark.parametrize(
    ("sql", "avro"),
    [
        ("text", "string"),
        ("enum", "string"),
        ("numeric", "string"),
        ("bigint", "long"),
        ("date", {"type": "int", "logicalType": "date"}),
        ("text[]", {"type": "array", "items": ["null", "string"]}),
        ("bit varying", "string"),
        ("interval", "long"),
        ("interval[]", {"type": "array", "items": ["null", "string"]}),
        ("geometry", None),
        ("geometry[]", None),
    ],
)
def test_types(sql: str, avro: object) -> None:
    assert avro_type(sql) == avro


@pytest.mark.parametrize(
    ("sql", "known"),
    [
        *(("text", True), ("enum", True), ("integer[]", True), ("geometry", True)),
        *(("line", False), ("box[]", False), ("regclass", False), ("composite", False)),
        *(("interval[]", True), ("name[]", True), ("bit[]", True), ('"char"', True)),
        *(("money", True), ("money[]", False), ("point", True), ("point[]", False)),
        *(("public.hstore", True), ("cube", False), ("jsonpath", False), ("xml[]", False)),
        *(("shop.citext[]", True), ("tsquery[]", False), ("multirange", False)),
    ],
)
def test_what_debezium_leaves_out(sql: str, known: bool) -> None:
    assert is_known(sql) is known
