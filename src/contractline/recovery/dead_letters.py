"""Messages that ClickHouse could not decode: listed, shown, and dismissed by a person.

They are the rows of ``ingestion.errors``; a replay (:mod:`contractline.recovery.replay`) puts them
into their streams. A dismissed message stays there, with who decided so and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contractline.clickhouse.ddl import ERRORS
from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from contractline.clients.errors import FrameInvalid
from contractline.clients.wire import split
from contractline.errors import ContractlineError
from contractline.kafka.place import MessagePlace
from contractline.recovery.frames import topics


class NotThere(ContractlineError):
    """When no message that could not be read is at a place."""

    def __init__(self, place: MessagePlace) -> None:
        super().__init__(
            f"no message that could not be read is at {place}",
            hint="`contractline dlq list` names those that are open, `--all` the decided ones too",
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be decoded.

    Attributes:
        place: where it is in Kafka.
        stream: the stream that reads its topic; None where ClickHouse has none (any more).
        key: the bytes of its key.
        raw: the bytes of its value.
        at: when it was produced.
        kind: transient or poison.
        reason: why it could not be decoded, in the words of the engine.
        resolved_at: when it was put into its stream, or dismissed; None while it is open.
        dismissed_by: who dismissed it; empty when nobody did.
        dismissed_because: why.
    """

    place: MessagePlace
    stream: str | None
    key: bytes
    raw: bytes
    at: datetime
    kind: str
    reason: str
    resolved_at: datetime | None
    dismissed_by: str
    dismissed_because: str

    @property
    def state(self) -> str:
        """``open``, ``replayed`` or ``dismissed``."""
        if self.resolved_at is None:
            return "open"
        return "dismissed" if self.dismissed_by else "replayed"

    @property
    def schema_id(self) -> int | None:
        """The id of the schema that its bytes name; None where they name none."""
        try:
            return split(self.raw)[0]
        except FrameInvalid:
            return None


def dead_letters(
    warehouse: Warehouse,
    *,
    places: Sequence[MessagePlace] = (),
    stream: str | None = None,
    also_decided: bool = False,
    limit: int | None = None,
) -> list[DeadLetter]:
    """Return messages that could not be decoded, the oldest of each topic first.

    Args:
        warehouse: ClickHouse.
        places: only those at these places.
        stream: only those of a stream.
        also_decided: those that were replayed or dismissed, too.
        limit: at most so many.

    Raises:
        ServiceUnavailable: ClickHouse did not answer.
    """
    streams = {topic: name for name, topic in topics(warehouse).items()}
    conditions = [] if also_decided else ["isNull(resolved_at)"]
    if places:
        listed = ", ".join(f"({literal(p.topic)}, {p.partition}, {p.offset})" for p in places)
        conditions.append(f"(topic, partition, offset) IN ({listed})")
    if stream is not None:
        names = [topic for topic, name in streams.items() if name == stream]
        conditions.append(f"topic IN ({', '.join(map(literal, names)) or literal('')})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = warehouse.rows(
        "SELECT topic, partition, offset, hex(key), hex(raw), at, class, reason, resolved_at,"  # noqa: S608
        f" dismissed_by, dismissed_because FROM {ERRORS} FINAL{where}"
        " ORDER BY topic, partition, offset, at" + ("" if limit is None else f" LIMIT {limit}")
    )
    return [
        DeadLetter(
            MessagePlace(topic, partition, offset),
            streams.get(topic),
            bytes.fromhex(key),
            bytes.fromhex(raw),
            *decision,
        )
        for topic, partition, offset, key, raw, *decision in rows
    ]


def dismiss(warehouse: Warehouse, places: Sequence[MessagePlace], *, by: str, because: str) -> None:
    """Take open messages out of the open errors; their bytes stay.

    Args:
        warehouse: ClickHouse.
        places: where they are.
        by: who decides so.
        because: why.

    Raises:
        NotThere: no open message is at one of the places; nothing is dismissed then.
        ServiceUnavailable: ClickHouse did not answer.
    """
    found = {letter.place for letter in dead_letters(warehouse, places=places)}
    for place in places:
        if place not in found:
            raise NotThere(place)
    listed = ", ".join(f"({literal(p.topic)}, {p.partition}, {p.offset})" for p in places)
    warehouse.run(dismissal(f"(topic, partition, offset) IN ({listed})", by=by, because=because))


def dismissal(condition: str, *, by: str, because: str) -> str:
    """Return the SQL that dismisses the open messages of a condition."""
    # The inner query: an alias of REPLACE would stand for the column in a WHERE beside it.
    return (
        f"INSERT INTO {ERRORS} SELECT * REPLACE (now64(3) AS resolved_at,"  # noqa: S608
        f" {literal(by)} AS dismissed_by, {literal(because)} AS dismissed_because,"
        " toUInt64(toUnixTimestamp64Micro(now64(6))) AS revision)"
        f" FROM (SELECT * FROM {ERRORS} FINAL WHERE isNull(resolved_at)"
        f" AND {condition})"
    )
