from __future__ import annotations

import struct
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import pytest

from contractline.proof.meaning import MeantMoment
from contractline.proof.rowbinary import read_rows, selected
from contractline.recovery.container import varint

DAY = 86_400 * 10**9


def text(value: bytes) -> bytes:
    return varint(len(value)) + value


def answer(kind: str, *values: bytes) -> bytes:
    return b"".join((varint(1), text(b"it"), text(kind.encode()), *values))


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("Int8", b"\xff", -1),
        ("UInt64", b"\xff" * 8, 2**64 - 1),
        ("Int256", b"\xff" * 32, -1),
        ("Bool", b"\x01", True),
        ("Float32", struct.pack("<f", 0.5), 0.5),
        ("Float64", struct.pack("<d", -1.5), -1.5),
        ("String", text(b"\xff" * 300), b"\xff" * 300),
        ("FixedString(3)", b"a\0b", b"a\0b"),
        ("Date", b"\x01\0", MeantMoment(DAY)),
        ("Date32", b"\xff" * 4, MeantMoment(-DAY)),
        ("DateTime", b"\x01\0\0\0", MeantMoment(10**9)),
        ("DateTime64(3, 'UTC')", b"\xff" * 8, MeantMoment(-(10**6))),
        ("Decimal(9, 2)", b"\xff\xff\xff\xff", Decimal("-0.01")),
        ("Decimal(38, 0)", b"\x05" + b"\0" * 15, Decimal(5)),
        ("UUID", struct.pack("<QQ", 1, 2), UUID(int=1 << 64 | 2)),
        ("Enum8('a' = 1, 'b' = -2)", b"\xfe", b"b"),
        ("Enum16('a' = 1)", b"\x05\0", 5),
        ("Nullable(Int8)", b"\x01", None),
        ("LowCardinality(Nullable(String))", b"\0" + text(b"x"), b"x"),
        ("Array(Nullable(Int8))", b"\x02\x01\0\x05", [None, 5]),
        ("Map(String, Int8)", b"\x01" + text(b"k") + b"\x05", [(b"k", 5)]),
        ("Tuple(a Int8, b String)", b"\x05" + text(b"x"), {"a": 5, "b": b"x"}),
        ("Tuple(Int8, Int8)", b"\x05\x06", (5, 6)),
        ("Variant(Int64, String)", b"\x01" + text(b"x"), b"x"),
        ("Variant(Int64, String)", b"\xff", None),
        ("IPv4", b"\x04\x03\x02\x01", IPv4Address("1.2.3.4")),
        ("IPv6", b"\0" * 15 + b"\x01", IPv6Address("::1")),
    ],
)
def test_values(kind: str, data: bytes, value: Any) -> None:
    found = read_rows(answer(kind, data, data))
    assert found.names == ("it",)
    assert found.rows == ((value,), (value,))


def test_no_rows() -> None:
    assert read_rows(answer("Int8")).rows == ()


@pytest.mark.parametrize(
    "kind", ["Int64", "Array(Nullable(IPv4))", "Map(String, Tuple(a Decimal(76, 9), b UUID))"]
)
def test_what_avro_could_have_written_is_selected_as_it_is(kind: str) -> None:
    assert selected("a b", kind) == "`a b`"


@pytest.mark.parametrize(
    "kind", ["Time64(3)", "JSON", "Array(Dynamic)", "Point", "QBit(Float32, 4)"]
)
def test_what_avro_has_nothing_for_is_selected_as_text(kind: str) -> None:
    assert selected("it", kind) == "CAST(it, 'Nullable(String)') AS it"
