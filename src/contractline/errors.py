"""The errors of contractline: each means "could not tell" or "could not do", never a finding.

The tree::

    ContractlineError            what happened, where, and what to do; exit code 2
    ├── ProjectNotFound          no contractline checkout at or above a folder
    ├── SettingInvalid           a setting is missing or has a value that can't be used
    ├── ContractsInvalid         the contracts hold mistakes, so nothing can be built on them
    └── ServiceUnavailable       a service did not answer, or refused

Layers above add their own classes below the one that fits. A message reads *what*, *where*, *what to do*.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contractline.finding import Finding


class ContractlineError(Exception):
    """Something kept contractline from telling or doing what was asked.

    Attributes:
        hint: what the reader can do about it; printed below the message.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ProjectNotFound(ContractlineError):
    """When a command runs outside a contractline checkout."""

    def __init__(self, start: Path) -> None:
        self.start = start
        super().__init__(
            f"no contractline project at or above {start}",
            hint="go into the checkout (the folder that holds contracts/ and clickhouse_ddl/),"
            " or pass --project",
        )


class SettingInvalid(ContractlineError):
    """When a setting is missing, or has a value that can't be used."""

    def __init__(self, name: str, problem: str, *, hint: str = "") -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name}: {problem}", hint=hint)


class ContractsInvalid(ContractlineError):
    """When the contracts hold mistakes, so that nothing can be built on them."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = "\n".join(str(finding) for finding in self.findings)
        number = len(self.findings)
        super().__init__(
            f"the contracts hold {number} mistake{'' if number == 1 else 's'}:\n{lines}",
            hint="`contractline check contracts` lists them",
        )


class ServiceUnavailable(ContractlineError):
    """When a service did not answer, or refused what was asked of it."""

    def __init__(self, service: str, where: str, problem: str, *, hint: str = "") -> None:
        self.service = service
        self.where = where
        self.problem = problem
        super().__init__(
            f"{service} at {where}: {problem}",
            hint=hint
            or "is the stack up? `contractline status` tells, `contractline up` starts it",
        )
