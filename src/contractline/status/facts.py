"""What a reader of the pipeline's state is given, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.project import Project
from contractline.settings import Endpoints


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so of a stream or a connector.

    Attributes:
        name: what it is about: a column of the table, and a name in JSON.
        value: it, for programs; None where it is not known.
        text: the value as people read it; the value itself where empty.
        problem: what does not flow because of it and what to do, in words; empty where all is well.
    """

    name: str
    value: str | int | float | bool | None
    text: str = ""
    problem: str = ""

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return self.text or ("" if self.value is None else str(self.value))


Facts = Mapping[str, Sequence[Fact]]
"""The facts of each thing, by its name."""


class Sources:
    """What the readers ask: the contracts of a checkout and the systems that they are live in."""

    def __init__(self, project: Project, endpoints: Endpoints) -> None:
        self.project = project
        self.endpoints = endpoints

    @cached_property
    def contracts(self) -> tuple[Contract, ...]:
        """All contracts.

        Raises:
            ContractsInvalid: some can't be loaded.
        """
        return tuple(load_contracts(self.project))

    @cached_property
    def streams(self) -> tuple[Contract, ...]:
        """The contracts of what ends in ClickHouse."""
        return tuple(contract for contract in self.contracts if contract.sink is not None)
