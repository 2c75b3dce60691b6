"""Answers as ClickHouse gives them: headers, error bodies, compressed or not, in one piece or as a stream."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.types import Send

from contractline.engine.compression import NATIVE, encoder
from contractline.engine.errors import QueryFailed
from contractline.engine.formats import content_type
from contractline.engine.session import Result
from contractline.engine.status import status_of


@dataclass(frozen=True, slots=True)
class Server:
    """What an answer says of the server."""

    name: str
    version: str
    timezone: str

    def text_of(self, error: QueryFailed) -> str:
        """Return an error as the body of an answer says it."""
        return f"{error} (version {self.version} (official build))\n"


@dataclass(slots=True)
class Reply:
    """The answer to one request, under way.

    Attributes:
        send: where it goes.
        server: what it says of the server.
        query_id: the id of the query.
        timezone: the time zone that the query ran in.
        output_format: the format of the rows; None when there are none.
        encoding: how the body is compressed; None to leave it as it is.
    """

    send: Send
    server: Server
    query_id: str = ""
    timezone: str = ""
    output_format: str | None = None
    encoding: str | None = None
    started: bool = field(default=False, init=False)

    async def whole(self, body: bytes, summary: dict[str, str]) -> None:
        """Send an answer in one piece."""
        headers = self._headers()
        if self.encoding and body:
            packer = encoder(self.encoding)
            body = packer.compress(body) + packer.flush()
            headers |= self._content_encoding()
        headers["X-ClickHouse-Summary"] = json.dumps(summary, separators=(",", ":"))
        headers["Content-Length"] = str(len(body))
        await self._start(200, headers)
        await self._body(body)

    async def stream(self, pieces: AsyncIterator[bytes]) -> None:
        """Send an answer piece by piece.

        A failure on the way is written at its end, as ClickHouse does, and the answer stays without
        its last chunk: a client that does not know the mark sees a broken transfer.

        Raises:
            QueryFailed: the failure, after it was written.
        """
        tag = secrets.token_hex(8)
        headers = self._headers() | {"X-ClickHouse-Exception-Tag": tag}
        packer = encoder(self.encoding) if self.encoding else None
        headers |= self._content_encoding()
        await self._start(200, headers)
        try:
            async for piece in pieces:
                await self._body(packer.compress(piece) if packer else piece, more=True)
        except QueryFailed as failed:
            text = _marked(self.server.text_of(failed), tag)
            last = packer.compress(text) + packer.flush() if packer else text
            await self._body(last, more=True)
            raise
        await self._body(packer.flush() if packer else b"")

    async def failed(self, error: QueryFailed, *, ask_for_password: bool = False) -> None:
        """Send an error."""
        body = self.server.text_of(error).encode(errors="replace")
        if self.encoding == NATIVE:  # as a server does; its drivers expect it
            body = encoder(NATIVE).compress(body)
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Server-Display-Name": self.server.name,
            "X-ClickHouse-Exception-Code": str(error.code),
            "Content-Length": str(len(body)),
        }
        if self.query_id:
            headers["X-ClickHouse-Query-Id"] = self.query_id
        if ask_for_password:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        await self._start(401 if ask_for_password else status_of(error).value, headers)
        await self._body(body)

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": content_type(self.output_format or ""),
            "X-ClickHouse-Server-Display-Name": self.server.name,
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Timezone": self.timezone,
        }
        if self.output_format:
            headers["X-ClickHouse-Format"] = self.output_format
        return headers

    def _content_encoding(self) -> dict[str, str]:
        if self.encoding in (None, NATIVE):
            return {}
        return {"Content-Encoding": str(self.encoding)}

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.started = True
        raw = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def _body(self, body: bytes, *, more: bool = False) -> None:
        if body or not more:
            await self.send({"type": "http.response.body", "body": body, "more_body": more})


def summary(result: Result, *, inserted: bool) -> dict[str, str]:
    """Return what X-ClickHouse-Summary says of a query that is over."""
    counts = {
        "read_rows": result.rows_read,
        "read_bytes": result.bytes_read,
        "total_rows_to_read": result.rows_read,
        "elapsed_ns": int(result.seconds * 1e9),
    }
    if inserted:
        counts |= {"written_rows": result.rows, "written_bytes": result.bytes}
    else:
        counts |= {"result_rows": result.rows, "result_bytes": result.bytes}
    return {name: str(count) for name, count in counts.items() if count is not None}


def _marked(text: str, tag: str) -> bytes:
    message = text.encode(errors="replace")
    size = f"{len(message)} {tag}".encode()
    mark = tag.encode()
    return b"\r\n__exception__\r\n" + mark + b"\r\n" + message + size + b"\r\n__exception__\r\n"
