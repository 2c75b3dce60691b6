"""What a request asks for: everything in its URL, headers and form fields, sorted out."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.leases import DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS

DEFAULT_FORMAT = "TabSeparated"
BUFFER_BYTES = 1 << 20
"""An answer up to this size is held back until it is complete, so that a failure gets its status."""

PATIENCE_SECONDS = 0.1
"""How long that is done once there are rows: a slow query's rows arrive as they are made."""

_PARAMETER = "param_"

# URL parameters that are not settings, and settings that concern only the HTTP interface itself.
_OWN = frozenset(
    [
        "query",
        "query_id",
        "database",
        "default_format",
        "user",
        "password",
        "quota_key",
        "role",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "stacktrace",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "http_wait_end_of_query",
        "http_response_buffer_size",
        "http_zlib_compression_level",
        "add_http_cors_header",
    ]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, sorted out.

    Attributes:
        query: the statement, or its beginning, from the URL or a form field.
        query_id: the client's id for it, or a new one.
        parameters: the values of ``{name:Type}``.
        settings: settings for it.
        database: the current database.
        role: a role to take.
        output_format: the format of the answer unless the statement names one.
        session_id: the session to go on with.
        session_timeout: seconds after which that ends when it is not used.
        session_check: the session must exist.
        wait: hold the answer back until it is complete, whatever its size.
        buffer_bytes: hold an answer up to this size back.
        patience: do so for these seconds after its first rows; None for as long as it takes.
        compress: whether the answer may be compressed as Accept-Encoding says.
    """

    query: bytes
    query_id: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    database: str | None
    role: str | None
    output_format: str
    session_id: str | None
    session_timeout: int
    session_check: bool
    wait: bool
    buffer_bytes: int
    patience: float | None
    compress: bool


def asked(
    options: Mapping[str, str],
    headers: Mapping[str, str],
    not_settings: frozenset[str] = frozenset(),
) -> Asked:
    """Sort a request out.

    Args:
        options: URL parameters and form fields.
        headers: the headers, with lower-case names.
        not_settings: further options that are no settings.

    Raises:
        QueryFailed: a value is of no use.
    """
    return Asked(
        query=options.get("query", "").encode(errors="surrogateescape"),
        query_id=_query_id(options),
        parameters={
            name.removeprefix(_PARAMETER): _text(value)
            for name, value in options.items()
            if name.startswith(_PARAMETER)
        },
        settings={
            name: _text(value)
            for name, value in options.items()
            if name not in _OWN | not_settings and not name.startswith(_PARAMETER)
        },
        database=options.get("database") or headers.get("x-clickhouse-database"),
        role=options.get("role"),
        output_format=format_name(
            options.get("default_format") or headers.get("x-clickhouse-format") or DEFAULT_FORMAT
        ),
        session_id=options.get("session_id"),
        session_timeout=0 if flag(options, "close_session") else _timeout(options),
        session_check=flag(options, "session_check"),
        wait=flag(options, "wait_end_of_query") or flag(options, "http_wait_end_of_query"),
        buffer_bytes=max(BUFFER_BYTES, _number(options, "buffer_size")),
        patience=None if "buffer_size" in options else PATIENCE_SECONDS,
        compress=flag(options, "enable_http_compression", default="1"),
    )


def _text(value: str) -> str:
    """Return a value without the bytes that are not UTF-8, which only a statement may hold."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def flag(options: Mapping[str, str], name: str, default: str = "0") -> bool:
    """Tell whether an option is on."""
    return options.get(name, default).lower() in ("1", "true")


def _number(options: Mapping[str, str], name: str) -> int:
    value = options.get(name, "0")
    if not value.isdecimal():
        raise QueryFailed.of(Code.BAD_ARGUMENTS, f"{name}={value} is not a number")
    return int(value)


def format_name(name: str) -> str:
    """Return the name of a format, which goes into statements as it is.

    Raises:
        QueryFailed: it can't be one.
    """
    if not re.fullmatch(r"\w+", name):
        raise QueryFailed.of(Code.UNKNOWN_FORMAT, f"Unknown format {name!r}")
    return name


def _query_id(options: Mapping[str, str]) -> str:
    query_id = options.get("query_id") or str(uuid.uuid4())
    if not query_id.isprintable():
        raise QueryFailed.of(Code.BAD_ARGUMENTS, "query_id holds characters that are not printable")
    return query_id


def _timeout(options: Mapping[str, str]) -> int:
    value = options.get("session_timeout", str(DEFAULT_TIMEOUT_SECONDS))
    if not value.isdecimal():
        raise QueryFailed.of(Code.INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{value}'")
    if int(value) > MAX_TIMEOUT_SECONDS:
        raise QueryFailed.of(
            Code.INVALID_SESSION_TIMEOUT,
            f"Session timeout '{value}' is larger than max_session_timeout: {MAX_TIMEOUT_SECONDS}",
        )
    return int(value)
