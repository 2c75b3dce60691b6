"""The connection to ClickHouse: queries in, rows out, every refusal as an error of our own."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.external import ExternalData

from contractline.errors import ServiceUnavailable
from contractline.settings import Endpoints, without_password

CONNECT_SECONDS = 5
ANSWER_SECONDS = 120
LARGE_STATEMENT = 64 * 1024
"""Characters from which on a statement's size is announced: that of a record of thousands of
fields. No other needs a setting, which a user who may only read can't give."""

_CAUSE = re.compile(r"\[Errno -?\d+\] ([^')\"]+)")
_VOLATILE = re.compile(r"\S*query_id=[0-9a-f-]+\S*")
_PASSWORD = re.compile(r"(://[^:/@\s']*):[^@\s']*@")
_CRASHING = "server is shutting down"
"""What a server answers between a crash and its end."""

_CODE = re.compile(r"Code: (\d+)")
_WORDS = re.compile(r"DB::Exception: (?P<words>.*?)(?:\. \([A-Z_]+\)| \(version |$)", re.DOTALL)
_OF_A_LIBRARY = re.compile(r"type: (\S+), e\.what\(\) = (.*?)(?: \(version |$)", re.DOTALL)
"""How ClickHouse tells the exception of a library that it uses, such as avro::Exception."""

# Without a handler of its own its errors would be written to the terminal beside ours.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


class QueryRefused(ServiceUnavailable):
    """When ClickHouse answers that it can't run a query.

    Attributes:
        code: ClickHouse's own number of the error; 0 where it gave none.
        words: why, exactly as ClickHouse says it.
        sql: the query.
    """

    def __init__(self, where: str, answer: str, sql: str) -> None:
        code = _CODE.search(answer)
        self.code = int(code.group(1)) if code else 0
        self.sql = sql
        self.words = words_of(answer)
        text = " ".join(self.words.split())
        asked = f"it was asked: {_short(sql)}" if sql else "check CLICKHOUSE_URL"
        super().__init__("ClickHouse", where, text, hint=asked)


def words_of(answer: str) -> str:
    """Return why ClickHouse refused a query, as the reason of a Kafka table's message says it."""
    if of_a_library := _OF_A_LIBRARY.search(answer):
        return ": ".join(of_a_library.groups())
    words = _WORDS.search(answer)
    return words.group("words") if words else answer


class ClickHouseAway(ServiceUnavailable):
    """When ClickHouse does not answer, so that trying again can help."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__("ClickHouse", where, f"does not answer: {problem}")


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that is sent along with a query, and gone after it.

    Attributes:
        name: its name in the query.
        structure: its columns, as in CREATE TABLE.
        data: its rows, in ClickHouse's format RowBinary.
    """

    name: str
    structure: str
    data: bytes


class Warehouse:
    """ClickHouse over its HTTP interface."""

    def __init__(self, endpoints: Endpoints) -> None:
        url = endpoints.need("clickhouse_url")
        self.where = without_password(url)
        parts = urlsplit(url)
        try:
            self._client: Client = clickhouse_connect.get_client(
                host=parts.hostname or "",
                port=parts.port or (8443 if parts.scheme == "https" else 8123),
                username=unquote(parts.username or "default"),
                password=unquote(parts.password or ""),
                interface=parts.scheme,
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=ANSWER_SECONDS,
                # Sessions would make one query wait for another; nothing here needs one.
                autogenerate_session_id=False,
            )
        except ClickHouseError as problem:
            raise self._failure(problem, "") from problem

    def rows(
        self,
        sql: str,
        parameters: dict[str, Any] | None = None,
        *,
        table: ExternalTable | None = None,
    ) -> Sequence[Sequence[Any]]:
        """Return the rows of a query.

        Args:
            sql: the query; ``{name:Type}`` stands for a parameter.
            parameters: their values.
            table: what is sent along with it.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        try:
            answer = self._client.query(
                sql, parameters=parameters, settings=_settings(sql), external_data=_external(table)
            )
            return answer.result_rows
        except ClickHouseError as problem:
            raise self._failure(problem, sql) from problem

    def run(
        self,
        sql: str,
        parameters: dict[str, Any] | None = None,
        *,
        data: bytes | None = None,
        table: ExternalTable | None = None,
    ) -> None:
        """Run a statement that has no rows.

        Args:
            sql: the statement; ``{name:Type}`` stands for a parameter.
            parameters: their values.
            data: what an INSERT inserts, in the format that it names.
            table: what is sent along with it.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        try:
            self._client.command(
                sql,
                parameters=parameters,
                data=data,
                settings=_settings(sql),
                external_data=_external(table),
            )
        except ClickHouseError as problem:
            raise self._failure(problem, sql) from problem

    def raw(
        self,
        sql: str,
        output_format: str,
        parameters: dict[str, Any] | None = None,
        settings: dict[str, str] | None = None,
    ) -> bytes:
        """Return the answer to a query in one of ClickHouse's formats, as it came.

        Args:
            sql: the query; ``{name:Type}`` stands for a parameter.
            output_format: the format.
            parameters: their values.
            settings: settings for this query alone.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        try:
            return self._client.raw_query(
                sql,
                parameters=parameters,
                settings={**(settings or {}), **(_settings(sql) or {})} or None,
                fmt=output_format,
            )
        except ClickHouseError as problem:
            raise self._failure(problem, sql) from problem

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def _failure(self, problem: ClickHouseError, sql: str) -> ServiceUnavailable:
        text = _without_passwords(str(problem))
        if _CRASHING in text:
            return ClickHouseAway(self.where, "it is crashing")
        if "DB::Exception" in text or _CODE.search(text):
            return QueryRefused(self.where, text, sql)
        cause = _CAUSE.search(text)
        words = cause.group(1) if cause else _VOLATILE.sub("", " ".join(text.split()))
        return ClickHouseAway(self.where, words)


def _settings(sql: str) -> dict[str, str] | None:
    """Return what ClickHouse needs to be told of a statement: by itself it reads 256 KB of one."""
    return {"max_query_size": str(2 * len(sql.encode()))} if len(sql) > LARGE_STATEMENT else None


def _external(table: ExternalTable | None) -> ExternalData | None:
    if table is None:
        return None
    return ExternalData(
        file_name=table.name, data=table.data, fmt="RowBinary", structure=table.structure
    )


def _without_passwords(text: str) -> str:
    """Hide the passwords of URLs, such as the registry's in a queue's settings."""
    return _PASSWORD.sub(r"\1:***@", text)


def _short(sql: str) -> str:
    line = _without_passwords(" ".join(sql.split()))
    return line if len(line) <= 200 else f"{line[:200]}…"
