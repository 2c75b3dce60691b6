"""The receiver's server: uvicorn in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from contractline.errors import ServiceUnavailable

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 5
_MOST_CONNECTIONS = 2000


class AddressUnavailable(ServiceUnavailable):
    """When the receiver can't listen where it should."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            "The webhook receiver",
            where,
            f"can't listen there: {problem}",
            hint="another program has the port, or it is not this machine's: --listen HOST:PORT",
        )


class WebhookServer:
    """Serves an application while the context lasts.

    Args:
        application: what answers.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        ready: called with the URL once it listens.
    """

    def __init__(
        self, application: ASGIApp, host: str, port: int, ready: Callable[[str], None]
    ) -> None:
        self._host, self._port, self._ready = host, port, ready
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None

    def __enter__(self) -> WebhookServer:
        """Listen.

        Raises:
            AddressUnavailable: the address can't be used.
        """
        listener = _listener(self._host, self._port)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="webhook", daemon=True
        )
        self._thread.start()
        self._ready(_url(listener))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Answer what was asked, then end."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise AddressUnavailable(f"{host}:{port}", problem.strerror or str(problem)) from problem
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
