"""What a service of the stack is: a command, its rendered configuration, a probe, its exports."""

from __future__ import annotations

import json
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil

from contractline.project import Project
from contractline.stack.layout import Layout
from contractline.stack.passwords import Passwords
from contractline.stack.ports import LOOPBACK, Ports
from contractline.stack.process import Command
from contractline.stack.startup import StartupCaches

# Serial collection and the first compiler only: half the start-up time, a third less memory.
JAVA_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    # A service without memory would limp on; ended, it is started again.
    "-XX:+ExitOnOutOfMemoryError",
)
# Java can't open files with names in other letters where the locale has only ASCII.
JAVA_ENVIRONMENT = {"LC_ALL": "C.UTF-8"} if sys.platform == "linux" else {}
PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything of one checkout's stack is; what the services are rendered from.

    Attributes:
        project: the checkout.
        layout: its state folder.
        runtime: the folder of the artefacts.
        java: the Java program.
        startup: the caches that make its start quicker.
        ports: the ports of all services.
        passwords: the passwords of all accounts.
        environment: the variables under which the stack was started.
        external: the services that are real installations, with their URLs.
        tell: says something to the reader on behalf of a service.
    """

    project: Project
    layout: Layout
    runtime: Path
    java: Path
    startup: StartupCaches
    ports: Ports
    passwords: Passwords
    environment: Mapping[str, str]
    external: Mapping[str, str]
    tell: Callable[[str, str], None]

    def url(self, port: str, path: str = "") -> str:
        """Return the HTTP address of a port."""
        return f"http://{LOOPBACK}:{self.ports[port]}{path}"


class Service(ABC):
    """One service of the stack. It has no state of its own: everything follows from the site.

    Attributes:
        name: its name, also of its main port.
        version: what it is, for the reader.
        variable: the variable that names a real installation, used in its place when set.
        needs: the services that must be ready before it starts.
        default_ports: its ports, by name, with their documented numbers.
        stop_signal: what makes it end in good order.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    variable: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    default_ports: ClassVar[Mapping[str, int]] = {}
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def prepare(self, site: Site) -> None:  # noqa: B027 - most have nothing to make
        """Make what the service needs on the disk; repeated before every start."""

    @abstractmethod
    def command(self, site: Site) -> Command:
        """Return how it is started, after writing its configuration."""

    @abstractmethod
    def is_ready(self, site: Site) -> bool:
        """Tell whether it answers; an OSError means not yet."""

    def exports(self, site: Site) -> dict[str, str]:
        """Return the variables by which clients find it, credentials included."""
        return {self.variable: self.own_url(site)} if self.variable else {}

    @abstractmethod
    def own_url(self, site: Site) -> str:
        """Return its address, credentials included."""

    def url(self, site: Site) -> str:
        """Return the address that holds: of the real installation, or of the own service."""
        return site.external.get(self.name) or self.own_url(site)

    def shown_version(self, site: Site) -> str:
        """Return what runs, for the reader."""
        return self.version

    def leftovers(self, site: Site) -> list[psutil.Process]:
        """Return what an ended service may have left that keeps it from starting again."""
        return []

    def forget(self, site: Site) -> None:  # noqa: B027 - most keep all in the state folder
        """Remove what it keeps outside of the state folder."""


def java(site: Site, service: str, heap: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line of a Java service, or of a tool where no service is named."""
    cached = site.startup.options(service) if service else ()
    return (str(site.java), *JAVA_OPTIONS, *cached, heap, *arguments)


def properties(values: Mapping[str, object]) -> str:
    """Return the text of a Java properties file, which has no other letters than ASCII's."""
    return "".join(f"{name}={json.dumps(str(value))[1:-1]}\n" for name, value in values.items())


def http_status(url: str) -> int:
    """Return the status of a GET.

    Raises:
        OSError: no answer.
    """
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    except http.client.HTTPException as problem:
        raise ConnectionError(str(problem)) from problem
    finally:
        connection.close()
