"""The loop that keeps the pipeline in its declared state, as a service of the stack."""

from __future__ import annotations

import sys

from contractline.stack.process import Command
from contractline.stack.services.base import Service, Site

# What it says first, once it can be told to stop.
FIRST_WORDS = b"watching for"


class WatchService(Service):
    """``contractline watch`` of this checkout."""

    name = "watch"
    version = "contractline"
    # ClickHouse it waits for by itself: so both start side by side.
    needs = ("kafka", "registry")

    def prepare(self, site: Site) -> None:
        """Set the log of the last time aside, so that its first words are not taken for new."""
        log = site.layout.log(self.name)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))

    def command(self, site: Site) -> Command:
        """Return the command of the loop."""
        argv = (sys.executable, "-P", "-u", "-m", "contractline")
        root = site.project.root
        return Command((*argv, "--project", str(root), self.name), {}, root)

    def is_ready(self, site: Site) -> bool:
        """Tell whether it has begun."""
        return FIRST_WORDS in site.layout.log(self.name).read_bytes()

    def own_url(self, site: Site) -> str:
        """Return nothing: nobody connects to it."""
        return ""


WATCH = WatchService()
