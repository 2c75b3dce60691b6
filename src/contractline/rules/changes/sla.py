"""Rules about what a released contract promises its readers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from contractline.avro.compatibility import Direction
from contractline.avro.paths import Steps
from contractline.contracts.draft import ODCS_FILE, Draft
from contractline.contracts.model import PERSONAL_DATA
from contractline.contracts.sla import LatencyInvalid, owner_of, promised_latency
from contractline.rules.changes.pair import VersionPair, of_released
from contractline.rules.rule import Violation


@of_released
def compatibility_kept(pair: VersionPair) -> Iterator[Violation]:
    """The compatibility level promises at least what it promised.

    Why: readers rely on it: with BACKWARD instead of FULL_TRANSITIVE an old consumer may find
    records that it can't read.

    Bad: ``value: NONE`` where it was ``value: FULL_TRANSITIVE``. Good: ``value: FULL_TRANSITIVE``.
    """
    before, after = pair.before.pipeline.compatibility, pair.after.pipeline.compatibility
    lost = [d for d in before.directions if d not in after.directions]
    is_shorter = before.is_transitive and not after.is_transitive and bool(before.directions)
    if lost or is_shorter:
        words = f"{after} promises less than {before}: {_lost(lost)}"
        hint = f"keep {before}; one change that needs less has a waiver"
        yield pair.at(("compatibility",), words, hint, before, after)


@of_released
def latency_kept(pair: VersionPair) -> Iterator[Violation]:
    """The promised time from produced to visible does not grow.

    Why: people built on it. The pace of Debezium and ClickHouse follows from it.

    Bad: ``value: 5`` and ``unit: s`` where it was ``value: 600`` and ``unit: ms``.
    Good: ``value: 500`` and ``unit: ms``.
    """
    before, after = _latency(pair.before), _latency(pair.after)
    if before is not None and (after is None or after > before):
        new = _milliseconds(after) if after else "nothing"
        words = f"the promised latency was {_milliseconds(before)} and is {new}"
        hint = "tell the readers, and say in the pull request that they agreed"
        yield Violation(words, hint, _latency_place(pair.after), old=before, new=after)


@of_released
def personal_data_kept(pair: VersionPair) -> Iterator[Violation]:
    """A field that holds personal data stays marked as such.

    Why: what protects it (masks, rights, erasure) follows the mark.

    Bad: removing ``classification: pii`` from ``author_email``.
    Good: leaving it for as long as the field is there.
    """
    before, after = _classes(pair.before), _classes(pair.after)
    for position, field in enumerate(pair.after.value.fields):
        name = field["name"]
        old, new = before.get(name), after.get(name)
        if old == PERSONAL_DATA != new:
            words = f"`{name}` is no longer marked as personal data"
            hint = f"write `classification: {PERSONAL_DATA}` in {ODCS_FILE}"
            steps, file = ("fields", position), pair.after.file("value")
            yield Violation(words, hint, steps, file, old=old, new=new)


@of_released
def owner_kept(pair: VersionPair) -> Iterator[Violation]:
    """The owner stays, or the new one agrees.

    Why: who owns a stream answers for it, day and night.

    Bad: another owner without a word from them. Good: the new owner approves the pull request.
    """
    before, after = owner_of(pair.before.odcs), owner_of(pair.after.odcs)
    if before and after and before != after:
        words = f"the owner changes from {before} to {after}"
        yield Violation(
            words, f"{after} approves the pull request", ("team",), old=before, new=after
        )


def _lost(directions: list[Direction]) -> str:
    words = {
        Direction.BACKWARD: "new readers may fail on old records",
        Direction.FORWARD: "old readers may fail on new records",
    }
    lost = [words[direction] for direction in directions]
    return ", ".join(lost) or "it counts only the version before"


def _latency(draft: Draft) -> timedelta | None:
    try:
        return promised_latency(draft.odcs)
    except LatencyInvalid:
        return None


def _milliseconds(time: timedelta) -> str:
    return f"{time / timedelta(milliseconds=1):g} ms"


def _latency_place(draft: Draft) -> Steps:
    for position, sla in enumerate(draft.odcs.slaProperties or []):
        if sla.property == "latency":
            return ("slaProperties", position, "value")
    return ("slaProperties",)


def _classes(draft: Draft) -> dict[str, str | None]:
    """Return the classification of each described field."""
    described = (item for one in draft.odcs.schema_ or [] for item in one.properties or [])
    return {item.name: item.classification for item in described if item.name}
