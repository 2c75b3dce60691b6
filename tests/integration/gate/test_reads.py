"""What queries read, against the engine: without such a column it refuses the query, without any other it doesn't."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from contractline.proof.process import engine_process
from tests.fixtures.queries import KNOWN, READS

DICTIONARY, KEY = "reporting.levels", "user_name"


class Tables:
    """The tables of the queries, each made without a column for as long as a query is tried."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        for database in {name.partition(".")[0] for name in KNOWN}:
            self._run(f"CREATE DATABASE IF NOT EXISTS {database}")
        rows = ", ".join(f"{name} {type_}" for name, type_ in KNOWN[DICTIONARY].items())
        self._run(f"CREATE TABLE reporting.level_rows ({rows}) ENGINE = Log")
        for table in KNOWN:
            self.make(table)

    def make(self, table: str, without: str = "") -> None:
        columns = [f"{n} {type_}" for n, type_ in KNOWN[table].items() if n != without]
        if table == DICTIONARY:
            source = "SOURCE(CLICKHOUSE(DB 'reporting' TABLE 'level_rows'))"
            rest = f"PRIMARY KEY {KEY} {source} LAYOUT(COMPLEX_KEY_DIRECT())"
            self._run(f"CREATE OR REPLACE DICTIONARY {table} ({', '.join(columns)}) {rest}")
            return
        definition = (
            f"({', '.join([*columns, 'row UInt8'])}) ENGINE = ReplacingMergeTree ORDER BY row"
        )
        self._run(f"CREATE OR REPLACE TABLE {table} {definition}")

    def refuses(self, sql: str) -> str:
        answer = self._http.post("/", params={"param_p": "x", "database": "reporting"}, content=sql)
        return "" if answer.status_code == 200 else answer.text

    def _run(self, sql: str) -> None:
        answer = self._http.post("/", content=sql)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with engine_process() as process, httpx.Client(base_url=process.url, timeout=30) as http:
        yield Tables(http)


@pytest.mark.parametrize(("sql", "reads"), READS)
def test_the_engine_needs_what_is_read(tables, sql, reads):
    asked = sql.replace("FROM users", "FROM github.users")
    assert tables.refuses(asked) == ""
    needed = set()
    for table, columns in KNOWN.items():
        if table.partition(".")[2] not in sql:
            continue
        for column in columns if table != DICTIONARY else columns.keys() - {KEY}:
            tables.make(table, without=column)
            if tables.refuses(asked):
                needed.add(f"{table}.{column}")
        tables.make(table)
    assert needed == reads
