"""The endpoint as a process: it opens the data folder, listens, and on SIGTERM leaves within three seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from contractline.engine.access import Access
from contractline.engine.app import Endpoint, application
from contractline.engine.errors import EngineUnavailable
from contractline.engine.incoming import Files
from contractline.engine.session import Engine

TEMPORARY = "contractline-tmp"
"""The folder for temporary files in a data folder."""

_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MAX_URL_BYTES = 2 << 20  # ClickHouse takes 1 MiB of URL, and headers come with it


@dataclass(frozen=True, slots=True)
class Listen:
    """What to serve, and where.

    Attributes:
        data: the data folder.
        config: the engine's configuration.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        access: who may ask.
    """

    data: Path
    config: Path | None
    host: str
    port: int
    access: Access


def serve(listen: Listen, ready: Callable[[str, float], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        listen: what and where.
        ready: called with the URL and the seconds it took, when the first request can come.

    Raises:
        EngineUnavailable: the data folder, its configuration or the address can't be used.
    """
    began = time.monotonic()
    with (
        _listening(listen.host, listen.port) as listener,
        Engine(listen.data, listen.config) as engine,
    ):
        endpoint = Endpoint(engine, listen.access, _files(listen.data), socket.gethostname())
        server = _server(endpoint, ready=lambda: ready(_url(listener), time.monotonic() - began))
        asyncio.run(server.serve(sockets=[listener]))
        endpoint.stop()


def _files(data: Path) -> Files:
    try:
        return Files(data / TEMPORARY)
    except OSError as problem:
        raise EngineUnavailable(data, f"can't be written: {problem.strerror}") from problem


def _server(endpoint: Endpoint, ready: Callable[[], None]) -> _Server:
    # An answer that failed on its way stays incomplete on purpose; uvicorn takes it for a mistake.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "without completing response" not in record.getMessage()
    )
    config = uvicorn.Config(
        application(endpoint),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_MAX_URL_BYTES,
    )
    return _Server(config, endpoint, ready)


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, endpoint: Endpoint, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._endpoint = endpoint
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._endpoint.kill)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would end the process by the signal again, before the engine is closed.
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in _SIGNALS:  # a second one must not end the process before its sessions
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            raise EngineUnavailable(
                f"{host}:{port}", f"can't listen there: {problem.strerror}"
            ) from problem
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
