"""Plans: what a target differs in from its declared state, as values to print and to apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from contractline.finding import Finding, Severity


class Change(StrEnum):
    """The kind of a step."""

    CREATE = "create"
    ALTER = "alter"
    RECREATE = "recreate"
    REMOVE = "remove"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Step:
    """One change that brings a target nearer to its declared state.

    Attributes:
        change: the kind of change.
        subject: what is changed: a topic, a registry subject, a connector, a table.
        summary: the change in words.
        detail: the exact text that will be run or sent (SQL, JSON), for the reader.
        payload: the value that the target's ``apply`` consumes; its type is the target's own.
    """

    change: Change
    subject: str
    summary: str
    detail: str = ""
    payload: object = None

    def __str__(self) -> str:
        return f"{self.change} {self.subject}: {self.summary}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a target differs in.

    Attributes:
        target: the target's name, such as ``topics``.
        steps: the changes, in a safe order.
        findings: what differs and is not changed by a step: refused changes, drift, failures.
    """

    target: str
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to do and nothing is wrong (warnings do not count)."""
        return not self.steps and not self.refusals

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that keep the target from its declared state."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)


class Target(Protocol):
    """A system that plan and apply bring to its declared state."""

    name: str

    def plan(self) -> Plan:
        """Read the live state and say what differs.

        Raises:
            ServiceUnavailable: the system did not answer.
        """
        ...

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry out the steps of a plan, yielding each one when it is done.

        Raises:
            ServiceUnavailable: the system did not answer, or refused a step.
        """
        ...
