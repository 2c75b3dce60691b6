"""The check of a change: every part's findings, waivers applied, and what it means, as one report.

To add a part that finds something: a function over an :class:`Inspection`, and its line in
:data:`PARTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from contractline.avro.files import as_text
from contractline.clickhouse.ddl import STREAMS
from contractline.contracts.change import StreamChange, changes
from contractline.contracts.draft import Draft
from contractline.contracts.load import load_drafts
from contractline.errors import ContractlineError
from contractline.finding import Finding, RuleId, Severity
from contractline.gate.base import Base, NoBase, opened_base
from contractline.gate.compare import compared, readers_of, sql_of, state_of
from contractline.gate.report import Report, StreamReport, StreamState
from contractline.gate.waivers import Applied, waive
from contractline.project import Project
from contractline.rules.check import findings_of, findings_of_change
from contractline.rules.generated import tables_generated
from contractline.rules.registry import RULES_OF_CHANGE, RULES_OF_CHECKOUT, TABLES_GENERATED

if TYPE_CHECKING:
    from contractline.gate.proof import Proving


class NoContracts(ContractlineError):
    """When a checkout holds no contract at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} holds no contract", hint="docs/contracts.md says how to add a stream"
        )


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the parts of a check look at.

    Attributes:
        project: the checkout.
        drafts: its contracts.
        changes: each contract before and after; before is None throughout without a base.
        base: the other side.
    """

    project: Project
    drafts: tuple[Draft, ...]
    changes: tuple[StreamChange, ...]
    base: Base | NoBase


Part = Callable[[Inspection], Iterable[Finding]]


def _of_contracts(inspection: Inspection) -> Iterable[Finding]:
    return findings_of(inspection.drafts)


def _of_changes(inspection: Inspection) -> Iterable[Finding]:
    has_base = isinstance(inspection.base, Base)
    return findings_of_change(inspection.changes) if has_base else ()


def _of_generated_files(inspection: Inspection) -> Iterator[Finding]:
    folder = inspection.project.ddl / STREAMS
    present = {file.stem: as_text(file) for file in sorted(folder.glob("*.sql"))}
    for draft in inspection.drafts:
        sql = sql_of(draft)
        text = present.pop(draft.name, None)
        if sql is not None:
            yield from _stale(draft.name, folder, sql or None, text)
    for name, text in present.items():
        yield from _stale(name, folder, None, text)


PARTS: tuple[Part, ...] = (_of_contracts, _of_changes, _of_generated_files)
"""The parts of a check that find something, in their order."""


def check(
    project: Project,
    against: str | None,
    environment: Mapping[str, str],
    *,
    today: date,
    fail_on: Severity = Severity.ERROR,
    prove: bool = False,
) -> Report:
    """Check a checkout and its change since the base.

    Args:
        project: the checkout.
        against: a git ref, a folder or ``registry``; None finds where the branch began.
        environment: says in a continuous integration what the change is against.
        today: the day by which waivers expire.
        fail_on: the least severity that fails the check.
        prove: whether the streams that changed are tried on the real engine; all, when none did.

    Raises:
        ContractlineError: it could not be told.
    """
    drafts = _drafts(project)
    with opened_base(project, drafts, against, environment) as base:
        inspection = Inspection(project, drafts, _pairs(base, drafts), base)
        proof = _proof(inspection) if prove else None
        return _moved(_report(inspection, PARTS, today, fail_on, proof), base)


def check_contracts(project: Project, *, today: date, fail_on: Severity = Severity.ERROR) -> Report:
    """Check the contracts of a checkout as they are, and nothing else.

    Args:
        project: the checkout.
        today: the day by which waivers expire.
        fail_on: the least severity that fails the check.

    Raises:
        NoContracts: there are none.
    """
    drafts, base = _drafts(project), NoBase("")
    inspection = Inspection(project, drafts, _pairs(base, drafts), base)
    return _report(inspection, (_of_contracts,), today, fail_on)


def _drafts(project: Project) -> tuple[Draft, ...]:
    drafts = tuple(load_drafts(project))
    if not drafts:
        raise NoContracts(project.contracts)
    return drafts


def _proof(inspection: Inspection) -> Proving:
    # The engine takes longer to import than the rest of a check takes.
    from contractline.gate.proof import proving

    changed = [one for one in inspection.changes if state_of(one) is StreamState.CHANGED]
    new = [one for one in inspection.changes if one.before is None]
    kept = [one for one in inspection.changes if one.after is not None]
    return proving(inspection.project, [*changed, *new] or kept)


def _repository(root: Path) -> Path | None:
    """Return the top of the repository that a folder lies in."""
    return next((one for one in (root, *root.parents) if (one / ".git").exists()), None)


def _untried(base: Base | NoBase, parts: Sequence[Part]) -> frozenset[RuleId]:
    """Return the rules that nothing was held against."""
    of_change = RULES_OF_CHANGE if isinstance(base, NoBase) else ()
    of_checkout = RULES_OF_CHECKOUT if _of_generated_files not in parts else ()
    return frozenset(rule.id for rule in (*of_change, *of_checkout))


def _report(
    inspection: Inspection,
    parts: Sequence[Part],
    today: date,
    fail_on: Severity,
    proof: Proving | None = None,
) -> Report:
    base = inspection.base
    found = [finding for part in parts for finding in part(inspection)]
    applied = waive(
        inspection.project,
        [*found, *(proof.findings if proof else ())],
        inspection.changes,
        untried=_untried(base, parts),
        today=today,
    )
    return Report(
        inspection.project.root,
        base.name if isinstance(base, Base) else "",
        base.reason if isinstance(base, NoBase) else "",
        tuple(_streams(inspection, applied)),
        proof.lines if proof else None,
        fail_on,
        _repository(inspection.project.root),
    )


def _pairs(base: Base | NoBase, drafts: Sequence[Draft]) -> tuple[StreamChange, ...]:
    if isinstance(base, Base):
        return changes(base.drafts, drafts)
    return tuple(StreamChange(None, draft) for draft in drafts)


def _streams(inspection: Inspection, applied: Applied) -> Iterator[StreamReport]:
    """Yield what is said of each contract, and of what is called by a name that no contract has."""
    pairs = {change.name: change for change in inspection.changes}
    base = inspection.base
    readers = readers_of(inspection.project, inspection.changes) if isinstance(base, Base) else {}
    for name in dict.fromkeys([*pairs, *(finding.subject for finding in applied.findings)]):
        own = [finding for finding in applied.findings if finding.subject == name]
        stream = StreamReport(
            name,
            StreamState.UNCHANGED if name in pairs else StreamState.UNCONTRACTED,
            tuple(sorted(own, key=lambda one: (str(one.file), one.line or 0))),
            tuple(one for one in applied.waived if one.finding.subject == name),
        )
        if name in pairs and isinstance(base, Base):
            stream = compared(stream, pairs[name], base.name)
        yield replace(stream, impact=readers.get(name, ()))


def _stale(name: str, folder: Path, wanted: str | None, present: str | None) -> Iterator[Finding]:
    rule, file = TABLES_GENERATED, folder / f"{name}.sql"
    for one in tables_generated(wanted, present):
        yield Finding(rule.id, rule.severity, name, one.message, one.hint, file, one.position)


def _moved(report: Report, base: Base | NoBase) -> Report:
    """Return the report with the files of the base called by their places in the checkout."""
    if isinstance(base, NoBase) or base.project is None:
        return report
    old, new = base.project.root, report.root

    def here(finding: Finding) -> Finding:
        file = finding.file
        if file is None or not file.is_relative_to(old):
            return finding
        return replace(finding, file=new / file.relative_to(old))

    return replace(
        report,
        streams=tuple(
            replace(
                stream,
                findings=tuple(here(one) for one in stream.findings),
                waived=tuple(replace(w, finding=here(w.finding)) for w in stream.waived),
            )
            for stream in report.streams
        ),
    )
