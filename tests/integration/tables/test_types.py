"""Every Avro type through the real engine: what is read is what Avro says was written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.integration.tables.lab import Lab, Row

CASES = Path(__file__).parents[2] / "cases" / "ddl"
AT = datetime(1969, 7, 20, 20, 17, 40, 123456, UTC)
LOCAL = AT.replace(tzinfo=None)
AT_MS, AT_US = -14_182_939_877, -14_182_939_876_544

VALUES: dict[str, tuple[Any, str, Any]] = {
    "flag": (True, "flag", True),
    "small": (-(2**31), "small", -(2**31)),
    "big": (2**63 - 1, "big", 2**63 - 1),
    "single": (0.5, "single", 0.5),
    "exact": (1e300, "exact", 1e300),
    "octets": (b"\xff\x00'\\", "hex(octets)", "FF00275C"),
    "text": ("ы \U0001f600 '\\\n\t", "text", "ы \U0001f600 '\\\n\t"),
    "fixed4": (b"\x00\xff\x00\x01", "hex(fixed4)", "00FF0001"),
    "colour": ("GREEN", "colour", "GREEN"),
    "day": (date(1969, 7, 20), "toString(day)", "1969-07-20"),
    "clock_ms": (time(1, 2, 3), "clock_ms", 3_723_000),
    "clock_us": (time(1, 2, 3), "clock_us", 3_723_000_000),
    "at_ms": (AT, "toUnixTimestamp64Milli(at_ms)", AT_MS),
    "at_us": (AT, "toUnixTimestamp64Micro(at_us)", AT_US),
    "at_ns": (-5, "toUnixTimestamp64Nano(at_ns)", -5),
    "local_ms": (LOCAL, "toUnixTimestamp64Milli(local_ms)", AT_MS),
    "local_us": (LOCAL, "toUnixTimestamp64Micro(local_us)", AT_US),
    "price": (Decimal("-12.345"), "toString(price)", "-12.345"),
    "cost": (Decimal("9999999.99"), "toString(cost)", "9999999.99"),
    "uuid": (UUID(int=7), "toString(uuid)", str(UUID(int=7))),
    "tags": (["a", ""], "tags", ["a", ""]),
    "grid": ([[1], [], [2, 3]], "grid", [[1], [], [2, 3]]),
    "holes": ([1, None], "holes", [1, None]),
    "days": ([date(1900, 1, 1)], "toString(days)", "['1900-01-01']"),
    "counts": ({"a": 1, "b": -1}, "counts", {"a": 1, "b": -1}),
    "names": ({"a": None, "b": "x"}, "names", {"a": None, "b": "x"}),
}
EMPTY_WHEN_NULL: dict[str, Any] = {
    "tags": [],
    "grid": [],
    "holes": [],
    "days": "[]",
    "counts": {},
    "names": {},
}
RECORD: dict[str, Any] = {name: sent for name, (sent, _, _) in VALUES.items()}
SELECT = ", ".join(sql for _, sql, _ in VALUES.values())
IN_FULL = tuple(expected for _, _, expected in VALUES.values())
MADE = {"made_at": AT}


def test_every_type(lab: Lab) -> None:
    lab.stream("every_type", CASES)
    lab.apply()
    lab.send("every_type", [lab.frame("every_type", {"id": 1, **MADE, **RECORD})])
    table = f"{lab.prefix}.every_type"
    lab.wait_for(f"SELECT count() FROM {table}", 1)
    assert lab.rows(f"SELECT {SELECT} FROM {table} FINAL") == [IN_FULL]


def test_every_type_or_null(lab: Lab) -> None:
    lab.stream("nullable", CASES)
    lab.apply()
    nulls = dict.fromkeys(VALUES)
    lab.send(
        "nullable",
        [
            lab.frame("nullable", {"id": 1, **MADE, **RECORD}),
            lab.frame("nullable", {"id": 2, **MADE, **nulls}),
        ],
    )
    table = f"{lab.prefix}.nullable"
    lab.wait_for(f"SELECT count() FROM {table}", 2)
    without = tuple(EMPTY_WHEN_NULL.get(name) for name in VALUES)
    assert lab.rows(f"SELECT {SELECT} FROM {table} FINAL ORDER BY id") == [IN_FULL, without]


def test_every_default(lab: Lab) -> None:
    """Rows from before, records of the earlier version after, and Avro's own defaults."""
    folder = CASES / "added_with_default"
    first = json.loads((folder / "versions" / "value.v1.avsc").read_text())
    newest = json.loads((folder / "versions" / "value.v2.avsc").read_text())
    lab.stream("added_with_default", CASES)
    own = lab.project.contracts / f"{lab.prefix}_added_with_default"
    (own / "versions" / "value.v2.avsc").unlink()
    lab.apply()
    early = lab.frame("added_with_default", {"id": 1, **MADE})
    table = f"{lab.prefix}.added_with_default"
    lab.send("added_with_default", [early])
    lab.wait_for(f"SELECT count() FROM {table}", 1)
    (own / "versions" / "value.v2.avsc").write_text(json.dumps(newest))
    lab.apply("tables", "schemas")
    late = lab.frame("added_with_default", {"id": 2, **MADE})
    lab.send("added_with_default", [late])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 2)
    assert len(newest["fields"]) - len(first["fields"]) == 14
    expected: Row = (
        *("main", "it's \\ here\n", True, -5, 0.25, "FF61", "GREEN", "1969-12-31", 1500, -1),
        *("-1.23", str(UUID(int=1)), [], None),
    )
    query = (
        "SELECT branch, quote, flag, amount, ratio, hex(octets), colour, toString(day),"
        " toUnixTimestamp64Milli(at_ms), toUnixTimestamp64Micro(at_us), toString(price),"
        f" toString(uuid), tags, note FROM {table} FINAL ORDER BY id"
    )
    assert lab.rows(query) == [expected, expected]


def test_nested_records(lab: Lab) -> None:
    """Arrays of unlike lengths beside each other, and records that may be null."""
    lab.stream("nested", CASES)
    lab.apply()
    place = {"city": "a", "floor": None, "tags": ["1"], "roads": ["1", "2"]}
    full = place | {"at": {"lat": 1.5, "lon": -1.5}}
    lab.send(
        "nested",
        [
            lab.frame("nested", {"id": 1, **MADE, "home": full, "stop": None, "again": None}),
            lab.frame("nested", {"id": 2, **MADE, "home": full, "stop": full, "again": full}),
        ],
    )
    table = f"{lab.prefix}.nested"
    lab.wait_for(f"SELECT count() FROM {table}", 2)
    there: Row = ("a", None, ["1"], ["1", "2"], 1.5)
    absent: Row = (None, None, [], [], None)
    parts = ", ".join(
        f"{one}_{part}"
        for one in ("home", "stop", "again")
        for part in ("city", "floor", "tags", "roads", "at_lat")
    )
    assert lab.rows(f"SELECT {parts} FROM {table} FINAL ORDER BY id") == [
        (*there, *absent, *absent),
        (*there, *there, *there),
    ]


@pytest.mark.parametrize(
    "name", sorted(f.name for f in CASES.iterdir() if not f.name.startswith("refused_"))
)
def test_the_engine_takes_every_case(lab: Lab, name: str) -> None:
    """Each case is made, and is then as declared: names, quoting, order, keys."""
    lab.stream(name, CASES)
    lab.apply("topics", "tables")
    plan = lab.plan()
    assert plan.is_clean
    assert not plan.steps
