from __future__ import annotations

import pytest

from contractline.engine.errors import QueryFailed
from contractline.engine.status import status_of


@pytest.mark.parametrize(
    ("text", "code", "name", "reason"),
    [
        (
            "Code: 60. DB::Exception: Table default.x does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table default.x does not exist",
        ),
        (
            "Code: 6. DB::Exception: Code: 6. DB::Exception: Cannot parse 'zz': at row 1. "
            "(CANNOT_PARSE_TEXT) (version 26.1.2.1). (CANNOT_PARSE_TEXT)",
            6,
            "CANNOT_PARSE_TEXT",
            "Cannot parse 'zz': at row 1",
        ),
        (
            "Code: 400. DB::ErrnoException: Cannot stat file /x: , errno: 2. (CANNOT_STAT)",
            400,
            "CANNOT_STAT",
            "Cannot stat file /x: , errno: 2",
        ),
        ("something else", 1002, "UNKNOWN_EXCEPTION", "something else"),
    ],
)
def test_the_engines_text_is_read(text, code, name, reason):
    failed = QueryFailed.parse(text)
    assert (failed.code, failed.name, failed.reason) == (code, name, reason)


def test_an_error_reads_as_a_server_says_it():
    assert str(QueryFailed(60, "UNKNOWN_TABLE", "No t")) == (
        "Code: 60. DB::Exception: No t. (UNKNOWN_TABLE)"
    )


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("UNKNOWN_TABLE", 404),
        ("UNKNOWN_SETTING", 404),
        ("SYNTAX_ERROR", 400),
        ("AUTHENTICATION_FAILED", 403),
        ("REQUIRED_PASSWORD", 401),
        ("TIMEOUT_EXCEEDED", 408),
        ("NOT_IMPLEMENTED", 501),
        ("READONLY", 500),
    ],
)
def test_status(name, status):
    assert status_of(QueryFailed(0, name, "")) == status
