"""ClickHouse: the server in its library, or a ``clickhouse`` binary where one on PATH answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from contractline.server.config import (
    ServerUser,
    admin,
    forget_system_logs,
    reader,
    render_config,
    render_users,
    reports,
    starter,
    writer,
)
from contractline.server.library import Library, LibraryMissing
from contractline.settings import environment
from contractline.stack.layout import write_private
from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command
from contractline.stack.services.base import Service, Site, http_status

BINARY = "clickhouse"
ANSWER_SECONDS = 10.0

# A killed server leaves its group member behind. With a name of its own it takes the place again
# at once; otherwise the broker waits for it for 45 seconds. One consumer a group, so one name does.
GROUP_MEMBER = "contractline-clickhouse"


class ClickHouse(Service):
    """A ClickHouse 26.7 server."""

    name = "clickhouse"
    version = "26.7"
    variable = "CLICKHOUSE_URL"
    needs = ("kafka", "registry")
    default_ports: ClassVar = {"clickhouse": 18123, "clickhouse-native": 18124}

    def command(self, site: Site) -> Command:
        """Return the command of the binary on PATH, where one answers, or of the library."""
        binary = _binary(site)
        return _of_binary(site, binary) if binary else _of_library(site)

    def shown_version(self, site: Site) -> str:
        """Return the library's version, or that a server of some version is used."""
        return "server on PATH" if _binary(site) else self.version

    def is_ready(self, site: Site) -> bool:
        """Tell whether it answers a ping."""
        return http_status(site.url("clickhouse", "/ping")) == 200

    def own_url(self, site: Site) -> str:
        """Return the HTTP interface, with the account that may do everything."""
        return _http(site, admin(site.passwords.clickhouse))

    def exports(self, site: Site) -> dict[str, str]:
        """Return the HTTP interface for each account; CLICKHOUSE_URL has all rights.

        CLICKHOUSE_NATIVE_URL is ClickHouse's own protocol, as ``clickhouse-client`` takes it.
        """
        first, *others = _accounts(site)
        return {
            self.variable: self.own_url(site),
            "CLICKHOUSE_NATIVE_URL": _url(site, first, "clickhouse", "clickhouse-native"),
            **{f"CLICKHOUSE_{one.name.upper()}_URL": _http(site, one) for one in others},
        }


CLICKHOUSE = ClickHouse()


def is_available() -> bool:
    """Tell whether there is a server to run on this machine."""
    try:
        Library.of(environment())
    except LibraryMissing:
        return _answering(shutil.which(BINARY)) is not None
    return True


def _binary(site: Site) -> Path | None:
    return _answering(shutil.which(BINARY, path=site.environment.get("PATH")))


@cache
def _answering(program: str | None) -> Path | None:
    """Return a program that says it is ClickHouse; None for one that is broken or another one."""
    if program is None:
        return None
    try:
        told = subprocess.run(  # noqa: S603 - what the user has on PATH
            [program, "server", "--version"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return Path(program) if not told.returncode and "ClickHouse" in told.stdout else None


def _accounts(site: Site) -> list[ServerUser]:
    passwords = site.passwords
    return [
        admin(passwords.clickhouse),
        writer(passwords.clickhouse_writer),
        reader(passwords.clickhouse_reader),
        reports(passwords.clickhouse_reports),
    ]


def _http(site: Site, account: ServerUser) -> str:
    return _url(site, account, "http", "clickhouse")


def _url(site: Site, account: ServerUser, scheme: str, port: str) -> str:
    password = quote(account.password, safe="")
    return f"{scheme}://{account.name}:{password}@{LOOPBACK}:{site.ports[port]}"


def _of_library(site: Site) -> Command:
    library = Library.of(site.environment).path
    data = site.layout.data / "clickhouse"
    forget_system_logs(data)
    config = _write_config(site, data, [starter(), *_accounts(site)])
    options = ("--config", str(config), "--data", str(data))
    argv = (sys.executable, "-P", "-m", "contractline.server", str(library), *options)
    return Command(argv, {}, site.layout.data)


def _of_binary(site: Site, binary: Path) -> Command:
    config = _write_config(site, site.layout.data / "clickhouse-server", _accounts(site))
    argv = (str(binary), "server", f"--config-file={config}", "--", "--logger.level=warning")
    # Its own watchdog would start it again behind the supervisor's back.
    variables = {"CLICKHOUSE_WATCHDOG_ENABLE": "0"}
    return Command((*argv, "--logger.console=1"), variables, site.layout.data)


def _write_config(site: Site, data: Path, accounts: list[ServerUser]) -> Path:
    """Write both files, and return config.xml."""
    users = site.layout.config / "clickhouse-users.xml"
    write_private(users, render_users(accounts))
    config = site.layout.config / "clickhouse.xml"
    ports = site.ports["clickhouse"], site.ports["clickhouse-native"]
    config.write_text(render_config(data, users, *ports, GROUP_MEMBER))
    return config
