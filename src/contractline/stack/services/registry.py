"""The schema registry: Apicurio with Confluent's API, its schemas in PostgreSQL."""

from __future__ import annotations

from typing import ClassVar

from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command
from contractline.stack.services.base import JAVA_ENVIRONMENT, Service, Site, http_status, java
from contractline.stack.services.postgres import POSTGRES, REGISTRY_DATABASE, SUPERUSER

HEAP = "-Xmx384m"
API = "/apis/ccompat/v7"


class RegistryService(Service):
    """Apicurio Registry 3.3; ids survive a restart, since they are kept in PostgreSQL."""

    name = "registry"
    version = "3.3.3"
    variable = "SCHEMA_REGISTRY_URL"
    needs = ("postgres",)
    default_ports: ClassVar = {"registry": 18081, "registry-management": 19000}

    def command(self, site: Site) -> Command:
        """Return the registry's command."""
        argv = java(site, self.name, HEAP, "-jar", "quarkus-run.jar")
        return Command(argv, self._environment(site), site.runtime / "registry")

    def _environment(self, site: Site) -> dict[str, str]:
        return {
            **JAVA_ENVIRONMENT,
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(site.ports["registry"]),
            # It can't be switched off, and listens to the whole network otherwise.
            "QUARKUS_MANAGEMENT_HOST": LOOPBACK,
            "QUARKUS_MANAGEMENT_PORT": str(site.ports["registry-management"]),
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "APICURIO_STORAGE_KIND": "sql",
            **_storage(site),
        }

    def is_ready(self, site: Site) -> bool:
        """Tell whether it lists its subjects."""
        return http_status(f"{self.own_url(site)}/subjects") == 200

    def own_url(self, site: Site) -> str:
        """Return the base of Confluent's API."""
        return site.url("registry", API)


REGISTRY = RegistryService()


def _storage(site: Site) -> dict[str, str]:
    if POSTGRES.name in site.external:
        # A source database of somebody else is no place for our schemas.
        return {
            "APICURIO_STORAGE_SQL_KIND": "h2",
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{site.layout.data / 'registry'}",
        }
    return {
        "APICURIO_STORAGE_SQL_KIND": "postgresql",
        "APICURIO_DATASOURCE_URL": (
            f"jdbc:postgresql://{LOOPBACK}:{site.ports['postgres']}/{REGISTRY_DATABASE}"
        ),
        "APICURIO_DATASOURCE_USERNAME": SUPERUSER,
        "APICURIO_DATASOURCE_PASSWORD": site.passwords.postgres,
        # Connections that a killed PostgreSQL has left in the pool would each fail a request.
        "QUARKUS_DATASOURCE_POSTGRESQL_JDBC_VALIDATE_ON_BORROW": "true",
    }
