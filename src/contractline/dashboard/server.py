"""Serving the page until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from contractline.contracts.load import load_contracts
from contractline.dashboard.access import LOOPBACK_HOSTS, Guard
from contractline.dashboard.app import Page
from contractline.dashboard.pipeline import PipelinePage
from contractline.dashboard.source import DataSource
from contractline.errors import ContractlineError
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.status.facts import Sources

_GRACE_SECONDS = 1
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class CantListen(ContractlineError):
    """When the page can't listen on an address."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(
            f"can't listen on {host}:{port}: {problem}", hint="--port names another port, 0 any one"
        )


class PasswordNeeded(ContractlineError):
    """When the page would be open to other machines without a password."""

    def __init__(self, host: str, variable: str) -> None:
        super().__init__(
            f"{host} is reachable from other machines, and no password is set",
            hint=f"put one into {variable}; any user name goes with it",
        )


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the page listens.

    Attributes:
        host: the address.
        port: the port; 0 takes a free one.
        password: what a reader has to know; None on loopback asks nobody.
    """

    host: str
    port: int
    password: str | None


def serve(
    project: Project, listen: Listen, ready: Callable[[str], None], say: Callable[[str], None]
) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Args:
        project: the checkout.
        listen: where.
        ready: called with the URL when the first request can come.
        say: told of mistakes in ``reports/``; what holds them is left out.

    Raises:
        ContractlineError: the contracts hold mistakes, or the address can't be used.
    """
    contracts = load_contracts(project)

    def endpoints() -> Endpoints:
        return Endpoints.load(project)

    pipeline = PipelinePage(contracts, endpoints)
    source = DataSource(project, endpoints, contracts)
    for finding in source.reports.findings:
        say(str(finding))
    page = Page(source, pipeline, lambda: Sources(project, endpoints()))
    app = guarded(page.application(), listen)
    try:
        with _listening(listen.host, listen.port) as listener:
            server = _Server(_config(app), lambda: ready(_url(listen.host, listener)))
            asyncio.run(server.serve(sockets=[listener]))
    finally:
        pipeline.close()


def guarded(app: ASGIApp, listen: Listen) -> Guard:
    """Return the application as the address needs it: own names only, or a password."""
    is_local = listen.host in _LOOPBACK and listen.password is None
    return Guard(app, password=listen.password, hosts=LOOPBACK_HOSTS if is_local else None)


def is_loopback(host: str) -> bool:
    """Tell whether an address is only reachable from this machine."""
    return host in _LOOPBACK


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own would end the process by the signal again, with another exit code.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets that name their protocol.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            raise CantListen(host, port, problem.strerror or str(problem)) from problem
        yield listener


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
