"""The systems that plan and apply bring to their declared state, one module each.

The order is that of readers before writers: topics come first, since all else reads or writes them;
tables before schemas, since producers and the connector write with a new version as soon as it is
registered, and a table that does not know its fields would lose them; schemas and the source
database before connectors, since the strict converter looks every schema up. Reports come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.plan import Plan, Step, Target
from contractline.project import Project
from contractline.settings import Endpoints

TARGETS = {
    "topics": "contractline.targets.topics:Topics",
    "tables": "contractline.targets.tables.target:Tables",
    "schemas": "contractline.targets.schemas:Schemas",
    "postgres": "contractline.targets.postgres.target:PostgresTarget",
    "connectors": "contractline.targets.connectors.target:Connectors",
    "reports": "contractline.metabase.target:MetabaseReports",
}
"""The targets in their order: a name, and the class that is imported when it is used."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What planning or applying one target came to.

    Attributes:
        target: its name.
        plan: what differed; None where that could not be told.
        done: the steps that were carried out.
        left: what still differs after them; None where nothing was carried out.
        error: what kept it from being told or done.
    """

    target: str
    plan: Plan | None = None
    done: tuple[Step, ...] = ()
    left: Plan | None = None
    error: ContractlineError | None = None

    @property
    def exit_code(self) -> int:
        """0 nothing differs (any more), 1 something does, 2 could not tell or do."""
        if self.error is not None:
            return self.error.exit_code
        last = self.left or self.plan
        return 0 if last is None or last.is_clean else 1


def targets_of(endpoints: Endpoints) -> tuple[str, ...]:
    """Return the targets that an installation has: reports only where there is a Metabase."""
    return tuple(name for name in TARGETS if name != "reports" or endpoints.metabase_url)


def open_target(
    name: str,
    project: Project,
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    *,
    prune: bool = False,
    say: Callable[[str], None] | None = None,
) -> Target:
    """Return a target by its name.

    Args:
        name: one of :data:`TARGETS`.
        project: the checkout.
        contracts: all its contracts.
        endpoints: where the services are.
        prune: let ``schemas`` delete the versions that no contract holds.
        say: lets ``connectors`` wait for Kafka Connect, and takes a line when that begins.
    """
    module, _, kind = TARGETS[name].partition(":")
    options: dict[str, Any] = {"prune": True} if prune and name == "schemas" else {}
    if say is not None and name == "connectors":
        options["say"] = say
    target: Target = getattr(import_module(module), kind)(project, contracts, endpoints, **options)
    return target


def plan_all(
    project: Project,
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    names: Sequence[str] | None = None,
    *,
    prune: bool = False,
) -> Iterator[Outcome]:
    """Plan targets in their order; one that can't be told does not keep the others from it."""
    for name in names or targets_of(endpoints):
        try:
            plan = open_target(name, project, contracts, endpoints, prune=prune).plan()
        except ContractlineError as problem:
            yield Outcome(name, error=problem)
        else:
            yield Outcome(name, plan)


def apply_all(
    project: Project,
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    names: Sequence[str] | None = None,
    *,
    prune: bool = False,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_step: Callable[[str, Step], None] = lambda target, step: None,
    on_wait: Callable[[str], None] = lambda words: None,
) -> Iterator[Outcome]:
    """Plan and apply targets in their order, each planned after those before it were applied.

    Args:
        project: the checkout.
        contracts: all its contracts.
        endpoints: where the services are.
        names: the targets; all that there are unless given.
        prune: let ``schemas`` delete the versions that no contract holds.
        on_plan: called with each plan before it is applied.
        on_step: called with the target's name and each step once it is done.
        on_wait: called when a service that is away is waited for, with what it did not do.
    """
    for name in names or targets_of(endpoints):
        target = open_target(name, project, contracts, endpoints, prune=prune, say=on_wait)
        yield applied(target, on_plan=on_plan, on_step=on_step)


def applied(
    target: Target,
    *,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_step: Callable[[str, Step], None] = lambda target, step: None,
) -> Outcome:
    """Plan and apply one target, and plan it again where something was done.

    Args:
        target: the target.
        on_plan: called with the plan before it is applied.
        on_step: called with the target's name and each step once it is done.
    """
    plan: Plan | None = None
    done: list[Step] = []
    try:
        plan = target.plan()
        on_plan(plan)
        for step in target.apply(plan):
            done.append(step)
            on_step(target.name, step)
        left = target.plan() if done else None
    except ContractlineError as problem:
        return Outcome(target.name, plan, tuple(done), error=problem)
    return Outcome(target.name, plan, tuple(done), left)
