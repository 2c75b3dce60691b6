"""Kafka Connect, with Debezium for PostgreSQL and Confluent's Avro converter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from contractline.errors import SettingInvalid
from contractline.stack import connect_plugin
from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command
from contractline.stack.services.base import (
    JAVA_ENVIRONMENT,
    Service,
    Site,
    http_status,
    java,
    properties,
)
from contractline.stack.services.kafka import KAFKA, logging_option
from contractline.stack.services.postgres import POSTGRES
from contractline.stack.services.registry import REGISTRY

HEAP = "-Xmx512m"


class ConnectService(Service):
    """Kafka Connect 4.3 in distributed mode with one worker."""

    name = "connect"
    version = "4.3.1"
    variable = "CONNECT_URL"
    needs = ("kafka",)
    default_ports: ClassVar = {"connect": 18083}

    def prepare(self, site: Site) -> None:
        """Lay out the plugins; the project's own is compiled where its sources changed."""
        connect_plugin.provide(site)

    def command(self, site: Site) -> Command:
        """Return the worker's command."""
        plugins = site.layout.state / connect_plugin.FOLDER
        config = site.layout.config / "connect.properties"
        common = _common(site.project.root / "connect" / "worker.properties")
        config.write_text(render(common, KAFKA.url(site), site.ports["connect"], plugins))
        jars = f"{site.runtime}/connect/*"
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        options = (logging_option(site), "-cp", jars)
        argv = java(site, self.name, HEAP, *options, main, str(config))
        return Command(argv, self._environment(site), site.layout.data)

    def _environment(self, site: Site) -> dict[str, str]:
        replication = {**POSTGRES.exports(site), **site.environment}
        return {
            **JAVA_ENVIRONMENT,
            "SCHEMA_REGISTRY_URL": REGISTRY.url(site),
            "POSTGRES_REPLICATION_USER": replication["POSTGRES_REPLICATION_USER"],
            "POSTGRES_REPLICATION_PASSWORD": replication["POSTGRES_REPLICATION_PASSWORD"],
            **postgres_parts(POSTGRES.url(site)),
        }

    def is_ready(self, site: Site) -> bool:
        """Tell whether the worker has joined its group and lists its connectors."""
        return http_status(site.url("connect", "/connectors")) == 200

    def own_url(self, site: Site) -> str:
        """Return the base of the REST API."""
        return site.url("connect")


CONNECT = ConnectService()


def postgres_parts(dsn: str) -> Mapping[str, str]:
    """Return the variables by which a connector's template names the source database."""
    parts = urlsplit(dsn)
    return {
        "POSTGRES_HOST": parts.hostname or LOOPBACK,
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_DATABASE": unquote(parts.path.lstrip("/")),
    }


def render(common: str, bootstrap: str, port: int, plugins: Path) -> str:
    """Return the worker's configuration: what all installations share, and where things are."""
    own = {
        "bootstrap.servers": bootstrap,
        "listeners": f"http://{LOOPBACK}:{port}",
        "rest.advertised.host.name": LOOPBACK,
        "rest.advertised.port": port,
        "plugin.path": plugins,
    }
    return f"{common.rstrip()}\n\n# Where the local stack has things.\n{properties(own)}"


def _common(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as problem:
        raise SettingInvalid(
            str(file), f"can't be read: {problem.strerror}", hint="take it from the repository"
        ) from problem
