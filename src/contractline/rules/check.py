"""Holding contracts against the rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contractline.avro.paths import json_path
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft, PartUnread
from contractline.finding import Finding
from contractline.rules.registry import RULES_OF_ALL, RULES_OF_CHANGE, RULES_OF_CONTRACT
from contractline.rules.rule import RuleOfAll, RuleOfChange, RuleOfContract, Violation


def findings_of(drafts: Sequence[Draft]) -> list[Finding]:
    """Return every mistake in the contracts, in the order of the contracts, files and lines."""
    found = [
        finding for draft in drafts for rule in RULES_OF_CONTRACT for finding in held(rule, draft)
    ]
    for rule in RULES_OF_ALL:
        found += [_finding(rule, draft, violation) for draft, violation in rule.handler(drafts)]
    order = {draft.name: position for position, draft in enumerate(drafts)}
    return sorted(found, key=lambda one: (order[one.subject], str(one.file), one.line or 0))


def findings_of_change(changes: Sequence[StreamChange]) -> list[Finding]:
    """Return where contracts change as they may not, in the order of the contracts."""
    return [
        finding
        for change in changes
        if not change.is_none
        for rule in RULES_OF_CHANGE
        for finding in held_by_change(rule, change)
    ]


def held(rule: RuleOfContract, draft: Draft) -> Iterator[Finding]:
    """Yield where a contract breaks a rule; nothing when a part that the rule needs is unread."""
    try:
        for one in rule.handler(draft):
            yield one if isinstance(one, Finding) else _finding(rule, draft, one)
    except PartUnread:
        return


def held_by_change(rule: RuleOfChange, change: StreamChange) -> Iterator[Finding]:
    """Yield where a change breaks a rule; nothing when a part that the rule needs is unread."""
    draft = change.after or change.before
    if draft is None:
        return
    try:
        for one in rule.handler(change):
            yield _finding(rule, draft, one)
    except PartUnread:
        return


def _finding(
    rule: RuleOfContract | RuleOfAll | RuleOfChange, draft: Draft, violation: Violation
) -> Finding:
    file, steps = violation.file or draft.odcs_file, violation.steps
    return Finding(
        rule.id,
        rule.severity,
        draft.name,
        violation.message,
        violation.hint,
        file,
        violation.position if steps is None else draft.position(file, steps),
        "" if steps is None else json_path(steps),
        violation.old,
        violation.new,
        violation.field,
        violation.effect,
    )
