"""What a change means for each kind of reader: consumers of Avro, and ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contractline.avro.compatibility import Direction, incompatibilities
from contractline.avro.schema import Schema
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft, PartUnread
from contractline.contracts.model import Version
from contractline.gate.report import Outcome, Verdict
from contractline.rules.sinkverdict import SinkVerdict

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
    reasons = [finding.message for finding in sink.findings]
    fine = "its tables read records of every version as they are meant"
    return Verdict(CLICKHOUSE, Outcome(sink.kind.value), _cut(reasons) or (fine,))


def _consumers(before: Draft, after: Draft) -> Iterator[Verdict]:
    level = after.pipeline.compatibility
    earlier = [one for one in before.versions("value") if one.schema != after.value]
    for direction, reader in ((Direction.FORWARD, OLDER), (Direction.BACKWARD, NEWER)):
        reasons = list(_reasons(direction, after.value, earlier))
        promised = direction in level.directions
        yield Verdict(
            reader,
            Outcome.BREAKS if reasons else Outcome.OK,
            _cut(reasons) if reasons else (_fine(direction, earlier),),
            "" if promised else level.value,
        )


def _reasons(direction: Direction, now: Schema, earlier: Sequence[Version]) -> Iterator[str]:
    found: dict[str, list[int]] = {}
    for version in earlier:
        pair = (version.schema, now) if direction is Direction.FORWARD else (now, version.schema)
        for one in incompatibilities(*pair):
            found.setdefault(one.reason, []).append(version.number)
    for reason, numbers in found.items():
        names = _names(numbers)
        if direction is Direction.FORWARD:
            yield f"a consumer that reads with {names} can't read new records: {reason}"
        else:
            yield f"a consumer that reads with the new schema can't read {names}: {reason}"


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
