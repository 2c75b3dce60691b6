"""What a rule is, and what its handler yields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contractline.avro.paths import Steps
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.waivers import Waiver
from contractline.finding import Effect, Finding, Position, RuleId, Severity


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a contract breaks a rule.

    Attributes:
        message: what is wrong, in one sentence.
        hint: what to do about it.
        steps: the place inside the file; None when the file as a whole is meant.
        file: the file; the contract's document when absent.
        position: where in the file, where the place can't tell it.
        old: the earlier value, where the rule compares two.
        new: the value now.
        field: the field that it is about, where the place does not say it.
        effect: what becomes of records, where it is about that.
    """

    message: str
    hint: str
    steps: Steps | None = None
    file: Path | None = None
    position: Position | None = None
    old: object = None
    new: object = None
    field: str = ""
    effect: Effect | None = None


Handler = Callable[[Draft], Iterable[Violation | Finding]]
"""Looks at one contract. What the reading of its files found already comes back as it is."""

HandlerOfAll = Callable[[Sequence[Draft]], Iterable[tuple[Draft, Violation]]]
"""Looks at all contracts together; names the one that has to change."""

HandlerOfChange = Callable[[StreamChange], Iterable[Violation]]
"""Looks at one contract before and after a change."""


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver, and what it came to in one check.

    Attributes:
        waiver: the waiver.
        findings: what it is for.
        elsewhere: where else the rule found something in the contract.
        is_expired: whether its last day is over.
        is_merged: whether it is for a change, and the base holds it already.
        is_untried: whether it is for a change, and there was nothing to compare with.
        is_corrupting: whether it is for values that are silently read as other ones.
        moves: whether its migration names a topic or table other than the present one.
        needed_level: the level that its migration has to name, and does not; empty otherwise.
    """

    waiver: Waiver
    findings: tuple[Finding, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    is_expired: bool = False
    is_merged: bool = False
    is_untried: bool = False
    is_corrupting: bool = False
    moves: bool = False
    needed_level: str = ""


HandlerOfWaiver = Callable[[WaiverUse], Iterable[Violation]]
"""Looks at one waiver and what it is for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What every rule is.

    Attributes:
        id: the stable id, which says what it asks.
        severity: error or warning.
        handler: finds where it is broken; its docstring is the rule's page.
    """

    id: RuleId
    severity: Severity
    handler: Callable[..., object]

    @property
    def page(self) -> str:
        """The rule's documentation: purpose, reason, a bad and a good example."""
        return inspect.getdoc(self.handler) or ""

    @property
    def summary(self) -> str:
        """The first sentence of the page, code in single backticks."""
        return self.page.partition("\n\n")[0].replace("``", "`")

    @property
    def category(self) -> str:
        """What the rule is about: the module or folder of this package that its handler lives in."""
        return self.handler.__module__.removeprefix(f"{__package__}.").partition(".")[0]


@dataclass(frozen=True, slots=True)
class RuleOfContract(Rule):
    """A rule for each contract."""

    handler: Handler


@dataclass(frozen=True, slots=True)
class RuleOfAll(Rule):
    """A rule for the contracts of a checkout together."""

    handler: HandlerOfAll


@dataclass(frozen=True, slots=True)
class RuleOfChange(Rule):
    """A rule for how a contract may change."""

    handler: HandlerOfChange


@dataclass(frozen=True, slots=True)
class RuleOfWaiver(Rule):
    """A rule for each waiver."""

    handler: HandlerOfWaiver
