"""Rules about waivers: an exception is written down, agreed to, needed, and ends."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.contracts.draft import Draft
from contractline.rules.rule import Violation, WaiverUse


def waiver_valid(draft: Draft) -> Iterator[Violation]:
    """A waiver names a rule, and says for what, why, who agreed, until when, and what readers do.

    Why: an exception that nobody explains or answers for stays for ever. Rules about files that
    can't be read, and these rules, have no exceptions.

    Bad: contracts/commits/waivers/TOPIC_KEEPT.yaml, or one without ``approver``.

    Good::

        path: topic.name
        reason: The topic moves to the new cluster, where names have a prefix.
        approver: data-platform
        expires: 2027-01-31
        migration: {topic: github.commits}
    """
    # The table of all rules holds this one.
    from contractline.rules.by_id import RULES, nearest_rule
    from contractline.rules.registry import NEVER_WAIVED

    for mistake in draft.waivers.mistakes:
        yield Violation(mistake.message, mistake.hint, file=mistake.file, position=mistake.position)
    known = {rule.id for rule in RULES}
    for file, rule in {waiver.file: waiver.rule for waiver in draft.waivers.entries}.items():
        if rule not in known:
            near = nearest_rule(rule)
            hint = f"did you mean {near}?" if near else "`contractline rules` lists them"
            yield Violation(f"there is no rule `{rule}`", hint, file=file)
        elif rule in NEVER_WAIVED:
            yield Violation(f"{rule} has no exceptions", "mend what it found", file=file)


def waiver_expired(use: WaiverUse) -> Iterator[Violation]:
    """A waiver ends on the day that it says.

    Why: an exception is agreed to for a time. From the next day on the rule holds again.

    Bad: ``expires: 2020-01-31``. Good: a day to come, agreed to again.
    """
    if use.is_expired:
        words = f"the waiver of {use.waiver.rule} for {use.waiver.path} ended {use.waiver.expires}"
        hint = "mend what it was for, or agree to it again with a later day"
        yield Violation(words, hint, file=use.waiver.file, position=use.waiver.position)


def waiver_used(use: WaiverUse) -> Iterator[Violation]:
    """A waiver is for something that a rule finds.

    Why: one that is not would silently excuse the next mistake.

    Bad: a waiver whose ``path`` names another field than the finding does.
    Good: removing it when what it was for is mended.
    """
    if not use.findings and not use.is_merged and not use.is_untried:
        words = f"{use.waiver.rule} finds nothing at {use.waiver.path}"
        found = ", ".join(sorted(use.elsewhere))
        hint = f"its `path` may be {found}" if found else "remove the waiver"
        yield Violation(words, hint, file=use.waiver.file, position=use.waiver.position)


def waiver_removed_once_merged(use: WaiverUse) -> Iterator[Violation]:
    """A waiver for a change is removed once the change is merged.

    Why: the change is not found again, and a later one of the same kind would be excused with it.

    Bad: a waiver of TOPIC_KEPT that has been there for a year. Good: removing it with the next change.
    """
    if not use.findings and use.is_merged:
        words = f"the change that it was for ({use.waiver.rule} at {use.waiver.path}) is merged"
        yield Violation(
            words, "remove the waiver", file=use.waiver.file, position=use.waiver.position
        )


def waiver_of_corruption_moves(use: WaiverUse) -> Iterator[Violation]:
    """Values read as other values, silently, are excused only where the data moves.

    The ``migration`` names a new topic or a new table, other than the present one.

    Why: a message that can't be read is kept and can be replayed; a wrong value is in the reports
    and looks like a right one. No agreement makes it right.

    Bad: ``migration: Reports will be corrected by hand.``
    Good: ``migration: {table: github.commits_v2}``.
    """
    if use.is_corrupting and not use.moves:
        words = f"{use.waiver.rule} at {use.waiver.path} corrupts values silently"
        hint = "name a new one: `migration: {topic: …}` or `migration: {table: database.table}`"
        yield Violation(words, hint, file=use.waiver.file, position=use.waiver.position)


def waiver_can_be_applied(use: WaiverUse) -> Iterator[Violation]:
    """A waiver of VERSIONS_COMPATIBLE names the level at which the registry takes the version.

    `contractline apply schemas` gives the subject that level for as long as the waiver holds.

    Why: the registry holds the contract's level as well, and would refuse what the gate let pass.

    Bad: ``migration: Readers take the new version first.``
    Good: ``migration: {level: BACKWARD}``.
    """
    if use.findings and use.needed_level:
        named = use.waiver.migration.level
        words = (
            f"the versions do not fit {named}"
            if named
            else f"the waiver of {use.waiver.rule} for {use.waiver.path} names no level, and the"
            " registry would refuse the version"
        )
        hint = (
            f"they fit {use.needed_level}: `migration: {{level: {use.needed_level}}}`; or make a new"
            " stream, whose subjects begin anew"
        )
        yield Violation(words, hint, file=use.waiver.file, position=use.waiver.position)
