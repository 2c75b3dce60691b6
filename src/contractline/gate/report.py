"""What a check came to, as one value: every output is made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from contractline.contracts.waivers import Waiver
from contractline.finding import Effect, Finding, Severity, counted, shown_path
from contractline.gate.diff import StreamDifference


class StreamState(StrEnum):
    """What a change does to a stream."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    UNCONTRACTED = "uncontracted"
    """No contract has that name; files that remind of one do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a change means for one kind of reader.

    Attributes:
        reader: who reads.
        outcome: what becomes of them.
        reasons: why, one sentence each.
        promise: the compatibility level when it leaves this reader out; empty when it counts.
    """

    reader: str
    outcome: Effect
    reasons: tuple[str, ...]
    promise: str = ""


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that somebody agreed to."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of bringing a change into production.

    Attributes:
        action: what to do; a command where there is one.
        why: why then.
    """

    action: str
    why: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What a check says of one stream.

    Attributes:
        name: the contract's name.
        state: what the change does to it.
        findings: what speaks against it.
        waived: what would, and was agreed to.
        difference: what differs from the base; None when nothing does.
        verdicts: what that means for each reader.
        ddl: the difference of its SQL, as a unified diff; empty without one.
        impact: who else reads what changed: places in words.
        rollout: the order in which the change goes into production.
    """

    name: str
    state: StreamState
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()
    difference: StreamDifference | None = None
    verdicts: tuple[Verdict, ...] = ()
    ddl: str = ""
    impact: tuple[str, ...] = ()
    rollout: tuple[CheckStep, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether the change touches the stream's contract."""
        return self.state in (StreamState.NEW, StreamState.CHANGED, StreamState.REMOVED)


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to.

    Attributes:
        root: the checkout.
        base: what it was compared with; empty when with nothing.
        no_base: why with nothing.
        streams: the contracts, in their order.
        proof: what the replay proof did, one line each; None when it was not asked for.
        fail_on: the least severity that fails the check.
        repository: the top of the repository that the checkout lies in; None where it is in none.
    """

    root: Path
    base: str
    no_base: str
    streams: tuple[StreamReport, ...]
    proof: tuple[str, ...] | None = None
    fail_on: Severity = Severity.ERROR
    repository: Path | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings that nobody agreed to."""
        return tuple(finding for stream in self.streams for finding in stream.findings)

    @property
    def waived(self) -> tuple[Waived, ...]:
        """All findings that somebody agreed to."""
        return tuple(one for stream in self.streams for one in stream.waived)

    @property
    def changed(self) -> tuple[StreamReport, ...]:
        """The streams that the change touches."""
        return tuple(one for one in self.streams if one.is_changed)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail the check."""
        return tuple(finding for finding in self.findings if self.fails(finding))

    def fails(self, finding: Finding) -> bool:
        """Tell whether a finding fails the check."""
        return self.fail_on is Severity.WARNING or finding.severity is Severity.ERROR

    @property
    def exit_code(self) -> int:
        """0 when nothing fails the check, 1 when something does."""
        return 1 if self.failures else 0

    def place(self, file: Path | None) -> str:
        """Return a file as it is called from the checkout's root, with forward slashes."""
        return shown_path(file, self.root)

    def place_in_repository(self, file: Path | None) -> str:
        """Return a file as hosts of repositories call it: from the repository's top."""
        return shown_path(file, self.repository or self.root)


def counted_with(findings: Sequence[Finding], waived: Sequence[Waived]) -> str:
    """Return the number of findings in words, and of those that are waived."""
    return f"{counted(findings)}, {len(waived)} waived" if waived else counted(findings)
