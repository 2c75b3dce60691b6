"""What a change means for ClickHouse, in one word, and the findings behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contractline.clickhouse.hazards import (
    Hazard,
    has_tables,
    hazards_at_base,
    hazards_of,
    is_refused,
)
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import PartUnread
from contractline.finding import Effect, Finding
from contractline.rules.check import held, held_by_change
from contractline.rules.registry import RULES_OF_CHANGE, RULES_OF_CONTRACT
from contractline.rules.rule import Rule

_CATEGORY = "clickhouse_reads"


@dataclass(frozen=True, slots=True)
class SinkVerdict:
    """What a change means for ClickHouse.

    It is about the tables of the contract as it is now and the records of every version. Where no
    tables can hold them, it is about those of the base and the records of the new version.

    Attributes:
        kind: what becomes of records.
        is_refused: whether the contract as it is now can't be mapped to tables.
        findings: what the rules about it say.
    """

    kind: Effect
    is_refused: bool
    findings: tuple[Finding, ...]

    @property
    def corrupting(self) -> tuple[Finding, ...]:
        """Those of the findings that are about values silently read as other ones."""
        return tuple(one for one in self.findings if one.effect is Effect.CORRUPTS)

    @property
    def foreseen(self) -> Mapping[tuple[str, ...], Finding]:
        """What they say about the values of fields, by the names of the field, outermost first."""
        found: dict[tuple[str, ...], Finding] = {}
        for finding in self.findings:
            if finding.effect not in {None, Effect.OK}:
                names = tuple(finding.field.split(".")) if finding.field else ()
                found.setdefault(names, finding)
        return found


def verdict(change: StreamChange) -> SinkVerdict | None:
    """Return what a change means for ClickHouse.

    None where ClickHouse does not read the stream, or where a part of the contract could not be
    read, which other findings say.
    """
    draft = change.after
    try:
        if draft is None or draft.pipeline.clickhouse is None:
            return None
        refused = is_refused(draft)
        hazards = hazards_at_base(change) if refused else hazards_of(draft)
        is_without = refused and not (change.before and has_tables(change.before))
    except PartUnread:
        return None
    found = [one for rule in RULES_OF_CONTRACT if _is_ours(rule) for one in held(rule, draft)]
    found += [o for rule in RULES_OF_CHANGE if _is_ours(rule) for o in held_by_change(rule, change)]
    return SinkVerdict(Effect.BREAKS if is_without else _worst(hazards), refused, tuple(found))


def _is_ours(rule: Rule) -> bool:
    return rule.category == _CATEGORY


def _worst(hazards: tuple[Hazard, ...]) -> Effect:
    effects = {hazard.effect for hazard in hazards}
    return next((one for one in (Effect.BREAKS, Effect.CORRUPTS) if one in effects), Effect.OK)
