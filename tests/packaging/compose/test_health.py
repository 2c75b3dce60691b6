"""The health checks that ask over HTTP, run as Docker runs them, against servers of the test."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

Model = dict[str, Any]
ASKED = {
    ("confluent", "registry"): "/subjects",
    ("confluent", "connect"): "/connectors",
    ("apicurio", "registry"): "/apis/ccompat/v7/subjects",
}


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that gives every request the same status; its port, and the paths it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(model: Model, service: str, port: int) -> int:
    """Run a service's health check, at another port, and return its exit code."""
    kind, *command = model["services"][service]["healthcheck"]["test"]
    assert kind == "CMD"
    # Docker Compose prints a dollar as two, so that its output can be read again.
    command = [part.replace("$$", "$") for part in command]
    command[-1], places = re.subn(r"(?<=127\.0\.0\.1/)\d+", str(port), command[-1])
    assert places == 1
    return subprocess.run(command, capture_output=True, timeout=30).returncode


@pytest.mark.skipif(shutil.which("bash") is None, reason="the containers have bash")
@pytest.mark.parametrize(("registry", "service"), ASKED)
def test_healthy_is_who_answers_200(
    registry: str, service: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(registry)
    with answering(200) as (port, asked):
        assert check(model, service, port) == 0
    assert asked == [ASKED[registry, service]]
    assert check(model, service, port) != 0, "nobody listens there any more"
    for status in (404, 500, 503):
        with answering(status) as (port, _):
            assert check(model, service, port) != 0, status


def test_each_asks_the_port_that_its_service_listens_at(confluent: Model, apicurio: Model) -> None:
    for model, service in ((confluent, "registry"), (confluent, "connect"), (apicurio, "registry")):
        described = model["services"][service]
        (port,) = {str(p["target"]) for p in described["ports"]}
        assert f"127.0.0.1/{port};" in described["healthcheck"]["test"][-1]
