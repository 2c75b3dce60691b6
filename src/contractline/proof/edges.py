"""The values of a type at which readers go wrong; the first of each is an ordinary one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

_EPOCH = date(1970, 1, 1)
LONG_TEXT = 2_000
LONG_LIST = 200

INTS = (
    *(7, 0, 1, -1, 127, 128, -129, 255, 256, 32_767, 32_768, 65_535, 65_536),
    *(-(2**31), 2**31 - 1),
)
LONGS = (
    *(7, 3_000_000_000, -3_000_000_000, 0, -1, 300, 70_000, 2**31 - 1, 2**31, -(2**31) - 1),
    *(2**32 - 1, 2**32, 2**53 + 1, -(2**53) - 1, -(2**63), 2**63 - 1),
)
FLOATS = (
    *(1.5, 0.0, -0.0, -2.25, float(2**24 + 2), 3.4028234663852886e38, 1.401298464324817e-45),
    *(math.inf, -math.inf, math.nan),
)
DOUBLES = (*FLOATS, 0.1, 1.7976931348623157e308, 5e-324, float(2**53 + 2), 1e19, -1e19)
TEXTS = (
    "text",
    "",
    "Ünïcödé, 日本語, \U0001f469‍\U0001f680, и́",
    "null",
    "NULL",
    "\\N",
    " leading and trailing ",
    "'quoted' \"twice\" `and` \\back",
    "line\nbreak\ttab\rreturn\x00nul\x7f",
    "0",
    "x" * LONG_TEXT,
)
BYTES = (b"bytes", b"", b"\x00", b"\xff\xfe\x80 no text", bytes(range(256)), b"\x00" * LONG_TEXT)
UUIDS = tuple(
    str(UUID(int=number)) for number in (0x1234567890ABCDEF1234567890ABCDEF, 0, 2**128 - 1, 1)
)


def _days(year: int, month: int = 1, day: int = 1) -> int:
    return (date(year, month, day) - _EPOCH).days


DAYS = (
    *(_days(2024, 2, 29), 0, -1, 1, _days(1900), _days(1900) - 1, _days(1899), _days(2149, 6, 6)),
    *(_days(2149, 6, 7), _days(2299, 12, 31), _days(2300), _days(1), _days(9999, 12, 31)),
    *(-(2**31), 2**31 - 1),
)


def moments(unit: str) -> tuple[int, ...]:
    """Return timestamps in ``millis``, ``micros`` or ``nanos``, as far as 64 bits go."""
    per_second = {"millis": 10**3, "micros": 10**6, "nanos": 10**9}[unit]
    day = 86_400 * per_second
    inside = (
        *(_days(2024, 2, 29) * day + 45_296_789 * (per_second // 1000), 0, -1, 1),
        *(_days(1969, 12, 31) * day, _days(1900) * day, _days(1900) * day - 1),
        *(2**31 * per_second, 2**32 * per_second, _days(2149, 6, 7) * day),
        *(_days(2299, 12, 31) * day, _days(2300) * day - 1, _days(2300) * day),
        *(_days(1) * day, _days(9999, 12, 31) * day),
    )
    return (*(one for one in inside if -(2**63) <= one < 2**63), -(2**63), 2**63 - 1)


TIME_TEXTS = (
    "2024-02-29T12:34:56.789012Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.000000Z",
    "1900-01-01T00:00:00Z",
    "2262-04-11T23:47:16.854775Z",
    "2299-12-31T23:59:59.999999Z",
    "2024-06-01T02:00:00.5+05:30",
    "2024-06-01T02:00:00.12-08:00",
    "",
    "no time",
    "infinity",
    "1899-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2300-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "+10000-01-01T00:00:00Z",
    "-0044-03-15T00:00:00Z",
)
"""Times as Debezium writes them, and what is none."""

NOT_UUIDS = ("", "no uuid", "123e4567-e89b-12d3-a456")
"""What a text holds that a column of uuid can't take."""

CDC_TEXTS = {"__op": ("u", "c", "r", "d"), "__deleted": ("false", "true")}
"""What Debezium writes into the fields that the unwrap transform adds."""


def numerics(precision: int, scale: int) -> tuple[str, ...]:
    """Return the texts of numerics: what so many digits hold, and what they don't."""
    whole, rest = "9" * (precision - scale) or "0", f".{'9' * scale}" if scale else ""
    point = f".{'0' * (scale - 1)}1" if scale else ""
    fit = (f"{whole}{rest}", f"-{whole}{rest}", f"0{point}", f"-0{point}", "0")
    return (*fit, f"1{whole}", f"0.{'0' * scale}1", "NaN", "Infinity", "-Infinity", "", "no number")


def decimals(precision: int) -> tuple[bytes, ...]:
    """Return the bytes of decimals: the largest and the smallest that a precision holds, and zero."""
    largest = 10**precision - 1
    return tuple(unscaled(one) for one in (min(largest, 1234), 0, 1, -1, largest, -largest))


def unscaled(number: int, size: int | None = None) -> bytes:
    """Return a whole number as a decimal's bytes."""
    needed = (number + (number < 0)).bit_length() // 8 + 1
    return number.to_bytes(size or needed, "big", signed=True)


def rotated(columns: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return rows in which every value of every column stands at least once.

    The first row is of the ordinary values; then each column is read from another place, so that
    no row is of extremes alone.
    """
    if not columns:
        return [()]
    longest = max(map(len, columns))
    first = tuple(column[0] for column in columns)
    return [
        first,
        *(
            tuple(column[(row + 3 * at) % len(column)] for at, column in enumerate(columns))
            for row in range(longest)
        ),
    ]
