"""The services of the stack. To add one: a module beside this, and its line in the table below."""

from __future__ import annotations

from collections.abc import Mapping

from contractline.settings import without_password
from contractline.stack.services import clickhouse, dashboard
from contractline.stack.services.base import Service, Site
from contractline.stack.services.clickhouse import CLICKHOUSE
from contractline.stack.services.connect import CONNECT
from contractline.stack.services.dashboard import DASHBOARD
from contractline.stack.services.kafka import KAFKA
from contractline.stack.services.postgres import POSTGRES
from contractline.stack.services.registry import REGISTRY
from contractline.stack.services.watch import WATCH


def table() -> dict[str, Service]:
    """Return the services of this installation by name, each after those that it needs."""
    services: list[Service] = [POSTGRES, KAFKA, REGISTRY, CONNECT]
    if clickhouse.is_available():
        services += [CLICKHOUSE, WATCH]
    if dashboard.is_available():
        services.append(DASHBOARD)
    return {service.name: service for service in services}


def default_ports(services: Mapping[str, Service]) -> dict[str, int]:
    """Return the documented ports of some services."""
    return {n: number for s in services.values() for n, number in s.default_ports.items()}


def own_exports(services: Mapping[str, Service], site: Site) -> dict[str, str]:
    """Return the variables of those services that the stack runs itself."""
    own = (s for s in services.values() if s.name not in site.external)
    return {name: value for s in own for name, value in s.exports(site).items()}


def shown_url(service: Service, site: Site) -> str:
    """Return a service's address as it may be shown."""
    return without_password(service.url(site))


def dependents(services: Mapping[str, Service], name: str) -> list[str]:
    """Return the services that need one, directly or not, in the order of their start."""
    found = {name}
    for service in services.values():
        if found.intersection(service.needs):
            found.add(service.name)
    return [n for n in services if n in found and n != name]
