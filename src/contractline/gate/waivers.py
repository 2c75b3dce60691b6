"""Applying waivers: which findings somebody agreed to, and what is wrong with the agreements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from contractline.avro.compatibility import Compatibility, keep, strongest_level
from contractline.avro.fields import field_of
from contractline.avro.paths import Steps, steps_of
from contractline.avro.schema import Schema
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.load import SYSTEM
from contractline.contracts.model import PipelineProperties
from contractline.contracts.waivers import (
    VERSIONS_COMPATIBLE,
    WHOLE,
    Migration,
    Waiver,
    load_waivers,
)
from contractline.finding import Effect, Finding, RuleId
from contractline.gate.report import Waived
from contractline.project import Project
from contractline.rules.by_id import RULES
from contractline.rules.registry import NEVER_WAIVED, RULES_OF_CHANGE, RULES_OF_WAIVER
from contractline.rules.rule import RuleOfWaiver, WaiverUse

_OF_CHANGE = frozenset(rule.id for rule in RULES_OF_CHANGE)
_OF_SINK = frozenset(rule.id for rule in RULES if rule.category == "clickhouse_reads")
_OF_PROOF = "PROOF_"
"""How the rules of the replay proof begin. A waiver of a rule about ClickHouse is for what the proof
finds in the same field as well: it is the same mistake, tried."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What waivers left of the findings.

    Attributes:
        findings: what nobody agreed to, and what is wrong with the waivers.
        waived: what somebody agreed to.
    """

    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...] = ()


def waive(
    project: Project,
    findings: Sequence[Finding],
    changes: Sequence[StreamChange],
    *,
    untried: Collection[RuleId],
    today: date,
) -> Applied:
    """Take out the findings that a valid waiver is for.

    Args:
        project: the checkout.
        findings: what was found.
        changes: each contract before and after.
        untried: the rules that were not held against anything, so that their waivers wait.
        today: the day by which waivers expire.
    """
    waived: dict[int, Waived] = {}
    wrong: list[Finding] = []
    for change in changes:
        own = [finding for finding in findings if finding.subject == change.name]
        for waiver in _waivers(project, change):
            if waiver.rule in NEVER_WAIVED:
                continue
            use = _use(waiver, change, own, untried=untried, today=today)
            faults = [one for rule in RULES_OF_WAIVER for one in _held(rule, use, change.name)]
            wrong += faults
            if not faults:
                waived |= {id(finding): Waived(finding, waiver) for finding in use.findings}
    left = tuple(finding for finding in findings if id(finding) not in waived)
    return Applied((*left, *wrong), tuple(waived.values()))


def _waivers(project: Project, change: StreamChange) -> tuple[Waiver, ...]:
    """Return the waivers of a contract; of a removed one, those that stayed behind."""
    if change.after is not None:
        return change.after.waivers.entries
    if change.before is None:
        return ()
    is_of_system = change.before.folder.parent.name == SYSTEM
    folder = project.contracts / SYSTEM if is_of_system else project.contracts
    return load_waivers(folder / change.name).entries


def _use(
    waiver: Waiver,
    change: StreamChange,
    findings: Iterable[Finding],
    *,
    untried: Collection[RuleId],
    today: date,
) -> WaiverUse:
    own = [one for one in findings if _is_of(one, waiver.rule)]
    of_rule = [(one, set(_names(one, change))) for one in own]
    meant = tuple(one for one, names in of_rule if _is_meant(waiver.path, names))
    others = (names for _, names in of_rule if not _is_meant(waiver.path, names))
    earlier = change.before.waivers.entries if change.before else ()
    return WaiverUse(
        waiver,
        meant,
        frozenset(max(names, key=_readable) for names in others),
        is_expired=today > waiver.expires,
        is_merged=waiver.rule in _OF_CHANGE and waiver in earlier,
        is_untried=waiver.rule in untried,
        is_corrupting=any(finding.effect is Effect.CORRUPTS for finding in meant),
        moves=waiver in earlier or _moves(waiver.migration, change.before or change.after),
        needed_level=_needed_level(waiver, change.after),
    )


def _needed_level(waiver: Waiver, draft: Draft | None) -> str:
    """Return the level that a waiver must name for the registry to take the versions; empty for none."""
    value = draft.schemas.get("value") if draft else None
    if waiver.rule != VERSIONS_COMPATIBLE or draft is None or not isinstance(value, Schema):
        return ""
    schemas = [*(version.schema for version in draft.versions("value")), value]
    level = waiver.migration.level
    return "" if level and keep(schemas, Compatibility(level)) else strongest_level(schemas)


def _held(rule: RuleOfWaiver, use: WaiverUse, subject: str) -> Iterator[Finding]:
    for one in rule.handler(use):
        yield Finding(
            rule.id, rule.severity, subject, one.message, one.hint, one.file, one.position
        )


def _moves(migration: Migration, present: Draft | None) -> bool:
    """Tell whether a migration names a topic or table other than those that are there."""
    if present is None or not isinstance(present.pipeline_part, PipelineProperties):
        return False
    pipeline = present.pipeline
    sink = pipeline.clickhouse
    tables = {sink.current, sink.history} if sink else set()
    has_new_topic = bool(migration.topic) and migration.topic != pipeline.topic.name
    return has_new_topic or (bool(migration.table) and migration.table not in tables)


def _is_of(finding: Finding, rule: str) -> bool:
    """Tell whether a finding is of a rule, or the proof of one about ClickHouse."""
    return finding.rule == rule or (rule in _OF_SINK and finding.rule.startswith(_OF_PROOF))


def _is_meant(path: str, names: Iterable[str]) -> bool:
    """Tell whether a place, by one of its names, is the one of a waiver, or lies in it."""
    return any(
        path == name or (path != WHOLE and name.startswith((f"{path}.", f"{path}[")))
        for name in names
    )


def _readable(name: str) -> bool:
    return not name.startswith(WHOLE)


def _names(finding: Finding, change: StreamChange) -> Iterator[str]:
    """Yield by which names a waiver may name the place of a finding."""
    if finding.field:
        yield finding.field
        # Without an effect, the path is that of the record that has lost the field.
        if not finding.path or finding.effect is None:
            return
    yield finding.path or WHOLE
    steps = steps_of(finding.path)
    for draft in (change.after, change.before):
        if draft is None or finding.file is None or not steps:
            continue
        if finding.file.name == draft.odcs_file.name:
            yield from _in_document(draft.document.data if draft.document else None, steps)
        elif schema := _schema(draft, finding.file):
            yield ".".join(field_of(schema, steps))


def _schema(draft: Draft, file: Path) -> Schema | None:
    """Return the schema that a file of a contract holds; by its name, whatever the checkout."""
    working = {f"{part}.avsc": schema for part, schema in draft.working()}
    released = {v.file.name: v.schema for part in ("key", "value") for v in draft.versions(part)}
    return (working | released).get(file.name)


_NAMED_BY = {"properties": "name", "customProperties": "property", "slaProperties": "property"}


def _in_document(data: Any, steps: Steps) -> Iterator[str]:
    """Yield a place in the document by names: ``topic.partitions``, ``author_email``."""
    words: list[str] = []
    for step, next_step in zip(steps, (*steps[1:], None), strict=True):
        if isinstance(step, int):
            data = data[step] if isinstance(data, list) and step < len(data) else None
            continue
        data = data.get(step) if isinstance(data, Mapping) else None
        if step in _NAMED_BY and isinstance(next_step, int):
            item = data[next_step] if isinstance(data, list) and next_step < len(data) else {}
            words = [str(item.get(_NAMED_BY[step], ""))]
        elif step != "value" or len(words) != 1:
            words.append(step)
    yield ".".join(words)
    if words[:2] == ["clickhouse", "types"]:
        yield ".".join(words[2:])
