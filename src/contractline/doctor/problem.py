"""What a check is given, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.finding import Severity
from contractline.project import Project
from contractline.settings import SERVICES, Endpoints
from contractline.stack.control import Stack


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        severity: an error keeps something from working; a warning will, if nobody looks.
        message: what is wrong, in words.
        remedy: what to do; may be empty where the message says it.
        since: since when, where that is known.
    """

    severity: Severity
    message: str
    remedy: str = ""
    since: datetime | None = None


class NotKnown(ContractlineError):
    """When nobody says where a service is that a check asks."""

    def __init__(self, settings: Iterable[str]) -> None:
        what = " or ".join(settings) or "the address of any service"
        super().__init__(f"{what} is not set, and no local stack runs")


class Patient:
    """What is examined: a checkout, its local stack, and the systems that its contracts are live in."""

    def __init__(self, project: Project, environment: Mapping[str, str]) -> None:
        self.project = project
        self.environment = environment
        self.stack = Stack(project, environment)
        self.endpoints = Endpoints.load(project)

    def need_services(self, *names: str) -> None:
        """Go on only where somebody says where services are.

        Args:
            names: fields of the endpoints, all of which are needed; without one, any service will do.

        Raises:
            NotKnown: nobody does.
        """
        endpoints = self.endpoints
        known = [bool(getattr(endpoints, name)) for name in names or SERVICES]
        if not (all(known) if names else any(known)):
            raise NotKnown(name.upper() for name in names)

    @cached_property
    def contracts(self) -> list[Contract]:
        """The contracts.

        Raises:
            ContractsInvalid: some can't be loaded.
        """
        return load_contracts(self.project)
