"""What a rule is, and what its handler yields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contractline.avro.paths import Steps
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.finding import Finding, RuleId, Severity


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a contract breaks a rule.

    Attributes:
        message: what is wrong, in one sentence.
        hint: what to do about it.
        steps: the place inside the file; None when the file as a whole is meant.
        file: the file; the contract's document when absent.
        line: the line, where the place can't tell it.
        old: the earlier value, where the rule compares two.
        new: the value now.
    """

    message: str
    hint: str
    steps: Steps | None = None
    file: Path | None = None
    line: int | None = None
    old: object = None
    new: object = None


Handler = Callable[[Draft], Iterable[Violation | Finding]]
"""Looks at one contract. What the reading of its files found already comes back as it is."""

HandlerOfAll = Callable[[Sequence[Draft]], Iterable[tuple[Draft, Violation]]]
"""Looks at all contracts together; names the one that has to change."""

HandlerOfChange = Callable[[StreamChange], Iterable[Violation]]
"""Looks at one contract before and after a change."""


@dataclass(frozen=True, slots=True)
class _Law:
    id: RuleId
    severity: Severity

    def _page(self, handler: Callable[..., object]) -> str:
        return inspect.getdoc(handler) or ""


@dataclass(frozen=True, slots=True)
class Rule(_Law):
    """A law for each contract.

    Attributes:
        id: the stable id, which says the law.
        severity: error or warning.
        handler: yields where a contract breaks it.
    """

    handler: Handler

    @property
    def page(self) -> str:
        """The rule's documentation: purpose, reason, a bad and a good example."""
        return self._page(self.handler)


@dataclass(frozen=True, slots=True)
class RuleOfAll(_Law):
    """A law for the contracts of a checkout together."""

    handler: HandlerOfAll

    @property
    def page(self) -> str:
        """The rule's documentation: purpose, reason, a bad and a good example."""
        return self._page(self.handler)


@dataclass(frozen=True, slots=True)
class RuleOfChange(_Law):
    """A law for how a contract may change.

    Attributes:
        id: the stable id, which says the law.
        severity: error or warning.
        handler: yields where a change breaks it.
    """

    handler: HandlerOfChange

    @property
    def page(self) -> str:
        """The rule's documentation: purpose, reason, a bad and a good example."""
        return self._page(self.handler)
