"""Whether a column holds what it must, and which differences are meant.

Where the tables differ from Avro's resolution on purpose, the reason stands in
:data:`EQUIVALENCES`; every other difference is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from contractline.clickhouse.columns import Column
from contractline.proof.meaning import MeantMoment, same
from contractline.proof.oracle import Expected

_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(rb"-?(\d+)(?:\.(\d+))?")
_YEARS = range(1900, 2300)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A difference that is meant.

    Attributes:
        name: what to call it.
        reason: why the tables hold something else than Avro's resolution gives.
        holds: tells whether it explains what a column holds for what was expected.
    """

    name: str
    reason: str
    holds: Callable[[Column, Expected, Any], bool]


def _is_empty_list(column: Column, expected: Expected, got: Any) -> bool:
    return got == [] and expected.value is None


def _is_absent(column: Column, expected: Expected, got: Any) -> bool:
    return got is None and not expected.is_written and not expected.is_resolved


def _is_default_of_before(column: Column, expected: Expected, got: Any) -> bool:
    is_told = expected.is_written or expected.is_resolved
    return bool(column.default) and got is not None and not is_told


def _is_read_again(column: Column, expected: Expected, got: Any) -> bool:
    return column.is_read_again and not expected.is_written and got in (None, [], {})


def _is_time_of_text(column: Column, expected: Expected, got: Any) -> bool:
    return column.text_of == "timestamp" and same(_time(expected.value), got)


def _is_uuid_of_text(column: Column, expected: Expected, got: Any) -> bool:
    return column.text_of == "uuid" and same(_uuid(expected.value), got)


def _is_number_of_text(column: Column, expected: Expected, got: Any) -> bool:
    return column.text_of == "numeric" and same(_number(expected.value, *column.digits), got)


def _is_written_symbol(column: Column, expected: Expected, got: Any) -> bool:
    is_text = isinstance(expected.written, bytes) and column.queue_type.startswith("LowCardinality")
    return is_text and expected.is_written and same(expected.written, got)


EQUIVALENCES = (
    Equivalence(
        "a list that is null is empty",
        "ClickHouse has no null list, and the column's comment says so",
        _is_empty_list,
    ),
    Equivalence(
        "a field that a version lacks is NULL",
        "Avro would need a default to read the record at all; the tables keep the other fields",
        _is_absent,
    ),
    Equivalence(
        "a field that a version lacks is the default that an earlier version gave it",
        "the newest version has none any more, and Avro would not read the record at all; rows keep"
        " what they were shown as before",
        _is_default_of_before,
    ),
    Equivalence(
        "a column that a version of a captured table lacks is NULL",
        "`contractline apply` reads the rows of the table again once the version is registered",
        _is_read_again,
    ),
    Equivalence(
        "a time as text is a time",
        "the contract calls the text a timestamp; what is not a time, or lies beyond ClickHouse's"
        " years of 1900 to 2299, becomes NULL",
        _is_time_of_text,
    ),
    Equivalence(
        "a uuid as text is a UUID",
        "the contract calls the text a uuid of PostgreSQL; what is not one becomes NULL",
        _is_uuid_of_text,
    ),
    Equivalence(
        "a numeric as text is a Decimal",
        "the contract says how many digits the numeric of PostgreSQL has; NaN and what has more"
        " become NULL",
        _is_number_of_text,
    ),
    Equivalence(
        "a symbol that the newest version lacks stays as it was written",
        "Avro would give the enum's default; the column is text and keeps what was said",
        _is_written_symbol,
    ),
)
"""Every difference between the tables and Avro's resolution that is meant."""


def agrees(column: Column, expected: Expected, got: Any) -> bool:
    """Tell whether a column holds what it must."""
    return _is_exact(column, expected, got) or any(
        one.holds(column, expected, got) for one in EQUIVALENCES
    )


def _is_exact(column: Column, expected: Expected, got: Any) -> bool:
    is_known = expected.is_resolved or expected.is_written
    return is_known and not column.text_of and same(expected.value, got)


def _uuid(text: Any) -> UUID | None:
    return UUID(text.decode()) if isinstance(text, bytes) and _UUID.fullmatch(text) else None


def _number(text: Any, precision: int, scale: int) -> Decimal | None:
    """Return the number of a text; None for what so many digits do not hold."""
    found = _NUMBER.fullmatch(text) if isinstance(text, bytes) else None
    if found is None:
        return None
    whole, behind = found.groups(b"")
    fits = len(behind) <= scale and (whole == b"0" or len(whole) <= precision - scale)
    return Decimal(text.decode()) if fits else None


def _time(text: Any) -> MeantMoment | None:
    """Return the instant of a text in ISO 8601; None for what is none, or beyond the years."""
    if not isinstance(text, bytes) or not _ISO.fullmatch(text):
        return None
    if int(text[:4]) not in _YEARS:
        return None
    at = datetime.fromisoformat(text.decode())
    return MeantMoment((at - _EPOCH) // _MICROSECOND * 1000)
