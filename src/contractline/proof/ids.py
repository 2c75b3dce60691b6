"""The part of a Schema Registry that ClickHouse asks, answered from memory on the loopback address."""

from __future__ import annotations

import json
import re
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from contractline.avro.schema import Schema
from contractline.clients.wire import SchemaId

_ASKED = re.compile(r"/schemas/ids/([0-9]{1,10})(?:/schema)?/?(?:\?.*)?\Z")
_NOT_FOUND = {"error_code": 40403, "message": "Schema not found"}


class Ids:
    """Gives schemas ids, and answers for them over HTTP while it is entered.

    ClickHouse remembers for its whole life what an id of an address was. So no id is given twice,
    and the address holds a word of its own.
    """

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        ids = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, body = ids.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads this server's log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="ids", daemon=True)
        port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{port}/{secrets.token_hex(8)}"

    def register(self, schema: Schema) -> SchemaId:
        """Give a schema an id of its own."""
        number = len(self._texts) + 1
        self._texts[number] = schema.text
        return SchemaId(number)

    def answer(self, path: str) -> tuple[HTTPStatus, bytes]:
        """Return what a request for a path is answered."""
        asked = _ASKED.search(path)
        text = self._texts.get(int(asked.group(1))) if asked else None
        if text is None:
            return HTTPStatus.NOT_FOUND, json.dumps(_NOT_FOUND).encode()
        return HTTPStatus.OK, json.dumps({"schema": text}).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
