"""clickhouse-connect uses the endpoint as it uses a server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

ROWS = [
    [1, "x", 1.5, datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), date(1969, 1, 1), None, ["a"]],
    [2, "ü\x00", -2.5, datetime(1970, 1, 1, tzinfo=UTC), date(2299, 12, 31), Decimal("1.23"), []],
]
COLUMNS = (
    "a UInt64, s String, f Float64, t DateTime64(3, 'UTC'), d Date32, n Nullable(Decimal(9, 2)), "
    "l Array(LowCardinality(String))"
)


@pytest.fixture
def table(client) -> str:
    client.command(f"CREATE OR REPLACE TABLE cc ({COLUMNS}) ENGINE = MergeTree ORDER BY a")
    return "cc"


def test_rows_come_back_as_they_were_inserted(client, table):
    summary = client.insert(table, ROWS)
    assert summary.written_rows == 2
    result = client.query(f"SELECT * FROM {table} ORDER BY a")
    assert [list(row) for row in result.result_rows] == ROWS
    assert result.column_names == ("a", "s", "f", "t", "d", "n", "l")


def test_parameters_settings_and_commands(client):
    query = "SELECT {x:Int32} + 1, getSetting('max_block_size')"
    result = client.query(query, parameters={"x": 5}, settings={"max_block_size": 10})
    assert result.result_rows == [(6, 10)]
    assert client.command("SELECT toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')") == str(
        UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0")
    )


def test_frames_arrow_and_streams(client, table):
    client.insert(table, ROWS)
    assert client.query_df(f"SELECT a, s FROM {table} ORDER BY a")["a"].tolist() == [1, 2]
    arrow = client.query_arrow(f"SELECT a FROM {table} ORDER BY a")
    assert arrow["a"].to_pylist() == [1, 2]
    client.insert_arrow(table, pa.table({"a": pa.array([3], pa.uint64()), "s": ["z"]}))
    assert client.command(f"SELECT count() FROM {table}") == 3
    with client.query_row_block_stream("SELECT number FROM numbers(500000)") as blocks:
        assert sum(len(block) for block in blocks) == 500_000


def test_its_session_keeps_temporary_tables(client):
    client.command("CREATE TEMPORARY TABLE held (a Int8)")
    client.insert("held", [[1]])
    assert client.query("SELECT a FROM held").result_rows == [(1,)]
    client.command("DROP TEMPORARY TABLE held")


def test_errors_carry_code_and_name(client):
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as failed:
        client.query("SELECT * FROM nowhere")
    assert failed.value.code == 60


def test_a_failure_on_the_way(client):
    sql = "SELECT throwIf(number = 2000000), number FROM numbers(3000000)"
    with (
        client.query_row_block_stream(sql) as blocks,
        pytest.raises(StreamFailureError, match="throwIf"),
    ):
        list(blocks)
    assert client.command("SELECT 1") == 1
