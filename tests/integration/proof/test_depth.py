"""Types inside types: as deep as the engine goes, and what is said of those that go deeper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contractline.avro.depth import room_for_depth
from contractline.clickhouse.types import DEEPEST
from contractline.clients.clickhouse import QueryRefused
from contractline.contracts.change import StreamChange
from contractline.finding import Effect
from contractline.rules.check import findings_of
from contractline.rules.clickhouse_verdict import verdict
from tests.fixtures.deep import nested
from tests.integration.proof.streams import change, stream


@pytest.fixture(autouse=True)
def room() -> Iterator[None]:
    with room_for_depth():
        yield


def of(folder: Path, kind: str, count: int) -> StreamChange:
    """Return a contract whose second version has one more field inside."""
    versions = [nested(kind, count, added)["fields"][1:] for added in ("", "added")]
    return change(folder, *versions)


@pytest.mark.parametrize(
    ("kind", "count"),
    [("records", 85), ("records or null", 64), ("arrays", 253), ("maps", 253)],
)
def test_the_engine_reads_what_nests_deep(
    tmp_path: Path, proven: Any, kind: str, count: int
) -> None:
    proof = proven(of(tmp_path / "deep", kind, count))
    assert (proof.verdict, proof.findings) == (Effect.OK, ())
    assert min(proof.records.values()) > 20


@pytest.mark.parametrize(
    ("kind", "count"), [("records", 86), ("records or null", 65), ("arrays", 254), ("maps", 254)]
)
def test_the_engine_takes_no_schema_that_nests_deeper(
    tmp_path: Path, proven: Any, kind: str, count: int
) -> None:
    deep = of(tmp_path / "deep", kind, count)
    assert proven(deep).verdict is Effect.BREAKS
    assert deep.after is not None
    [found] = [one for one in findings_of([deep.after]) if one.rule == "SINK_TYPE_READABLE"]
    assert "its schema nests more than 256 levels of JSON" in found.message


@pytest.mark.parametrize("outer", ["Array(", "Map(String, ", "Tuple(a "])
def test_the_limit_of_a_type_is_the_engine_s(engine: Any, outer: str) -> None:
    warehouse = engine._server.warehouse

    def make(count: int) -> None:
        type_ = outer * count + "Int64" + ")" * count
        warehouse.run(f"CREATE OR REPLACE TABLE default.deep (it {type_}) ENGINE = Null")

    make(DEEPEST)
    with pytest.raises(QueryRefused, match="too deep"):
        make(DEEPEST + 1)


def test_a_type_beyond_the_limit_is_a_finding_and_breaks_the_stream(tmp_path: Path) -> None:
    before = stream(tmp_path / "old" / "deep", nested("arrays", DEEPEST)["fields"][1:])
    after = stream(tmp_path / "new" / "deep", nested("arrays", DEEPEST + 1)["fields"][1:])
    found = [one for one in findings_of([after]) if one.rule == "SINK_TYPE_READABLE"]
    assert [one.path for one in found] == ["$.fields[1].type"]
    assert f"more than {DEEPEST} levels" in found[0].message
    said = verdict(StreamChange(before, after))
    assert said is not None
    assert said.kind is Effect.BREAKS
