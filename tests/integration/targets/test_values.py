"""Every value of every type arrives as PostgreSQL's own text says, whichever way it is read.

``CONTRACTLINE_VALUES`` is the number of random values of a type beside the odd ones (`make test-long`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest

from contractline.settings import environment
from tests.integration.targets.lab import Lab, messages, until
from tests.integration.targets.values import DOMAIN_OF_DATES, KINDS, Kind, days

KEY = [{"name": "id", "type": "int"}]
RANDOM = int(environment().get("CONTRACTLINE_VALUES", "5"))
APART = 1_000_000
"""How far the ids of rows that come by the log lie behind those of the snapshot."""

ROUTES = ("snapshot", "incremental", "stream")
READ_TWICE = {days(f"1582-10-{day:02}") for day in range(5, 15)}
"""Ten days that the driver's java.sql.Date lacks: an incremental snapshot reads them as ten days later."""


@dataclass(frozen=True)
class Column:
    """A column of the table of all types."""

    name: str
    kind: Kind
    is_list: bool

    @property
    def type(self) -> str:
        return f"{self.kind.name}{'[]' if self.is_list else ''}"

    @property
    def is_date(self) -> bool:
        return self.type in {"date", DOMAIN_OF_DATES}

    @property
    def odd(self) -> list[Any]:
        """Its values by hand, NULL among them."""
        return [[*self.kind.odd, None], [], None] if self.is_list else [*self.kind.odd, None]

    @property
    def random(self) -> str:
        """SQL for a random value."""
        if not self.is_list:
            return self.kind.random or "NULL"
        return (
            f"ARRAY[{self.kind.random}, NULL, {self.kind.random}]" if self.kind.random else "NULL"
        )

    @property
    def text(self) -> str:
        """SQL for PostgreSQL's own text of it."""
        items = f"ARRAY(SELECT item::text FROM unnest({self.name}) AS item)"
        if self.is_list:
            return f"CASE WHEN {self.name} IS NOT NULL THEN {items} END AS {self.name}"
        return f"{self.name}::text"

    def expected(self, text: Any) -> Any:
        """Return what must arrive of a value."""
        if isinstance(text, list):
            return [self.expected(item) for item in text]
        convert = (self.kind.in_list if self.is_list else None) or self.kind.expected
        return None if text is None else convert(text)

    def fits(self, found: Any, wanted: Any, route: str) -> bool:
        if self.is_date and route == "incremental" and wanted in READ_TWICE:
            return bool(found == wanted + 10)
        return same(found, wanted)


COLUMNS = [
    Column(f"c{number}{'s' if is_list else ''}", kind, is_list)
    for number, kind in enumerate(KINDS)
    for is_list in ((False, True) if kind.has_list else (False,))
]


def fill(lab: Lab) -> None:
    """Create the table of all types, with the odd values and then random ones."""
    defined = ", ".join(f"{column.name} {column.type}" for column in COLUMNS)
    lab.sql(
        f"CREATE DOMAIN {DOMAIN_OF_DATES} AS date; CREATE TABLE moments (id int PRIMARY KEY, {defined})"
    )
    casts = ", ".join(f"%s::text{'[]' if c.is_list else ''}::{c.type}" for c in COLUMNS)
    for number in range(max(len(column.odd) for column in COLUMNS)):
        values = [(*column.odd, *[None] * number)[number] for column in COLUMNS]
        lab.sql(f"INSERT INTO moments VALUES ({number}, {casts})", *values)
    some = ", ".join(column.random for column in COLUMNS)
    lab.sql(
        f"SELECT setseed(0.5); INSERT INTO moments SELECT 100 + n, {some}"
        f" FROM generate_series(1, {RANDOM}) AS n"
    )


def expected(lab: Lab) -> dict[int, dict[str, Any]]:
    """Return what must arrive of each row."""
    texts = ", ".join(column.text for column in COLUMNS)
    found = lab.sql(f"SELECT id, {texts} FROM moments")
    return {row["id"]: {c.name: c.expected(row[c.name]) for c in COLUMNS} for row in found}


def arrived(lab: Lab) -> dict[str, dict[int, dict[str, Any]]]:
    """Return what arrived of each row, by the way in which it was read."""
    out: dict[str, dict[int, Any]] = {route: {} for route in ROUTES}
    for record in lab.records("moments"):
        assert record.value
        assert record.row
        of_log = {"r": "snapshot", "c": "stream"}
        route = of_log[record.value["__op"]] if record.value["__lsn"] else "incremental"
        out[route].setdefault(record.row["id"] % APART, record.row)
    return out


def same(found: Any, wanted: Any) -> bool:
    """Compare two values; NaN is NaN, and zero's sign counts."""
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float):
        alike = found == wanted or (math.isnan(found) and math.isnan(wanted))
        return alike and math.copysign(1, found) == math.copysign(1, wanted)
    return type(found) is type(wanted) and bool(found == wanted)


def test_every_value_is_the_same_from_a_snapshot_an_incremental_one_and_the_log(lab: Lab):
    lab.is_raw = True
    lab.every_column()
    fill(lab)
    day = {"type": "int", "logicalType": "date"}
    dates = [
        {"name": column.name, "type": ["null", day], "default": None}
        for column in COLUMNS
        if column.is_date
    ]
    lab.contract("moments", [*KEY, *dates], key=KEY, policy="stop", compatibility="NONE")
    wanted = expected(lab)
    lab.apply()
    wait(lab, wanted.keys(), "snapshot")
    names = ", ".join(column.name for column in COLUMNS)
    lab.sql(f"INSERT INTO moments SELECT id + {APART}, {names} FROM moments")
    wait(lab, wanted.keys(), "stream")
    signal = {"data-collections": [f"{lab.prefix}.moments"], "type": "incremental"}
    lab.sql(
        "INSERT INTO public.debezium_signal VALUES (%s, 'execute-snapshot', %s)",
        f"{lab.prefix} again",
        json.dumps(signal),
    )
    wait(lab, wanted.keys(), "incremental")

    wrong = [
        (column.type, route, value, found)
        for route, rows in arrived(lab).items()
        for number, row in wanted.items()
        for column in COLUMNS
        if not column.fits(found := rows[number][column.name], value := row[column.name], route)
    ]
    assert not wrong, "\n".join(map(str, wrong))


def wait(lab: Lab, ids: Collection[int], route: str) -> None:
    """Wait until every row has arrived in one way."""

    def is_complete() -> bool:
        assert lab.task_state() != "FAILED", lab.connect("GET", f"/connectors/{lab.prefix}/status")
        return arrived(lab)[route].keys() >= set(ids)

    until(is_complete, f"every row by {route}")


def test_the_bits_of_a_key_keep_their_zeros(lab: Lab):
    lab.every_column()
    lab.sql("CREATE TABLE bits (k varbit PRIMARY KEY, v int)")
    lab.sql("INSERT INTO bits VALUES (B'1', 1), (B'01', 2), (B'001', 3)")
    key = [{"name": "k", "type": "string"}]
    lab.contract("bits", [*key, {"name": "v", "type": ["null", "int"], "default": None}], key=key)
    lab.bring_up()

    records = lab.wait_for_records("bits", 3)
    found = {record.row["k"]: record.row["v"] for record in records if record.row}

    assert found == {"1": 1, "01": 2, "001": 3}
    assert [record.key and record.key["k"] for record in records] == ["1", "01", "001"]


AT = {"name": "at", "type": ["null", "string"], "default": None}
MOODS = {"type": "array", "items": "string"}
LISTED = {"name": "at", "type": ["null", MOODS], "default": None}


@pytest.mark.parametrize(
    ("type_", "value", "held", "is_streamed"),
    [
        ("date", "-infinity", "-infinity", False),
        ("timestamptz[]", "{1970-01-01,-infinity}", "-infinity", True),
        ("int[]", "{{1,2},{3,4}}", "{{1,2},{3,4}}", False),
        ("text[][]", '{{a},{"b,c"}}', '{{a},{"b,c"}}', True),
        ("mood[]", "{fine,NULL}", "{fine,NULL}", False),
        ("mood[]", "{{fine}}", "{{fine}}", True),
    ],
    ids=[
        *("a date in a snapshot", "a list in the log", "lists in a list in a snapshot"),
        *("lists in a list in the log", "NULL among labels", "lists of labels in a list"),
    ],
)
def test_what_the_topic_cant_hold_stops_the_task_until_the_contract_lets_it_become_null(
    lab: Lab, type_: str, value: str, held: str, is_streamed: bool
):
    row = f"INSERT INTO moments VALUES (7, '{value}')"
    lab.every_column()
    lab.sql("CREATE TYPE mood AS ENUM ('fine', 'poor')")
    lab.sql(f"CREATE TABLE moments (id int PRIMARY KEY, at {type_})")
    if not is_streamed:
        lab.sql(row)
    field = LISTED if type_ == "mood[]" else AT
    lab.contract("moments", [*KEY, field], key=KEY, policy="stop", compatibility="NONE")
    lab.apply()
    if is_streamed:
        lab.sql("INSERT INTO moments VALUES (1, NULL)")
        lab.wait_for_records("moments", 1)
        lab.sql(row)
    until(lambda: lab.task_state() == "FAILED", "the task to stop")

    [stopped] = [f for f in lab.plan("connectors").findings if f.rule == "CONNECTOR_RUNS"]

    words = f"{lab.prefix}.moments.at holds a value that the topic can't hold, `{held}`"
    assert stopped.message == f"{words} (rows: id = 7)"
    assert "unrepresentableValues: nullify" in (stopped.hint or "")
    assert 7 not in rows(lab)

    lab.source("moments", unrepresentableValues="nullify")
    lab.apply("connectors")
    until(lambda: 7 in rows(lab), "the row")

    assert rows(lab)[7]["at"] is None
    counted = f"`at` of {lab.prefix}.moments holds what the topic can't in 1 row: null in the topic"
    assert counted in messages(lab.plan("postgres"))


def test_every_infinity_becomes_null_where_the_contract_says_so(lab: Lab):
    types = ("date", "timestamp", "timestamptz")
    columns = {
        f"c{number}": (type_, value)
        for number, (type_, value) in enumerate(
            (f"{type_}{'[]' if is_list else ''}", "{infinity}" if is_list else value)
            for type_ in types
            for is_list in (False, True)
            for value in (("infinity",) if is_list else ("infinity", "-infinity"))
        )
    }
    lab.every_column()
    defined = ", ".join(f"{name} {type_}" for name, (type_, _) in columns.items())
    lab.sql(f"CREATE TABLE moments (id int PRIMARY KEY, {defined})")
    values = ", ".join(f"'{value}'" for _, value in columns.values())
    lab.sql(f"INSERT INTO moments VALUES (1, {values})")
    lab.contract("moments", KEY, key=KEY, policy="stop", compatibility="NONE")
    lab.source("moments", unrepresentableValues="nullify")
    lab.apply()
    lab.wait_for_records("moments", 1)
    lab.sql(f"INSERT INTO moments VALUES (2, {values})")
    lab.wait_for_records("moments", 2)

    nulls = dict.fromkeys(columns)
    assert rows(lab) == {1: {"id": 1, **nulls}, 2: {"id": 2, **nulls}}


def rows(lab: Lab) -> dict[int, dict[str, Any]]:
    return {record.row["id"]: record.row for record in lab.records("moments") if record.row}
