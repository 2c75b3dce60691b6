"""The stack that a benchmark runs on: our own, started by its supervisor, filled, and removed."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
import psutil

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.events import Event
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.stack.control import Stack
from contractline.targets import Outcome, apply_all
from tests.fixtures.stack import RunningStack, clean_environment, copy_project, own_ports

PATIENCE_SECONDS = 120.0


class TookTooLong(Exception):
    """When something that a benchmark waits for does not happen."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"waited {seconds:g} s for {what}")


@dataclass(frozen=True)
class Bench(RunningStack):
    """A running stack to which every contract was applied."""

    @cached_property
    def contracts(self) -> list[Contract]:
        """All contracts."""
        return load_contracts(self.project)

    def contract(self, name: str) -> Contract:
        """Return one contract."""
        return contract_named(self.contracts, name)

    def warehouse(self) -> Warehouse:
        """Return a connection to ClickHouse; a thread needs one of its own."""
        return Warehouse(self.endpoints)

    def process(self, service: str) -> psutil.Process:
        """Return the process of a service."""
        return psutil.Process(self.status(service).pid)


@contextmanager
def temporary_project() -> Iterator[Project]:
    """Give a copy of the checkout's data folders with free ports; its stack is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="contractline-bench-"))
    project = copy_project(folder / "project")
    own_ports(project)
    try:
        yield project
    finally:
        Stack(project, clean_environment()).reset(ignore)
        shutil.rmtree(folder)


@contextmanager
def running_stack() -> Iterator[Bench]:
    """Start a stack, apply every target, and remove it at the end."""
    print(machine())
    with temporary_project() as project:
        stack = Stack(project, clean_environment())
        stack.artefacts.provide(lambda arrived: None, lambda: None)
        stack.up(ignore)
        bench = Bench(stack)
        apply_everything(bench)
        yield bench


def apply_everything(bench: Bench) -> None:
    """Apply every target; a benchmark on a half-made pipeline would measure nothing.

    Raises:
        SystemExit: one could not be applied.
    """
    apply(bench.project, bench.contracts, bench.endpoints)


def apply(
    project: Project,
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    targets: Sequence[str] | None = None,
) -> None:
    """Apply some targets of a project; all that there are unless given.

    Raises:
        SystemExit: one could not be applied; says which, and why, in a sentence.
    """
    for outcome in apply_all(project, contracts, endpoints, targets):
        if outcome.exit_code:
            raise SystemExit(f"{outcome.target} could not be applied: {_why(outcome)}")


def _why(outcome: Outcome) -> str:
    if outcome.error is not None:
        return str(outcome.error)
    left = outcome.left or outcome.plan
    if left is None:
        return "nothing was said about it"
    return next((one.message for one in left.refusals), f"{len(left.steps)} steps are left")


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds.

    Raises:
        TookTooLong: it does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TookTooLong(what, seconds)
        time.sleep(0.01)


def answers(clickhouse_url: str) -> bool:
    """Tell whether a ClickHouse answers a ping."""
    try:
        return httpx.get(f"{clickhouse_url}/ping").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def machine() -> str:
    """Return on what a figure was measured, the load that others made included."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB,"
        f" Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before the start"
    )


def ignore(event: Event) -> None:
    """Nobody reads the events of a benchmark's stack."""
