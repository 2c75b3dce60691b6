"""The server in a thread, for tests and for a look by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.metabase_server.app import application
from tests.metabase_server.state import State

START_SECONDS = 10.0


@contextmanager
def running(state: State, port: int = 0) -> Iterator[str]:
    """Serve an instance on loopback, and give its address."""
    config = uvicorn.Config(
        application(state), host="127.0.0.1", port=port, log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server of the tests did not start")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
