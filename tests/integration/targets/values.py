"""PostgreSQL's types, odd values of each, and what its own text says must arrive.

The expected values are computed from the text alone, by arithmetic of this file: no library of the
pipeline (Java's calendars least of all) has a part in them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_DAY_MS = 86_400_000
_MOMENT = re.compile(
    r"(?:(\d+)-(\d\d)-(\d\d))?[ ]?(?:(\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:([+-]\d\d)(?::(\d\d))?)?( BC)?"
)


@dataclass(frozen=True)
class Kind:
    """A type of PostgreSQL.

    Attributes:
        name: as SQL writes it.
        odd: values at its edges, as PostgreSQL's text.
        expected: what arrives in the topic of a value's text.
        random: SQL for a random value; empty where the odd ones are all.
        has_list: whether lists of it are captured.
        in_list: what arrives of an element of a list, where it is something else.
    """

    name: str
    odd: tuple[str, ...]
    expected: Callable[[str], Any]
    random: str = ""
    has_list: bool = True
    in_list: Callable[[str], Any] | None = None


def days(text: str) -> int:
    """Return the days since 1970 of a date, in the proleptic Gregorian calendar."""
    year, month, day = _date(_parts(text))
    # Years that begin in March end with the leap day.
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def timestamp_ms(text: str) -> int:
    """Return a timestamp's milliseconds since 1970, cut."""
    return days(text) * _DAY_MS + time_ms(text)


def time_ms(text: str) -> int:
    """Return a time's milliseconds, cut."""
    return _micros(_parts(text)) // 1000


def zoned(text: str) -> str:
    """Return a timestamptz, which PostgreSQL shows in UTC, in the words of ISO 8601."""
    parts = _parts(text)
    year, month, day = _date(parts)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    _, _, _, hour, minute, second, fraction, *_ = parts
    micros = (fraction or "").ljust(6, "0")
    return f"{sign}{abs(year):04}-{month:02}-{day:02}T{hour}:{minute}:{second}.{micros}Z"


def zoned_time(text: str) -> str:
    """Return a timetz in UTC: its offset is lost, and 24:00 is 00:00."""
    parts = _parts(text)
    offset = int(parts[7]) * 60 + (-1 if parts[7][0] == "-" else 1) * int(parts[8] or 0)
    micros = (_micros(parts) - offset * 60_000_000) % (86_400 * 1_000_000)
    seconds, fraction = divmod(micros, 1_000_000)
    shown = f".{fraction:06}".rstrip("0").rstrip(".")
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{shown}Z"


def _parts(text: str) -> tuple[str, ...]:
    match = _MOMENT.fullmatch(text)
    assert match, text
    return match.groups()


def _date(parts: tuple[str, ...]) -> tuple[int, int, int]:
    year, month, day = map(int, parts[:3])
    return (1 - year if parts[9] else year), month, day


def _micros(parts: tuple[str, ...]) -> int:
    hour, minute, second = (int(part or 0) for part in parts[3:6])
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((parts[6] or "").ljust(6, "0"))


def _bits(text: str) -> bytes:
    """Return what Debezium makes of a bit(n): little-endian, without the zero bytes at its end."""
    number = int(text, 2)
    return number.to_bytes((number.bit_length() + 7) // 8, "little")


_ANY_DAY = "(DATE '4713-01-01 BC' + (random() * 107000000)::int)"
_ANY_TIME = f"{_ANY_DAY} + random() * INTERVAL '1 day'"
_ANY_NUMBER = "round(((random() - 0.5) * 1e12)::numeric / 10::numeric ^ (random() * 12)::int, 15)"

DOMAIN_OF_DATES = "day"
"""A type that the test makes."""

_DAYS = (
    *("0044-03-15 BC", "4713-01-01 BC", "0001-12-31 BC", "0001-02-29 BC", "0001-01-01"),
    *("1500-02-28", "1500-03-01", "1582-10-04", "1582-10-05", "1582-10-10", "1582-10-14"),
    *("1582-10-15", "1582-10-24", "1969-12-31", "2000-02-29"),
    *("9999-12-31", "10000-01-01", "5874897-12-31"),
)

KINDS = (
    Kind("date", _DAYS, days, _ANY_DAY),
    Kind(DOMAIN_OF_DATES, _DAYS, days, _ANY_DAY, has_list=False),
    Kind(
        "timestamp",
        (
            *("0044-03-15 12:00:00 BC", "4713-01-01 00:00:00 BC", "1500-02-28 23:59:59.9999"),
            *("1582-10-10 01:02:03.123456", "1969-12-31 23:59:59.999999", "2026-03-29 02:30:00"),
            *("9999-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"),
        ),
        timestamp_ms,
        _ANY_TIME,
    ),
    Kind(
        "timestamptz",
        (
            *("0044-03-15 12:00:00+00 BC", "4713-01-01 00:00:00+00 BC", "0001-01-01 00:00:00+00"),
            *("1582-10-10 01:02:03.123456+00", "1969-12-31 23:59:59.999999+00"),
            *("2026-03-29 01:30:00.1+00", "10000-01-01 00:00:00+00"),
            "294276-12-31 23:59:59.999999+00",
        ),
        zoned,
        f"({_ANY_TIME}) AT TIME ZONE 'UTC'",
    ),
    Kind(
        "time",
        ("00:00:00", "24:00:00", "23:59:59.999999"),
        time_ms,
        "TIME '00:00' + random() * INTERVAL '1 day'",
    ),
    Kind(
        "timetz",
        ("12:00:00.123456+05:30", "00:00:00+14", "23:59:59.999999-12", "24:00:00+00"),
        zoned_time,
        "(TIME '00:00' + random() * INTERVAL '1 day')::timetz",
    ),
    Kind(
        "numeric",
        (
            *("NaN", "Infinity", "-Infinity", "0.000", "-0.5", "100000000000000000000"),
            *("0.00000000000000000001", "12345678901234567890.123456789"),
        ),
        str,
        _ANY_NUMBER,
    ),
    Kind("numeric(8,2)", ("NaN", "1.50", "-0.01", "999999.99"), str),
    Kind(
        "real",
        ("NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4e+38"),
        lambda text: struct.unpack("f", struct.pack("f", float(text)))[0],
        "((random() - 0.5) * 1e30)::real",
    ),
    Kind(
        "double precision",
        ("NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e+308"),
        float,
        "(random() - 0.5) * 1e300",
    ),
    Kind("smallint", ("-32768", "32767"), int),
    Kind("int", ("-2147483648", "2147483647"), int),
    Kind("bigint", ("-9223372036854775808", "9223372036854775807"), int),
    Kind("oid", ("0", "4294967295"), int),
    Kind(
        "money",
        ("-$1.50", "$92,233,720,368,547,758.07"),
        lambda text: text.replace("$", "").replace(",", ""),
        has_list=False,
    ),
    Kind("boolean", ("true", "false"), lambda text: text in ("t", "true")),
    Kind("bit(1)", ("1", "0"), lambda text: text == "1", in_list=str),
    Kind("bit(8)", ("00000101", "10100000", "00000000"), _bits, in_list=str),
    Kind(
        "varbit",
        ("", "0", "101", "0101", "00000000101"),
        str,
        "substr((random() * 2147483647)::int::bit(32)::text, 1, (random() * 32)::int)::varbit",
    ),
    Kind("varbit(1)", ("", "0", "1"), str),
    Kind("bytea", (r"\x", r"\x00ff"), lambda text: bytes.fromhex(text[2:])),
    Kind("text", ("", "NULL", 'a "b", {c}', "\\", "é\u2028\n"), str, "md5(random()::text)"),
    Kind("char(5)", ("a    ",), lambda text: text.ljust(5)),
    Kind("varchar(9)", ("a ", "{}"), str),
    Kind("uuid", ("00000000-0000-0000-0000-000000000000",), str, "gen_random_uuid()"),
    Kind("jsonb", ('{"a": 1.0}', "null", '"x"'), str),
    Kind("json", ('{"a" : 1}', "null"), str),
    Kind("inet", ("10.0.0.1/8", "::1"), lambda text: text.removesuffix("/128")),
    Kind("cidr", ("10.0.0.0/8",), str),
    Kind("macaddr", ("08:00:2b:01:02:03",), str),
    Kind("macaddr8", ("08:00:2b:01:02:03:04:05",), str),
    Kind("int4range", ("[1,5)", "empty", "(,)"), str),
    Kind("numrange", ("[1.5,2.5]", "[NaN,)"), str),
    Kind("daterange", ('["0044-03-15 BC",infinity)', "empty"), str),
    Kind("tsrange", ('["0044-03-15 00:00:00 BC",infinity)',), str),
    Kind("tstzrange", ('["0044-03-15 00:00:00+00 BC",infinity)',), str),
    Kind("tsvector", ("'a':1 'b':2",), str),
)
