"""A stack that nobody keeps: its own folder, ports and data, beside any other, removed at the end."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from contractline import events
from contractline.cache import cache_folder
from contractline.errors import ContractlineError
from contractline.events import Event
from contractline.project import CONTRACTS, Project
from contractline.signals import sigterm_interrupts, temporary_folder
from contractline.stack.control import Stack, StackNotStarted
from contractline.stack.ports import free_ports
from contractline.stack.services import default_ports, table
from contractline.stack.services.postgres import POSTGRES


class ThrowawayNotStarted(ContractlineError):
    """When a stack that nobody keeps did not start: its logs go with it, so their ends are told."""

    def __init__(self, cause: str, failed: Sequence[events.ServiceFailed]) -> None:
        self.cause = cause
        lines = "".join(f"\n{event.without_log}" for event in failed)
        super().__init__(
            f"a stack that is only needed for a moment could not be started: {cause}{lines}",
            hint="`contractline up` starts the same services and keeps their logs",
        )


@contextmanager
def throwaway(
    project: Project,
    environment: Mapping[str, str],
    listen: Callable[[Event], None],
    variables: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Start a stack with a checkout's connect/ and no contracts; the artefacts must be there.

    Args:
        project: the checkout.
        environment: the variables of the user; those that name real installations don't count.
        listen: gets the stack's events.
        variables: more of them.

    Raises:
        ThrowawayNotStarted: it did not start.
    """
    failed: list[events.ServiceFailed] = []

    def heard(event: Event) -> None:
        if isinstance(event, events.ServiceFailed):
            failed.append(event)
        listen(event)

    cache = cache_folder(environment)
    cache.mkdir(parents=True, exist_ok=True)
    named = {service.variable for service in table().values()}
    own = {
        name: value
        for name, value in environment.items()
        # Those of a replication role would be taken for the own one's.
        if name not in named and not name.startswith("POSTGRES_")
    }
    with sigterm_interrupts(), temporary_folder(".throwaway-", cache) as scratch:
        stack = Stack(_project(project, scratch), {**own, **(variables or {})})
        try:
            _up(stack, heard, failed)
            yield stack
        finally:
            stack.reset(listen)


def _up(
    stack: Stack, listen: Callable[[Event], None], failed: Sequence[events.ServiceFailed]
) -> None:
    try:
        stack.up(listen)
    except StackNotStarted as problem:
        raise ThrowawayNotStarted(problem.cause, failed) from problem


def made_with(stack: Stack) -> dict[str, str]:
    """Return the versions of what change data capture is made with."""
    names = [artefact.name for artefact in stack.artefacts.locked]
    version = re.compile(r"(debezium-connector-postgres|kafka-connect-avro-converter)-(.+)\.jar")
    found = (version.fullmatch(name) for name in names)
    return {"postgres": POSTGRES.version, **{one[1]: one[2] for one in found if one}}


def _project(project: Project, root: Path) -> Project:
    for folder in (CONTRACTS, "clickhouse_ddl"):
        (root / folder).mkdir()
    shutil.copytree(project.root / "connect", root / "connect")
    copy = Project(root)
    copy.state.mkdir()
    (copy.state / "ports.json").write_text(json.dumps(free_ports(default_ports(table()))))
    return copy
