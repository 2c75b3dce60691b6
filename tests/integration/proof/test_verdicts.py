"""What the proof says of contracts, by what the real engine does."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractline.clickhouse import columns
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.load import load_contract
from contractline.finding import Effect, Severity
from contractline.rules.clickhouse_verdict import verdict
from tests.integration.proof.conftest import REPOSITORY
from tests.integration.proof.streams import change, field, stream

CASES = REPOSITORY.root / "tests" / "cases" / "ddl"
MAPPED = [
    folder
    for folder in sorted(CASES.iterdir())
    if not folder.name.startswith("refused_") and folder.name != "own_types"
]
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"], "default": "RED"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
DAY = {"type": "int", "logicalType": "date"}


@pytest.mark.parametrize("folder", MAPPED, ids=lambda folder: folder.name)
def test_generated_tables_hold_what_avro_gives(folder: Path, proven) -> None:
    proof = proven(StreamChange(None, load_contract(folder)))
    assert (proof.verdict, proof.findings) == (Effect.OK, ())
    assert all(count > 20 for count in proof.records.values())


def test_a_column_that_is_too_narrow_is_found_with_both_values(tmp_path, proven) -> None:
    one = change(
        tmp_path / "narrow",
        [field("lines", "int")],
        [field("lines", "long")],
        clickhouse={"types": {"lines": "Int32"}},
    )
    proof = proven(one)
    (finding,) = proof.findings
    assert proof.verdict is Effect.CORRUPTS
    meant, got = int(str(finding.old)), int(str(finding.new))
    assert meant != got
    assert (meant - got) % 2**32 == 0
    assert f"lines = {meant} as {got}" in finding.message
    assert "Int32 of proofs.narrow" in finding.message
    assert "records of v2 (not released)" in finding.message
    assert "of v1" not in finding.message  # an int fits
    assert f'{{"lines": {meant}' in finding.message
    assert (finding.file, finding.path) == (tmp_path / "narrow/value.avsc", "$.fields[1]")
    assert finding.line is not None


@pytest.mark.parametrize(
    ("kind", "column", "meant", "got"),
    [
        ("int", "UInt32", "-1", "4294967295"),
        (MICROS, "DateTime64(3, 'UTC')", "2024-02-29T12:34:56.789000", "56130-"),
        (MILLIS, "DateTime64(6, 'UTC')", "2024-02-29T12:34:56.789000", "1970-01-20"),
        (MICROS, "DateTime", "2024-02-29", "2036-04-11"),
        (DAY, "Date", "1900-01-01", "2079-06-07"),
    ],
    ids=str,
)
def test_columns_that_corrupt(tmp_path, proven, kind, column, meant, got) -> None:
    one = change(tmp_path / "wrong", [field("it", kind)], clickhouse={"types": {"it": column}})
    proof = proven(one)
    (finding,) = proof.findings
    assert proof.verdict is Effect.CORRUPTS
    shown = f"{finding.old} {finding.new}"
    assert meant in shown
    assert got in shown or "ns since 1970" in shown


@pytest.mark.parametrize(
    ("kind", "column", "words"),
    [
        (COLOUR, "Enum8('RED' = 1)", "GREEN"),
        ("string", "Int64", "not compatible"),
        ("boolean", "String", "not compatible"),
        (["int", "string"], "Nullable(String)", "not compatible"),
        ({"type": "fixed", "name": "Four", "size": 4}, "FixedString(8)", ""),
    ],
    ids=str,
)
def test_columns_that_break(tmp_path, proven, kind, column, words) -> None:
    one = change(tmp_path / "broken", [field("it", kind)], clickhouse={"types": {"it": column}})
    proof = proven(one)
    assert proof.verdict is Effect.BREAKS
    assert proof.findings[0].path == "$.fields[1]"
    assert words in proof.findings[0].message


def test_one_value_that_is_refused_is_named_and_the_others_are_compared(tmp_path, proven) -> None:
    one = change(
        tmp_path / "value",
        [field("it", "string"), field("lines", "long")],
        clickhouse={"types": {"it": "FixedString(60)", "lines": "Int32"}},
    )
    proof = proven(one)
    refused = [f for f in proof.findings if "can't read" in f.message]
    assert proof.verdict is Effect.BREAKS
    assert refused
    assert "can't read it = \"xxx" in refused[0].message
    assert '"lines": 7' in refused[0].message, "the rest of the record is ordinary"
    assert any(f.path == "$.fields[2]" for f in proof.findings)


def test_a_view_that_fails_stops_the_stream(tmp_path, proven) -> None:
    derived = {"name": "boom", "type": "Int64", "expression": "toInt64(it)", "description": "x"}
    one = change(tmp_path / "boom", [field("it", "string")], clickhouse={"derived": [derived]})
    proof = proven(one)
    (finding,) = proof.findings
    assert (proof.verdict, finding.rule) == (Effect.BREAKS, "PROOF_STOPPED")
    assert "Cannot parse string" in finding.message
    assert "contractline_proof" not in finding.message


def test_tables_that_the_engine_refuses(tmp_path, proven) -> None:
    derived = {"name": "odd", "type": "Int64", "expression": "noSuch(it)", "description": "x"}
    one = change(tmp_path / "odd", [field("it", "string")], clickhouse={"derived": [derived]})
    proof = proven(one)
    (finding,) = proof.findings
    assert (proof.verdict, finding.rule) == (Effect.BREAKS, "PROOF_TABLES")
    assert "proofs.odd: " in finding.message
    assert "noSuch" in finding.message


def test_a_renamed_field_is_lost_whatever_its_alias(tmp_path, proven) -> None:
    one = change(
        tmp_path / "renamed",
        [field("branch", "string")],
        [field("ref", "string", aliases=["branch"], default="")],
    )
    proof = proven(one)
    assert proof.verdict is Effect.CORRUPTS
    assert {finding.path for finding in proof.findings} == {"$.fields[1]"}


def test_without_tables_those_of_the_base_read_the_new_records(tmp_path, proven) -> None:
    before = stream(tmp_path / "before" / "times", [field("at", MILLIS)])
    after = stream(tmp_path / "after" / "times", [field("at", MILLIS)], [field("at", MICROS)])
    proof = proven(StreamChange(before, after))
    warning, difference = proof.findings
    assert "at" in proof.unmappable
    assert (warning.severity, warning.rule) == (Severity.WARNING, "PROOF_TABLES")
    assert proof.records.keys() == {"v2 (not released)"}
    assert proof.verdict is Effect.CORRUPTS
    assert "the tables as they are read at = 2024-02-29" in difference.message


def test_without_a_base_the_released_versions_are_it(tmp_path, proven) -> None:
    one = change(tmp_path / "kinds", [field("it", "long")], [field("it", "string")])
    proof = proven(one)
    assert proof.verdict is Effect.BREAKS
    assert proof.records.keys() == {"v2 (not released)"}


def test_a_new_contract_without_tables_is_an_error(tmp_path, proven) -> None:
    one = change(tmp_path / "union", [field("it", ["int", "string"])])
    with pytest.raises(SchemaUnmappable):
        proven(one)


def test_differences_that_are_meant(tmp_path, proven) -> None:
    symbols = {**COLOUR, "symbols": ["RED"]}
    one = change(
        tmp_path / "meant",
        [field("colour", COLOUR), field("gone", "string"), field("list", ["null", _list()])],
        [field("colour", symbols), field("list", ["null", _list()])],
    )
    proof = proven(one)
    assert (proof.verdict, proof.findings) == (Effect.OK, ())


def _list() -> dict[str, str]:
    return {"type": "array", "items": "string"}


def test_the_seed_decides_everything(tmp_path, proven) -> None:
    one = change(tmp_path / "seed", [field("it", "long")], clickhouse={"types": {"it": "Int32"}})
    first, again, other = (proven(one, seed=seed, records=50) for seed in (1, 1, 2))
    assert first.findings == again.findings
    assert first.findings != other.findings


def test_a_view_that_keeps_no_early_time_out_is_noticed(monkeypatch, proven) -> None:
    users = StreamChange(None, load_contract(REPOSITORY.contracts / "github_users"))
    assert proven(users).verdict is Effect.OK
    monkeypatch.setattr(columns, "_BEYOND", "^none$")
    proof = proven(users)
    assert proof.verdict is Effect.CORRUPTS
    assert "1899-12-31T23:59:59Z" in proof.findings[0].message
    assert "as 1899-12-31T23:59:59+00:00" in proof.findings[0].message


def test_a_default_that_only_an_earlier_version_has_still_fills_what_is_lacking(
    tmp_path, proven
) -> None:
    one = change(
        tmp_path / "dropped",
        [],
        [field("size", "long", default=7)],
        [field("size", "long")],
    )
    proof, said = proven(one), verdict(one)
    assert (proof.verdict, proof.findings) == (Effect.OK, ())
    assert said is not None
    assert said.kind is Effect.OK


def test_a_default_of_all_digits_of_a_decimal_is_whole(tmp_path, proven) -> None:
    wide = {"type": "bytes", "logicalType": "decimal", "precision": 76, "scale": 76}
    default = (10**75 + 123).to_bytes(32, "big").decode("latin-1")
    proof = proven(change(tmp_path / "wide", [], [field("share", wide, default=default)]))
    assert (proof.verdict, proof.findings) == (Effect.OK, ())


def test_a_logical_type_that_stood_beside_its_type_is_read_as_it_was_meant(
    tmp_path, proven
) -> None:
    """The way out once such a version is released: the right form in the next one."""
    beside = {"logicalType": "timestamp-millis"}
    one = change(
        tmp_path / "visits",
        [
            field("seen_at", "long", **beside),
            field("left_at", ["null", "long"], default=None, **beside),
            field("day", "int", logicalType="date"),
        ],
        [
            field("seen_at", MILLIS),
            field("left_at", ["null", MILLIS], default=None),
            field("day", DAY),
        ],
    )
    proof = proven(one)
    assert (proof.verdict, proof.findings) == (Effect.OK, ())
    assert all(count > 20 for count in proof.records.values())


def test_a_decimal_that_stood_beside_its_type_is_not_read_in_old_records(tmp_path, proven) -> None:
    decimal = {"logicalType": "decimal", "precision": 9, "scale": 2}
    one = change(
        tmp_path / "fees",
        [field("fee", "bytes", **decimal)],
        [field("fee", {"type": "bytes", **decimal})],
    )
    predicted = verdict(one)
    assert predicted is not None
    assert proven(one).verdict is predicted.kind is Effect.BREAKS


def test_a_version_with_a_union_of_no_types_has_no_records_to_try(tmp_path, proven) -> None:
    """Its tables can't be made; those of the base are tried, with nothing."""
    before = stream(tmp_path / "before", [field("name", "string")], [field("name", "string")])
    after = stream(tmp_path / "after", [field("name", "string")], [field("name", [])])
    proof = proven(StreamChange(before, after))
    (warning,) = proof.findings
    assert (warning.rule, warning.severity) == ("PROOF_TABLES", Severity.WARNING)
    assert "is a union of no types" in warning.message
    assert set(proof.records.values()) == {0}
