"""One service under its keeper: what does not become ready is ended, once and for all."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from contractline.project import Project
from contractline.stack import process, site
from contractline.stack.eventlog import EventLog
from contractline.stack.keeper import Keeper, ServiceFailed
from contractline.stack.ports import any_free
from contractline.stack.process import MARKER, Command
from contractline.stack.services.base import Service, Site

LISTEN = (
    "import socket, time; s = socket.create_server(('127.0.0.1', {port})); "
    "print('here', flush=True); time.sleep(60)"
)


class NeverReady(Service):
    """Takes its port, as a service does that waits for its database, and never answers."""

    name = "never"
    version = "1"
    default_ports = {"never": any_free()}  # noqa: RUF012 - as the class declares it

    def command(self, site: Site) -> Command:
        program = LISTEN.format(port=site.ports["never"])
        marker = {MARKER: str(site.layout.state)}
        return Command((sys.executable, "-c", program), marker, site.layout.state)

    def is_ready(self, site: Site) -> bool:
        return False

    def own_url(self, site: Site) -> str:
        return ""


def test_a_service_that_never_answers_leaves_no_process(tmp_path: Path):
    service = NeverReady()
    place = site.build(Project(tmp_path), {}, {service.name: service})
    log = EventLog(place.layout.events)

    async def nobody(name: str, moved: bool) -> None:
        """Nothing becomes ready here."""

    async def start() -> None:
        await Keeper(service, place, log, nobody).start(time.monotonic() + 1)

    with pytest.raises(ServiceFailed, match="no answer within"):
        asyncio.run(start())

    assert not process.marked(place.layout.state)
    assert sum(type(event).__name__ == "Starting" for event in log.history) == 1
