from __future__ import annotations

import pytest

from contractline.engine.asking import BUFFER_BYTES, asked
from contractline.engine.errors import Code, QueryFailed


def test_everything_else_is_a_setting():
    request = asked(
        {
            "query": "SELECT {x:Int8}",
            "param_x": "1",
            "database": "d",
            "user": "default",
            "session_id": "s",
            "max_threads": "2",
            "enable_http_compression": "1",
        },
        {},
    )
    assert request.settings == {"max_threads": "2"}
    assert request.parameters == {"x": "1"}
    assert (request.database, request.session_id) == ("d", "s")
    assert request.query == b"SELECT {x:Int8}"


def test_descriptions_of_external_tables_are_no_settings():
    request = asked({"t_format": "CSV", "a": "1"}, {}, frozenset({"t_format"}))
    assert request.settings == {"a": "1"}


def test_url_wins_over_headers():
    headers = {"x-clickhouse-database": "h", "x-clickhouse-format": "CSV"}
    assert asked({}, headers).database == "h"
    assert asked({}, headers).output_format == "CSV"
    request = asked({"database": "u", "default_format": "JSON"}, headers)
    assert (request.database, request.output_format) == ("u", "JSON")


def test_defaults():
    request = asked({}, {})
    assert request.output_format == "TabSeparated"
    assert request.buffer_bytes == BUFFER_BYTES
    assert request.compress
    assert not request.wait
    assert request.query_id != asked({}, {}).query_id


def test_a_statement_may_hold_any_bytes():
    assert asked({"query": "SELECT '\udcff'"}, {}).query == b"SELECT '\xff'"
    assert asked({"param_x": "a\udcff"}, {}).parameters == {"x": "a\ufffd"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"session_timeout": "x"}, Code.INVALID_SESSION_TIMEOUT),
        ({"session_timeout": "3601"}, Code.INVALID_SESSION_TIMEOUT),
        ({"buffer_size": "big"}, Code.BAD_ARGUMENTS),
        ({"query_id": "a\r\nX-Other: b"}, Code.BAD_ARGUMENTS),
        ({"default_format": "TSV; DROP TABLE t"}, Code.UNKNOWN_FORMAT),
    ],
)
def test_refused(options, code):
    with pytest.raises(QueryFailed) as refused:
        asked(options, {})
    assert refused.value.code == code
