"""A request, made ready to run: what it asks for, its statement, and the data that comes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from contractline.engine.asking import Asked, asked, flag
from contractline.engine.compression import NATIVE, decoder
from contractline.engine.errors import Code, QueryFailed
from contractline.engine.incoming import (
    ExternalTable,
    Form,
    RequestFiles,
    is_form,
    take_form,
    take_statement,
)
from contractline.engine.leases import Wish
from contractline.engine.session import BLOCK_FORMATS
from contractline.engine.sql import Kind, Statement

_CHANGING = frozenset({"KILL", "BACKUP", "RESTORE"})


@dataclass(frozen=True, slots=True)
class Job:
    """A request, ready to run.

    Attributes:
        asked: what it asks for.
        statement: its statement.
        data: the path of the data of an INSERT.
        tables: the tables that it brings along.
    """

    asked: Asked
    statement: Statement
    data: str | None
    tables: tuple[ExternalTable, ...]

    @property
    def sql(self) -> bytes:
        """The statement as the engine takes it, unless its answer is streamed."""
        return self.statement.reading(self.data) if self.data else self.statement.text

    @property
    def comes_in_blocks(self) -> bool:
        """Whether each block of its answer can be passed on as it comes."""
        output_format = self.statement.format or self.asked.output_format
        return output_format.lower() in BLOCK_FORMATS and not self.asked.wait

    @property
    def inserts(self) -> bool:
        """Whether the rows that the engine counts are inserted ones."""
        return self.statement.file_at is not None

    @property
    def wish(self) -> Wish:
        """What it wants of its session."""
        settings = self.asked.settings
        if self.statement.kind is Kind.OTHER:
            # The engine would read a misspelt statement as an expression, which a server does not.
            settings = {"implicit_select": "0", **settings}
        return Wish(
            settings=settings,
            database=self.asked.database,
            role=self.asked.role,
            session_id=self.asked.session_id,
            timeout=self.asked.session_timeout,
            must_exist=self.asked.session_check,
            keeps=self.statement.keeps,
        )


async def job_of(request: Request, options: dict[str, str], files: RequestFiles) -> Job:
    """Read a request.

    Args:
        request: the request.
        options: its URL parameters.
        files: where to put what comes with it.

    Raises:
        QueryFailed: it can't be understood, or GET is used for a change.
    """
    body = _decompressed(request, options)
    kind = request.headers.get("content-type", "")
    form = Form()
    if is_form(kind):
        form = await take_form(kind, body, files)
        options = options | form.fields
    asks = asked(options, request.headers, form.descriptions)
    statement, data = await take_statement(asks.query, body, files)
    if request.method != "POST" and not _only_reads(statement):
        raise QueryFailed.of(
            Code.READONLY,
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies "
            "readonly. You should use method POST for modifying queries",
        )
    return Job(asks, statement, data, form.tables(options))


def _only_reads(statement: Statement) -> bool:
    if statement.kind in (Kind.ROWS, Kind.FEW_ROWS):
        return statement.verb not in _CHANGING
    return statement.verb in ("SET", "USE")


async def _decompressed(request: Request, options: dict[str, str]) -> AsyncIterator[bytes]:
    encodings = [request.headers.get("content-encoding", "").strip().lower()]
    if flag(options, "decompress"):
        encodings.append(NATIVE)
    decoders = [decoder(encoding) for encoding in encodings if encoding not in ("", "identity")]
    async for piece in request.stream():
        for each in decoders:
            piece = each.decompress(piece)
        if piece:
            yield piece
    for each in decoders:
        each.finish()
