"""The live page, as a service of the stack."""

from __future__ import annotations

import importlib.util
import sys
from typing import ClassVar

from contractline.stack.process import Command
from contractline.stack.services.base import Service, Site, http_status


class DashboardService(Service):
    """``contractline dashboard`` of this checkout, on loopback."""

    name = "dashboard"
    version = "contractline"
    # What it shows it waits for by itself, and says so.
    needs = ()
    default_ports: ClassVar = {"dashboard": 18088}

    def command(self, site: Site) -> Command:
        """Return the command of the page."""
        argv = (sys.executable, "-P", "-u", "-m", "contractline")
        root = site.project.root
        port = str(site.ports[self.name])
        return Command((*argv, "--project", str(root), self.name, "--port", port), {}, root)

    def is_ready(self, site: Site) -> bool:
        """Tell whether it answers."""
        return http_status(site.url(self.name, "/health")) == 200

    def own_url(self, site: Site) -> str:
        """Return the page's address."""
        return site.url(self.name)


DASHBOARD = DashboardService()


def is_available() -> bool:
    """Tell whether the packages of the page are installed."""
    return all(importlib.util.find_spec(name) for name in ("starlette", "uvicorn"))
