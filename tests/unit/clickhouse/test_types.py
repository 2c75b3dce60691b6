"""ClickHouse's spelling of types."""

from __future__ import annotations

import pytest

from contractline.avro.depth import room_for_depth
from contractline.clickhouse.types import DEEPEST, Type, TypeMisspelt, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Int64", Type("Int64")),
        (" Nullable( Int64 ) ", Type("Nullable", (Type("Int64"),))),
        ("FixedString(16)", Type("FixedString", numbers=(16,))),
        ("Decimal(9, 2)", Type("Decimal", numbers=(9, 2))),
        ("Decimal(9)", Type("Decimal", numbers=(9, 0))),
        ("DateTime", Type("DateTime")),
        ("DateTime('Europe/Berlin')", Type("DateTime", zone="Europe/Berlin")),
        ("DateTime64(3, 'UTC')", Type("DateTime64", numbers=(3,), zone="UTC")),
        ("Enum8('a' = 1, 'it\\'s' = 5)", Type("Enum8", (), ("a", "it's"), (1, 5))),
        ("Enum16('a', 'b' = 7, 'c')", Type("Enum16", (), ("a", "b", "c"), (1, 7, 8))),
        ("Map(String, Array(Bool))", Type("Map", (Type("String"), Type("Array", (Type("Bool"),))))),
        (
            "Tuple(a String, `b c` Date)",
            Type("Tuple", (Type("String"), Type("Date")), ("a", "b c")),
        ),
        ("Tuple(String, Date)", Type("Tuple", (Type("String"), Type("Date")))),
        ("Variant(Int64, String)", Type("Variant", (Type("Int64"), Type("String")))),
    ],
)
def test_read(text: str, expected: Type) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a type is missing"),
        ("int32", "ClickHouse has no type `int32`"),
        ("Decimal32(2)", "ClickHouse has no type `Decimal32`"),
        ("Int32)", "`)` stands after its end"),
        ("Nullable(Int32", "`)` is missing at its end"),
        ("Nullable Int32", "`(` is missing before `Int32`"),
        ("Nullable(Array(Int32))", "`Nullable` can't hold Array"),
        ("Nullable(LowCardinality(String))", "`Nullable` can't hold LowCardinality"),
        ("LowCardinality(Array(String))", "`LowCardinality` can't hold Array"),
        ("Map(String)", "`Map` holds two types"),
        ("Map(Nullable(String), String)", "the key of a `Map` is never null"),
        ("Nested(a String)", "`Nested` would fall apart"),
        ("Tuple(a String, Date)", "some elements have a name and some have none"),
        ("Tuple(a String, a Date)", "a name stands twice"),
        ("Decimal(9, 10)", "the scale 10 is larger than the precision 9"),
        ("Decimal(77, 1)", "77 is not between 1 and 76"),
        ("DateTime64('UTC')", "a number should stand where `'UTC'` is"),
        ("DateTime64(3 'UTC')", "`)` is missing before `'UTC'`"),
        ("Enum8('a' = 128)", "a number does not fit into 8 bits"),
        ("Enum8('a' = 1, 'b' = 1)", "a symbol or a number stands twice"),
        ("FixedString(0)", "0 is not between 1 and 16777215"),
    ],
)
def test_misspelt(text: str, problem: str) -> None:
    with pytest.raises(TypeMisspelt) as found:
        parse(text)
    assert found.value.problem == problem
    assert found.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [("int32", "did you mean `Int32`?"), ("Datetime64(3)", "did you mean `DateTime64`?")],
)
def test_the_near_name_is_suggested(text: str, hint: str) -> None:
    with pytest.raises(TypeMisspelt) as found:
        parse(text)
    assert found.value.hint == hint


def test_what_a_column_holds() -> None:
    column = parse("LowCardinality(Nullable(String))")
    assert column.bare == Type("String")
    assert column.is_nullable
    assert not parse("LowCardinality(String)").is_nullable
    assert not parse("Array(Nullable(String))").is_nullable


@pytest.mark.parametrize(
    "text",
    [
        "Nullable(Int64)",
        "Decimal(9, 2)",
        "DateTime64(3, 'UTC')",
        "Enum8('a' = 1, 'it\\'s' = 5)",
        "Tuple(a String, `b c` Array(Date))",
        "Map(String, Variant(Int64, String))",
    ],
)
def test_shown_as_read(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("outer", "count"),
    [("Array(", DEEPEST), ("Map(String, ", DEEPEST), ("Tuple(a ", DEEPEST)],
)
def test_how_deep_a_type_nests(outer: str, count: int) -> None:
    with room_for_depth():
        text = outer * count + "Int64" + ")" * count
        assert str(parse(text)) == text
        for more in (count + 1, 100_000):
            with pytest.raises(TypeMisspelt, match="more than 497 types inside each other"):
                parse(outer * more + "Int64" + ")" * more)
