"""What a change means for each kind of reader: consumers of Avro, and ClickHouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from contractline.avro.compatibility import (
    Compatibility,
    Direction,
    Incompatibility,
    incompatibilities,
)
from contractline.avro.meaning import reinterpretations
from contractline.avro.schema import Schema
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import Version
from contractline.finding import Effect
from contractline.gate.report import Verdict
from contractline.rules.clickhouse_verdict import SinkVerdict

NEWER = "newer consumers"
OLDER = "older consumers"
CLICKHOUSE = "ClickHouse"

_MAX_REASONS = 5


def verdicts(change: StreamChange, sink: SinkVerdict | None) -> tuple[Verdict, ...]:
    """Return what a change of a released stream means for its readers; nothing for a new one.

    Args:
        change: the contract before and after.
        sink: what it means for ClickHouse; None where that does not read the stream.
    """
    before, after = change.before, change.after
    if before is None or after is None or not before.versions("value"):
        return ()
    try:
        return (*_consumers(before, after), *((_sink(sink),) if sink else ()))
    except PartUnread:
        return ()


def _sink(sink: SinkVerdict) -> Verdict:
    found = [*sink.corrupting, *(one for one in sink.findings if one not in sink.corrupting)]
    reasons = [one.message for one in found]
    if sink.kind is Effect.OK:
        fine = "its tables read records of every version as they are meant"
        refused = [f"but no tables can be made of the contract as it is: {one}" for one in reasons]
        as_they_are = "the tables as they are read its records as they are meant"
        reasons = [as_they_are, *refused] if sink.is_refused else [fine]
    return Verdict(CLICKHOUSE, sink.kind, _cut(reasons))


def _consumers(before: Draft, after: Draft) -> Iterator[Verdict]:
    level = after.pipeline.compatibility
    earlier = [one for one in before.versions("value") if one.schema != after.value]
    keys = [_OTHER_KEY] if before.versions("key") and before.key != after.key else []
    for direction, reader in ((Direction.FORWARD, OLDER), (Direction.BACKWARD, NEWER)):
        misread = _found(direction, reinterpretations, after.value, earlier)
        unread = _found(direction, incompatibilities, after.value, earlier)
        reasons = [
            *_worded(direction, "misreads", misread),
            *keys,
            *_worded(direction, "can't read", unread),
        ]
        outcome = Effect.CORRUPTS if misread else Effect.BREAKS if reasons else Effect.OK
        is_allowed = outcome is Effect.BREAKS and not keys
        is_allowed = is_allowed and not _promises(level, direction, unread, earlier)
        yield Verdict(
            reader,
            outcome,
            _cut(reasons or [_fine(direction, earlier)]),
            level.value if is_allowed else "",
        )


_OTHER_KEY = "the key means something else, so that records of one row lie under two keys"

_Found = Mapping[str, Sequence[int]]
"""What stands between a reader and a writer: the reason, and the versions that it is about."""


def _found(
    direction: Direction,
    compare: Callable[[Schema, Schema], Sequence[Incompatibility]],
    now: Schema,
    earlier: Sequence[Version],
) -> _Found:
    found: dict[str, list[int]] = {}
    for version in earlier:
        pair = (version.schema, now) if direction is Direction.FORWARD else (now, version.schema)
        for one in compare(*pair):
            found.setdefault(one.reason, []).append(version.number)
    return found


def _worded(direction: Direction, verb: str, found: _Found) -> Iterator[str]:
    for reason, numbers in found.items():
        names = _names(numbers)
        if direction is Direction.FORWARD:
            yield f"a consumer that reads with {names} {verb} new records: {reason}"
        else:
            yield f"a consumer that reads with the new schema {verb} records of {names}: {reason}"


def _promises(
    level: Compatibility, direction: Direction, unread: _Found, earlier: Sequence[Version]
) -> bool:
    """Tell whether a level promises that what can't be read can be: not each looks at all."""
    counted = earlier if level.is_transitive else earlier[-1:]
    numbers = {number for numbers in unread.values() for number in numbers}
    return direction in level.directions and any(one.number in numbers for one in counted)


def _fine(direction: Direction, earlier: Sequence[Version]) -> str:
    if not earlier:
        return "the schema means what it meant"
    names = _names([version.number for version in earlier])
    if direction is Direction.FORWARD:
        return f"a consumer that reads with {names} reads new records"
    return f"a consumer that reads with the new schema reads records of {names}"


def _names(numbers: Sequence[int]) -> str:
    names = [f"v{number}" for number in numbers]
    if len(names) > 3:
        return f"v{numbers[0]} to v{numbers[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _cut(reasons: Sequence[str]) -> tuple[str, ...]:
    more = len(reasons) - _MAX_REASONS
    kept = tuple(reasons[:_MAX_REASONS])
    return (*kept, f"and {more} more reasons") if more > 0 else kept
